import Foundation

/// A program run to its end: for what tests start beside themselves.
package struct CommandFailed: Error, CustomStringConvertible {
    package let description: String
    package init(description: String) { self.description = description }
}

/// - Returns: standard output. Standard error goes to the test's own.
@discardableResult
package func runCommand(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw CommandFailed(description: "\(program) \(arguments.joined(separator: " ")) ended with \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
}

/// As `runCommand`, on a thread of its own: where what the program asks is answered by this process, the pool's threads must be free.
@discardableResult
package func runCommandAside(_ program: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try runCommand(program, arguments, environment: environment) }) }
    }
}

/// The root of the repository, where `scripts/` and `Catalog/` lie.
package let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
