import Glibc

/// Tells systemd how far the process is (sd_notify(3)); does nothing where nobody listens.
package struct SystemdNotification: Sendable {
    private let address: String?

    /// - Parameter address: the variable NOTIFY_SOCKET.
    package init(address: String?) { self.address = address }

    package func ready() { send("READY=1") }
    package func stopping() { send("STOPPING=1") }

    private func send(_ text: String) {
        guard let address, !address.isEmpty else { return }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        var path = Array(address.utf8)
        guard path.count < MemoryLayout.size(ofValue: target.sun_path) else { return }
        // A leading @ stands for the zero byte of an abstract socket.
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        withUnsafeMutableBytes(of: &target.sun_path) { $0.copyBytes(from: path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        _ = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
