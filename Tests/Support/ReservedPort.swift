import Foundation
import Glibc

/// A TCP port on loopback that is the holder's as long as this lives, also while nobody listens on it: for a server that is stopped, killed
/// and started again on the port that others know.
///
/// A port that the kernel gave out is free again with the socket, and the next connection or server of any test takes it. These are from below
/// the kernel's own range, and a lock on a file keeps the other tests away, those of other processes too.
package final class ReservedPort: Sendable {
    package let number: Int
    private let lock: Int32

    /// - Throws: `POSIXError` when a thousand were taken.
    package init() throws {
        let directory = "/tmp/martlet-ports"
        mkdir(directory, 0o777)
        for _ in 0..<1_000 {
            let candidate = Int.random(in: 15_000..<32_000)
            let descriptor = open("\(directory)/\(candidate)", O_CREAT | O_RDWR | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { continue }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0, Self.isFree(candidate) {
                number = candidate
                lock = descriptor
                return
            }
            close(descriptor)
        }
        throw POSIXError(.EADDRINUSE)
    }

    deinit { close(lock) }

    private static func isFree(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
