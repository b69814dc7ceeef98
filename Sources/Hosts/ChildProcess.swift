import Glibc
import Model
import Synchronization

/// One program run on this machine, to its end or to its limits.
///
/// The child leads a process group of its own, so that a deadline ends all that it started, also what has left the group for a
/// session of its own; only a daemon, whose starter is gone, is nobody's. It inherits no descriptor but its three streams, no signal
/// mask and no environment but `environment`; it is always reaped.
struct ChildProcess: Sendable {
    let path: String
    /// With the program's name first.
    let arguments: [String]
    /// `NAME=value`.
    let environment: [String]
    var input: [UInt8] = []
    let deadline: Duration
    /// Longest time without a byte of output; nil for none but `deadline`.
    var silenceMax: Duration?
    /// Of both streams together.
    let outputBytesMax: Int

    enum End: Hashable, Sendable {
        /// 0...255, or 128 + the signal's number.
        case exited(Int)
        case deadline
        case outputLimit
        case cancelled
    }

    struct Ended: Sendable {
        var end: End
        var output: [UInt8] = []
        var errorOutput: [UInt8] = []
    }

    /// The errno with which the program could not be started; nothing ran.
    struct NotStarted: Error { let errno: Int32 }

    /// Time between asking a group to end and killing it: `apt-get` and its like undo on SIGTERM what they began.
    static let graceMilliseconds: Int64 = 500

    /// Blocks a thread of its own, never one of the concurrency pool.
    func run() async throws(NotStarted) -> Ended {
        let cancelled = CancelFlag()
        let result: Result<Ended, NotStarted> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let started = DetachedThread.start {
                    continuation.resume(returning: Result { () throws(NotStarted) in try runBlocking(cancelled) })
                }
                if !started { continuation.resume(returning: .failure(NotStarted(errno: EAGAIN))) }
            }
        } onCancel: {
            cancelled.set()
        }
        return try result.get()
    }

    private func runBlocking(_ cancelled: CancelFlag) throws(NotStarted) -> Ended {
        var everySignal = sigset_t()
        sigfillset(&everySignal)
        // A child that closes its input early must not end this process with SIGPIPE.
        pthread_sigmask(SIG_BLOCK, &everySignal, nil)
        var streams = try Streams()
        defer { streams.close() }
        let pid = try spawn(streams)
        streams.closeChildEnds()

        var ended = Ended(end: .cancelled)
        let clock = ContinuousClock()
        let begun = clock.now
        var lastByte = begun
        var pending = input[...]
        if pending.isEmpty { streams.closeInput() }
        var pause: Int32 = 1
        while true {
            let read = streams.transfer(&pending, into: &ended, limit: outputBytesMax, waitMilliseconds: pause)
            if read > 0 { lastByte = clock.now }
            pause = read > 0 ? 1 : min(pause * 2, 50)
            if ended.output.count + ended.errorOutput.count > outputBytesMax {
                ended.end = .outputLimit
                break
            }
            if let status = Self.reap(pid, patiently: streams.areDrained) {
                // What a finished child left in the pipes; a grandchild that still holds them open is not waited for.
                while streams.transfer(&pending, into: &ended, limit: outputBytesMax, waitMilliseconds: 0) > 0 {
                    if ended.output.count + ended.errorOutput.count > outputBytesMax { break }
                }
                ended.end = ended.output.count + ended.errorOutput.count > outputBytesMax ? .outputLimit : .exited(status)
                return ended
            }
            let now = clock.now
            if now - begun >= deadline || silenceMax.map({ now - lastByte >= $0 }) ?? false {
                ended.end = .deadline
                break
            }
            if cancelled.isSet { break }
        }
        Self.endGroup(of: pid)
        return ended
    }

    /// Exit status if the child has ended; `patiently` looks a few times, for a child whose streams have just closed.
    private static func reap(_ pid: pid_t, patiently: Bool) -> Int? {
        var status: Int32 = 0
        for attempt in 0..<(patiently ? 40 : 1) {
            if waitpid(pid, &status, WNOHANG) == pid {
                let signal = Int(status & 0x7f)
                return signal == 0 ? Int(status >> 8 & 0xff) : 128 + signal
            }
            if attempt > 2 { sched_yield() }
        }
        return nil
    }

    private static func endGroup(of pid: pid_t) {
        // While those that started them live: afterwards nothing says whose they were.
        let strays = ProcessTree.now().strays(below: pid)
        kill(-pid, SIGTERM)
        for stray in strays { stray.send(SIGTERM) }
        var status: Int32 = 0
        var waited: Int64 = 0
        var isReaped = false
        // While one member of the group lives its number cannot be given to another, so the kill below hits only ours.
        var isGone = false
        while waited < graceMilliseconds {
            if !isReaped { isReaped = waitpid(pid, &status, WNOHANG) == pid }
            isGone = isGone || (isReaped && kill(-pid, 0) != 0)
            if isGone, !strays.contains(where: \.lives) { return }
            usleep(5_000)
            waited += 5
        }
        if !isGone { kill(-pid, SIGKILL) }
        for stray in strays { stray.send(SIGKILL) }
        if !isReaped { waitpid(pid, &status, 0) }
    }

    private func spawn(_ streams: Streams) throws(NotStarted) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, streams.childInput, 0)
        posix_spawn_file_actions_adddup2(&actions, streams.childOutput, 1)
        posix_spawn_file_actions_adddup2(&actions, streams.childError, 2)
        closeFrom(&actions, 3)
        changeDirectory(&actions, "/")

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        var allSignals = sigset_t()
        sigfillset(&allSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setsigdefault(&attributes, &allSignals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var argv = arguments.map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: pid_t = 0
        let failure = posix_spawn(&pid, path, &actions, &attributes, &argv, &envp)
        guard failure == 0 else { throw NotStarted(errno: failure) }
        return pid
    }
}

