import Appliance
import Evidence
import Foundation
import Model
import Synchronization
import TestSupport

/// The real `martlet-appliance` as a process of its own.
final class LabDaemon {
    let process = Process()
    private let errors: URL
    /// Longer than a stop takes by itself by far, because it waits for a disk that every scenario writes to; and no more than a third of
    /// what systemd gives it.
    static let stopMax: Duration = .seconds(30)

    /// Noted by a thread of its own: the test's own tasks may not come to their turn for seconds.
    private let end = End()

    /// - Parameter arguments: after `run --config PATH`.
    init(_ configuration: String, _ arguments: [String] = []) throws {
        process.executableURL = binaries.appendingPathComponent("martlet-appliance")
        process.arguments = ["run", "--config", configuration] + arguments
        process.environment = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        errors = URL(fileURLWithPath: configuration + ".log")
        if !FileManager.default.fileExists(atPath: errors.path) { FileManager.default.createFile(atPath: errors.path, contents: nil) }
        let log = try FileHandle(forWritingTo: errors)
        try log.seekToEnd()
        process.standardError = log
        process.standardInput = FileHandle.nullDevice
        process.terminationHandler = { [end] _ in end.time.withLock { $0 = .now } }
        try process.run()
        Orphans.adopt(process)
    }

    /// A test that failed on its way leaves none behind: each would look at this machine for ever, and slow down all others.
    deinit {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
    }

    var log: String { (try? String(contentsOf: errors, encoding: .utf8)) ?? "" }
    var isRunning: Bool { process.isRunning }

    /// Waited for without blocking: the pool of the test's tasks has only as many threads as there are cores.
    func ended() async throws {
        while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    }

    /// Makes it look at everything now.
    func hangUp() { Foundation.kill(process.processIdentifier, SIGHUP) }

    func kill() async throws {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
        try await ended()
    }

    /// - Returns: how long the stop took.
    /// - Throws: when it did not end in good order.
    func stop() async throws -> Duration {
        let began = ContinuousClock.now
        process.terminate()
        try await ended()
        let took = (end.time.withLock { $0 } ?? .now) - began
        guard process.terminationReason == .exit && process.terminationStatus == 0 else {
            throw DidNotHappen(
                description: "a stop in good order, but status \(process.terminationStatus) after \(took):\n\(log.suffix(20_000))")
        }
        return took
    }
}

private final class End: Sendable {
    let time = Mutex<ContinuousClock.Instant?>(nil)
}

/// Where the test bundle and the programs lie side by side.
let binaries = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
