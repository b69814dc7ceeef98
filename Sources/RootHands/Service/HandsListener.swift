import Dispatch
import Glibc
import Hosts
import Model
import Synchronization

/// The socket: who may connect, how many at once, one request and one answer each.
package final class HandsListener: Sendable {
    /// Answered at the same time; what comes beyond waits in the kernel.
    static let connectionsMax = 8
    private let descriptor: Int32
    private let users: Set<UInt32>
    private let service: HandsService
    private let log: @Sendable (String) -> Void
    private let places = DispatchSemaphore(value: HandsListener.connectionsMax)

    /// - Parameter users: numbers of those that are answered.
    package init(descriptor: Int32, users: Set<UInt32>, service: HandsService, log: @escaping @Sendable (String) -> Void) {
        self.descriptor = descriptor
        self.users = users
        self.service = service
        self.log = log
    }

    /// Accepts until the socket is closed. Blocks the thread it is called on.
    package func run() {
        while true {
            places.wait()
            let connection = accept(descriptor, nil, nil)
            guard connection >= 0 else {
                let number = errno
                places.signal()
                if [EINTR, ECONNABORTED, EAGAIN].contains(number) { continue }
                if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(number) {
                    usleep(100_000)
                    continue
                }
                return
            }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            let isServed = DetachedThread.start { [self] in
                serve(connection)
                close(connection)
                places.signal()
            }
            // No thread to be had: it is told nothing, and asks again.
            guard !isServed else { continue }
            close(connection)
            places.signal()
        }
    }

    /// Nobody is accepted any more.
    package func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func serve(_ connection: Int32) {
        let stream = FrameStream(descriptor: connection)
        let reply: [UInt8]
        do throws(HandsRefusal) {
            // Before a byte of it is read.
            guard let user = Self.user(of: connection), users.contains(user) else {
                throw .peer(user: Self.user(of: connection) ?? UInt32.max)
            }
            let request: [UInt8]
            do throws(FrameStream.Failure) {
                request = try stream.read(within: HandsProtocol.frameDeadline)
            } catch {
                switch error {
                case .tooLarge(let bytes): throw .tooLarge(bytes: bytes)
                case .timedOut: throw .timedOut
                case .ended: return
                }
            }
            reply = answer(request, stream)
        } catch {
            log("refused \(error.code): \(error.message)")
            reply = HandsService.bytes(HandsAnswer(error))
        }
        // Nobody there to hear it: what was done was done, and the appliance asks again.
        try? stream.write(reply, within: HandsProtocol.frameDeadline)
    }

    /// Waits for the answer on this thread, and gives up a look whose asker is gone.
    private func answer(_ request: [UInt8], _ stream: FrameStream) -> [UInt8] {
        let done = DispatchSemaphore(value: 0)
        let box = Mutex<[UInt8]>([])
        let task = Task { [service] in
            let bytes = await service.answer(request)
            box.withLock { $0 = bytes }
            done.signal()
        }
        while done.wait(timeout: .now() + .milliseconds(200)) == .timedOut {
            var polled = pollfd(fd: stream.descriptor, events: 0, revents: 0)
            if poll(&polled, 1, 0) > 0 { task.cancel() }
        }
        return box.withLock { $0 }
    }

    /// The user on the other side, as the kernel noted it when it connected.
    private static func user(of connection: Int32) -> UInt32? {
        // struct ucred: process, user, group.
        var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
        var size = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0,
            size == socklen_t(MemoryLayout.size(ofValue: credentials))
        else { return nil }
        return credentials.1
    }
}

/// Where the socket comes from.
package enum HandsSocket {
    /// The first descriptor that systemd hands over.
    private static let firstPassed: Int32 = 3

    /// - Parameter environment: `LISTEN_PID` and `LISTEN_FDS` of systemd's socket activation (`sd_listen_fds(3)`).
    /// - Returns: nil where systemd handed nothing over.
    package static func passed(_ environment: [String: String]) throws(HandsStartError) -> Int32? {
        guard let process = environment["LISTEN_PID"], Int32(process) == getpid() else { return nil }
        var type: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isNamed = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(firstPassed, $0, &length) == 0 }
        }
        guard environment["LISTEN_FDS"] == "1", isNamed, address.ss_family == sa_family_t(AF_UNIX),
            getsockopt(firstPassed, SOL_SOCKET, SO_TYPE, &type, &size) == 0, type == Int32(SOCK_STREAM.rawValue)
        else { throw .socket("descriptor 3", "not exactly one Unix stream socket") }
        _ = fcntl(firstPassed, F_SETFD, FD_CLOEXEC)
        return firstPassed
    }

    /// Makes the socket: open to root and `group` and to nobody else.
    package static func bind(_ path: String, group: UInt32) throws(HandsStartError) -> Int32 {
        var found = stat()
        if lstat(path, &found) == 0 {
            guard found.st_mode & S_IFMT == S_IFSOCK else { throw .socket(path, "something else is there") }
            guard case .failure(let failure) = SocketAddress.connect(path) else { throw .inUse(path) }
            // Left by one that was killed. Whatever else is there is not ours to remove.
            guard failure.errno == ECONNREFUSED else { throw .socket(path, String(cString: strerror(failure.errno))) }
            unlink(path)
        }
        let descriptor = SocketAddress.open()
        guard descriptor >= 0 else { throw .socket(path, String(cString: strerror(errno))) }
        // Open to nobody else from its first moment: Linux takes the mode of the socket's own inode. The umask would be all threads'.
        guard fchmod(descriptor, 0o600) == 0 else {
            let number = errno
            close(descriptor)
            throw .socket(path, String(cString: strerror(number)))
        }
        let status = SocketAddress.with(path) { Glibc.bind(descriptor, $0, $1) == 0 ? 0 : errno }
        guard status == 0 else {
            close(descriptor)
            throw .socket(path, status.map { String(cString: strerror($0)) } ?? "the path is too long")
        }
        guard chown(path, geteuid(), group) == 0, chmod(path, 0o660) == 0, listen(descriptor, 64) == 0 else {
            let number = errno
            close(descriptor)
            throw .socket(path, String(cString: strerror(number)))
        }
        return descriptor
    }
}