// glibc 2.34 has both, behind _GNU_SOURCE, which Swift's Glibc module does not define. Pointers and integers pass alike
// in Swift's and C's calling conventions.
@_silgen_name("posix_spawn_file_actions_addclosefrom_np")
@discardableResult private func closeFrom(_ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ first: Int32) -> Int32
@_silgen_name("posix_spawn_file_actions_addchdir_np")
@discardableResult private func changeDirectory(
    _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ path: UnsafePointer<CChar>
) -> Int32

/// The three pipes of a child, seen from the parent.
private struct Streams {
    private(set) var childInput: Int32
    private(set) var childOutput: Int32
    private(set) var childError: Int32
    private var input: Int32
    private var output: Int32
    private var error: Int32

    init() throws(ChildProcess.NotStarted) {
        var pairs: [[Int32]] = []
        for _ in 0..<3 {
            var pair: [Int32] = [-1, -1]
            guard pipe(&pair) == 0 else {
                let failure = errno
                for open in pairs.joined() { Glibc.close(open) }
                throw ChildProcess.NotStarted(errno: failure)
            }
            pairs.append(pair)
        }
        (childInput, input) = (pairs[0][0], pairs[0][1])
        (output, childOutput) = (pairs[1][0], pairs[1][1])
        (error, childError) = (pairs[2][0], pairs[2][1])
        for descriptor in pairs.joined() { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        for descriptor in [input, output, error] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
    }

    var areDrained: Bool { output < 0 && error < 0 }

    mutating func closeChildEnds() {
        Self.close(&childInput)
        Self.close(&childOutput)
        Self.close(&childError)
    }

    mutating func closeInput() { Self.close(&input) }

    mutating func close() {
        closeChildEnds()
        closeInput()
        Self.close(&output)
        Self.close(&error)
    }

    private static func close(_ descriptor: inout Int32) {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Moves what can be moved now, waiting at most so long for the first of it.
    /// - Returns: bytes read.
    mutating func transfer(
        _ pending: inout ArraySlice<UInt8>, into ended: inout ChildProcess.Ended, limit: Int, waitMilliseconds: Int32
    ) -> Int {
        var polled = [
            pollfd(fd: output, events: Int16(POLLIN), revents: 0), pollfd(fd: error, events: Int16(POLLIN), revents: 0),
            pollfd(fd: input, events: Int16(POLLOUT), revents: 0),
        ]
        // Negative descriptors are ignored: with all closed this only waits.
        guard poll(&polled, 3, waitMilliseconds) > 0 else { return 0 }
        var read = 0
        if polled[0].revents != 0 { read += Self.drain(&output, into: &ended.output) }
        if polled[1].revents != 0 { read += Self.drain(&error, into: &ended.errorOutput) }
        if polled[2].revents != 0 {
            let written = pending.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            if written > 0 { pending = pending.dropFirst(written) }
            if pending.isEmpty || (written < 0 && errno != EAGAIN && errno != EINTR) { closeInput() }
        }
        return read
    }

    private static func drain(_ descriptor: inout Int32, into bytes: inout [UInt8]) -> Int {
        let count = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 { bytes.append(contentsOf: buffer.prefix(count)) }
            return count
        }
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { close(&descriptor) }
        return max(count, 0)
    }
}

private final class CancelFlag: Sendable {
    private let flag = Atomic(false)
    func set() { flag.store(true, ordering: .relaxed) }
    var isSet: Bool { flag.load(ordering: .relaxed) }
}
