import Glibc
import Hosts
import Model
import Seal
import Synchronization

/// Asks `martlet-hands`: a connection for each request.
struct HandsClient: Sendable {
    let socket: String
    /// What an answer may take beyond the time that the work itself has: its turn has to come, and it has to arrive.
    private static let patience: Duration = HandsProtocol.queueMax + HandsProtocol.frameDeadline

    /// Why there is no answer.
    enum Failure: Error {
        /// Nobody listens: nothing was done.
        case unreachable(String)
        /// It was asked, and the connection ended: what was done is not known.
        case lost(String)
        /// Not one that we understand.
        case malformed(String)

        var code: Code {
            switch self {
            case .unreachable: "hands.unreachable"
            case .lost: "hands.connection_lost"
            case .malformed: "hands.answer_malformed"
            }
        }

        var detail: String {
            switch self {
            case .unreachable(let why), .lost(let why), .malformed(let why): why
            }
        }
    }

    /// - Parameters:
    ///   - span: what the work itself may take.
    ///   - retrying: how long it is tried again while nobody listens; a helper that was killed is started again.
    func ask(_ request: HandsRequest, within span: Duration, retrying: Duration = .zero) async throws(Failure) -> HandsAnswer {
        let bytes: [UInt8]
        do throws(JSONError) { bytes = try request.json.canonicalBytes() } catch { throw .malformed(error.code) }
        let end = ContinuousClock.now + retrying
        while true {
            do throws(Failure) {
                return try await exchange(bytes, within: span)
            } catch .unreachable(let why) {
                guard ContinuousClock.now < end, (try? await Task.sleep(for: .milliseconds(100))) != nil else { throw .unreachable(why) }
            }
        }
    }

    /// On a thread of its own, never one of the concurrency pool. Cancelling ends the wait.
    private func exchange(_ bytes: [UInt8], within span: Duration) async throws(Failure) -> HandsAnswer {
        let connection = Connection()
        let result: Result<HandsAnswer, Failure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isStarted = DetachedThread.start {
                    continuation.resume(
                        returning: Result { () throws(Failure) in try exchangeBlocking(bytes, connection, within: span + Self.patience) })
                }
                if !isStarted { continuation.resume(returning: .failure(.unreachable("no thread to be had"))) }
            }
        } onCancel: {
            connection.hangUp()
        }
        return try result.get()
    }

    private func exchangeBlocking(_ bytes: [UInt8], _ connection: Connection, within span: Duration) throws(Failure) -> HandsAnswer {
        let descriptor: Int32
        switch SocketAddress.connect(socket) {
        case .success(let open): descriptor = open
        case .failure(let failure): throw .unreachable("\(socket): \(String(cString: strerror(failure.errno)))")
        }
        guard connection.begin(descriptor) else {
            close(descriptor)
            throw .lost("given up")
        }
        defer { connection.end() }
        let stream = FrameStream(descriptor: descriptor)
        let answer: [UInt8]
        do throws(FrameStream.Failure) {
            // One that refuses us before it read anything has closed already: its answer is there all the same.
            try? stream.write(bytes, within: HandsProtocol.frameDeadline)
            answer = try stream.read(within: span)
        } catch {
            throw .lost("\(error)")
        }
        do throws(HandsRefusal) {
            let value = try HandsProtocol.parse(answer)
            do throws(FieldError) { return try HandsAnswer(json: value) } catch { throw HandsRefusal.malformed(error.message) }
        } catch {
            throw .malformed(error.message)
        }
    }
}

/// A descriptor that another thread may hang up, and that is closed once.
private final class Connection: Sendable {
    private enum State {
        case before, over
        case open(Int32)
    }
    private let state = Mutex(State.before)

    func begin(_ descriptor: Int32) -> Bool {
        state.withLock { state in
            guard case .before = state else { return false }
            state = .open(descriptor)
            return true
        }
    }

    func end() {
        state.withLock { state in
            if case .open(let descriptor) = state { close(descriptor) }
            state = .over
        }
    }

    func hangUp() {
        state.withLock { state in
            switch state {
            case .before: state = .over
            case .open(let descriptor): shutdown(descriptor, Int32(SHUT_RDWR))
            case .over: break
            }
        }
    }
}
