import Dispatch
import Foundation
import Synchronization
import TestSupport
import Testing

/// One after another: they share calendars, a chain and an authority.
@Suite(.serialized) struct LabTests {}

/// Starts a service of the lab when it is first asked for; all tests of this process share it. It is stopped when the process
/// ends, unless it ran before.
///
/// - Returns: the `NAME=value` lines that its script prints.
func labSettings(_ script: String) throws -> [String: String] {
    try services.withLock { services in
        if let settings = services[script] { return settings }
        let wasRunning = (try? runCommand(script, ["status"])) != nil
        var settings: [String: String] = [:]
        for line in try runCommand(script, ["start"]).split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { settings[String(parts[0])] = String(parts[1]) }
        }
        services[script] = settings
        if !wasRunning { stopAtExit(script) }
        return settings
    }
}

private let services = Mutex<[String: [String: String]]>([:])
private let startedHere = Mutex<[String]>([])

private func stopAtExit(_ script: String) {
    let isFirst = startedHere.withLock { scripts in
        scripts.append(script)
        return scripts.count == 1
    }
    if isFirst { atexit { startedHere.withLock { $0 }.forEach { _ = try? runCommand($0, ["stop"]) } } }
}

/// What blocks runs on a thread of its own: there are as few threads for tests as there are cores.
@discardableResult
func offTheTestsThreads<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
