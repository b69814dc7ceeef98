import Foundation
import Model
import TestSupport

/// The public OpenTimestamps client and library, two calendars and a small chain with its node (`scripts/lab/ots`).
struct LabTimestamps: Sendable {
    let calendars: [String]
    let node: String
    let login: String
    private static let script = repositoryRoot + "/scripts/lab/ots"

    /// The library alone; nothing is started.
    static func python(_ arguments: String...) async throws -> String {
        try await offTheTestsThreads { try runCommand(script, ["install"]) }
        return try await offTheTestsThreads { try runCommand(script, ["python"] + arguments) }
    }

    /// Runs `body` with calendars and node.
    static func run<Result: Sendable>(_ body: (LabTimestamps) async throws -> Result) async throws -> Result {
        let settings = try await offTheTestsThreads { try labSettings(script) }
        return try await body(
            LabTimestamps(
                calendars: settings["OTS_CALENDARS", default: ""].split(separator: ",").map(String.init),
                node: settings["OTS_NODE", default: ""], login: settings["OTS_NODE_LOGIN", default: ""]))
    }

    /// - Returns: the height of the chain.
    @discardableResult
    func mine(_ blocks: Int = 1) async throws -> Int64 { try await height("mine", blocks) }

    @discardableResult
    func reorganize(_ blocks: Int) async throws -> Int64 { try await height("reorg", blocks) }

    private func height(_ command: String, _ blocks: Int) async throws -> Int64 {
        let answer = try await offTheTestsThreads { try runCommand(Self.script, [command, "\(blocks)"]) }
        return Int64(answer.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    /// - Returns: what the public client prints, both streams; throws when it ends with anything but 0.
    @discardableResult
    func client(_ arguments: String...) async throws -> String {
        let quoted = arguments.map { "'\($0)'" }.joined(separator: " ")
        return try await offTheTestsThreads { try runCommand("/bin/bash", ["-c", "'\(Self.script)' client \(quoted) 2>&1"]) }
    }
}
