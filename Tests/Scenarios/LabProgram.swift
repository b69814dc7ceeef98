import Foundation
import TestSupport

/// A program of ours as a process of its own, its standard error in a file.
final class LabProgram {
    let process = Process()
    private let errors: URL

    init(_ name: String, _ arguments: [String], environment: [String: String], log: String) throws {
        process.executableURL = binaries.appendingPathComponent(name)
        process.arguments = arguments
        process.environment = environment
        errors = URL(fileURLWithPath: log)
        FileManager.default.createFile(atPath: log, contents: nil)
        process.standardError = try FileHandle(forWritingTo: errors)
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        Orphans.adopt(process)
    }

    var log: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }
    var wasKilled: Bool { !process.isRunning && process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL }

    /// Waited for without blocking: the pool of the test's tasks has only as many threads as there are cores.
    func ended() async throws { try await eventually("\(process.arguments ?? []) ended") { !process.isRunning } }
}
