import Foundation

/// A directory of its own (0700), removed with the value that holds it.
package final class TemporaryDirectory: Sendable {
    package let path: String

    /// - Parameter parent: `/dev/shm` where a test makes more durable than a shared disk is good for.
    package init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/martlet-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        path = String(cString: made)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    package func file(_ name: String) -> String { path + "/" + name }
}
