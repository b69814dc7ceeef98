import Glibc

/// Tells systemd how we are (sd_notify(3)): one datagram to the socket that it named. Without one, nothing happens.
package struct ServiceManager: Sendable {
    /// `$NOTIFY_SOCKET`, read by `main`; a leading `@` is the abstract name space.
    private let socketPath: String?
    /// How often it wants to hear from us; nil where it does not watch.
    package let watchdogInterval: Duration?

    /// - Parameter watchdogMicroseconds: `$WATCHDOG_USEC`.
    package init(socketPath: String?, watchdogMicroseconds: String?) {
        self.socketPath = socketPath
        watchdogInterval = watchdogMicroseconds.flatMap(Int64.init).flatMap { $0 > 0 ? .microseconds($0) : nil }
    }

    package static let none = ServiceManager(socketPath: nil, watchdogMicroseconds: nil)

    package enum Message: String, Sendable {
        case ready = "READY=1"
        case watchdog = "WATCHDOG=1"
        case stopping = "STOPPING=1"
    }

    /// Best effort: a service manager that does not listen is no reason to stop watching a practice.
    package func send(_ message: Message) {
        guard var path = socketPath.map({ Array($0.utf8) }), !path.isEmpty else { return }
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let text = message.rawValue
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
