package import Model

/// One command on a host: an argument vector, never a shell line.
package struct HostCommand: Hashable, Sendable {
    /// The program by absolute path or bare name, then its arguments.
    package let arguments: [String]
    package let input: [UInt8]
    package let deadline: Duration
    /// More output than this ends the command with `HostError.outputLimit`.
    package let outputBytesMax: Int

    package init(
        _ arguments: [String], input: [UInt8] = [], deadline: Duration = .seconds(20), outputBytesMax: Int = 1 << 20
    ) {
        self.arguments = arguments
        self.input = input
        self.deadline = deadline
        self.outputBytesMax = outputBytesMax
    }
}

package struct CommandResult: Hashable, Sendable {
    /// 0...255 as the program exited; 128 + signal number when a signal ended it.
    package let exitStatus: Int
    package let output: [UInt8]
    package let errorOutput: [UInt8]

    package init(exitStatus: Int, output: [UInt8], errorOutput: [UInt8]) {
        self.exitStatus = exitStatus
        self.output = output
        self.errorOutput = errorOutput
    }

    package var succeeded: Bool { exitStatus == 0 }
    /// Bytes that are not UTF-8 become U+FFFD.
    package var text: String { String(decoding: output, as: UTF8.self) }
}

/// Why a host could not be asked. Each becomes an `unknown` verdict with this code; none becomes a pass.
package enum HostError: Error, Hashable, Sendable {
    /// Refused, no route, name not found.
    case unreachable(String)
    /// The host key is not the pinned one; nothing was sent.
    case hostKeyChanged
    /// No host key is pinned for this host.
    case hostKeyUnknown
    case authenticationFailed
    /// The deadline passed; the command's process group was killed, at least on our side.
    case timedOut
    case outputLimit(bytes: Int)
    /// The connection broke in the middle: what ran on the host is not known.
    case connectionLost
    /// The program is not installed there.
    case commandMissing(String)
    /// We may not run it (no root, sudo refused).
    case notPermitted(String)

    package var code: Code {
        switch self {
        case .unreachable: "host.unreachable"
        case .hostKeyChanged: "host.key_changed"
        case .hostKeyUnknown: "host.key_unknown"
        case .authenticationFailed: "host.authentication_failed"
        case .timedOut: "host.timed_out"
        case .outputLimit: "host.output_limit"
        case .connectionLost: "host.connection_lost"
        case .commandMissing: "host.command_missing"
        case .notPermitted: "host.not_permitted"
        }
    }
}

/// A machine that can be asked and, by a runbook, changed. Two real implementations: `LocalHost` and `SSHHost`.
package protocol Host: Sendable {
    var id: HostID { get }
    /// Runs one command to its end.
    func run(_ command: HostCommand) async throws(HostError) -> CommandResult
    /// Runs each to its end, in order, in as few round trips as the host allows; one that fails does not stop the others.
    /// - Returns: one result per command.
    func run(_ commands: [HostCommand]) async -> [Result<CommandResult, HostError>]
    /// Drops any kept connection, so that the next command makes a new one: what proves that the host can still be reached.
    func disconnect() async
}

extension Host {
    package func run(_ commands: [HostCommand]) async -> [Result<CommandResult, HostError>] {
        var results: [Result<CommandResult, HostError>] = []
        for command in commands {
            do {
                results.append(.success(try await run(command)))
            } catch {
                results.append(.failure(error))
            }
        }
        return results
    }
}
