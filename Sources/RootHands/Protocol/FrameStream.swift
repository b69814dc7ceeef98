import Dispatch
import Glibc
import Model

/// One end of a connection: whole frames, each within a time. Blocks the thread it is used on.
struct FrameStream {
    let descriptor: Int32

    enum Failure: Error, Hashable {
        case timedOut
        case tooLarge(bytes: Int)
        /// The other side is gone, also in the middle of a frame.
        case ended
    }

    func read(bytesMax: Int = HandsProtocol.frameBytesMax, within span: Duration) throws(Failure) -> [UInt8] {
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(max(span.wholeMilliseconds, 0)) * 1_000_000
        let head = try read(exactly: 4, until: end)
        let count = head.reduce(0) { $0 << 8 | Int($1) }
        guard count <= bytesMax else { throw .tooLarge(bytes: count) }
        return try read(exactly: count, until: end)
    }

    func write(_ bytes: [UInt8], within span: Duration) throws(Failure) {
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(max(span.wholeMilliseconds, 0)) * 1_000_000
        let head = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) }
        var rest = (head + bytes)[...]
        while !rest.isEmpty {
            try wait(Int16(POLLOUT), until: end)
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw .ended }
            rest = rest.dropFirst(count)
        }
    }

    /// Grows with what arrives: a length that somebody claims costs nothing yet.
    private func read(exactly count: Int, until end: UInt64) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            try wait(Int16(POLLIN), until: end)
            let wanted = min(count - bytes.count, 65_536)
            let got = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
                let got = recv(descriptor, buffer.baseAddress, wanted, Int32(MSG_DONTWAIT))
                if got > 0 { bytes.append(contentsOf: buffer.prefix(got)) }
                return got
            }
            if got < 0, errno == EINTR || errno == EAGAIN { continue }
            guard got > 0 else { throw .ended }
        }
        return bytes
    }

    private func wait(_ events: Int16, until end: UInt64) throws(Failure) {
        while true {
            let now = DispatchTime.now().uptimeNanoseconds
            guard now < end else { throw .timedOut }
            var polled = pollfd(fd: descriptor, events: events, revents: 0)
            let ready = poll(&polled, 1, Int32(clamping: (end - now) / 1_000_000 + 1))
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw .ended }
        }
    }
}

/// A path as the address of a Unix socket.
enum SocketAddress {
    /// - Returns: nil where the path is too long for one.
    static func with<Value>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value) -> Value? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    /// A stream socket that programs we start do not inherit; negative where there is none.
    static func open() -> Int32 { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0) }

    /// Connects; the descriptor, or the `errno`.
    static func connect(_ path: String) -> Result<Int32, Failure> {
        let descriptor = open()
        guard descriptor >= 0 else { return .failure(Failure(errno: errno)) }
        guard let status = with(path, { Glibc.connect(descriptor, $0, $1) }) else {
            close(descriptor)
            return .failure(Failure(errno: ENAMETOOLONG))
        }
        if status == 0 { return .success(descriptor) }
        let number = errno
        close(descriptor)
        return .failure(Failure(errno: number))
    }

    struct Failure: Error { let errno: Int32 }
}
