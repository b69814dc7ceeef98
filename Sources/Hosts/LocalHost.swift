import Glibc
package import Model

/// The machine we run on.
package struct LocalHost: Host {
    package let id: HostID
    private let become: HostAccess.Become

    package init(id: HostID, become: HostAccess.Become = .none) {
        self.id = id
        self.become = become
    }

    package func run(_ command: HostCommand) async throws(HostError) -> CommandResult {
        let arguments = (become == .sudo ? ["sudo", "-n", "--"] : []) + command.arguments
        guard let path = ProgramPath.find(arguments[0]) else { throw .commandMissing(arguments[0]) }
        let process = ChildProcess(
            path: path, arguments: arguments, environment: ProgramPath.environment, input: command.input, deadline: command.deadline,
            outputBytesMax: command.outputBytesMax)
        let ended: ChildProcess.Ended
        do {
            ended = try await process.run()
        } catch {
            throw HostError(starting: arguments[0], errno: error.errno)
        }
        switch ended.end {
        case .exited(let status):
            let result = CommandResult(exitStatus: status, output: ended.output, errorOutput: ended.errorOutput)
            if become == .sudo, let refusal = SudoRefusal.error(in: result, running: command.arguments[0]) { throw refusal }
            return result
        case .deadline, .cancelled: throw .timedOut
        case .outputLimit: throw .outputLimit(bytes: command.outputBytesMax)
        }
    }

    package func disconnect() async {}
}

extension HostError {
    init(starting program: String, errno: Int32) {
        self =
            switch errno {
            case ENOENT, ENOEXEC, ENOTDIR: .commandMissing(program)
            case EACCES, EPERM: .notPermitted(program)
            default: .unreachable("\(program) could not be started here (errno \(errno))")
            }
    }
}

/// Where programs are looked for, here and on hosts: the same on every machine, whatever a log-in's profile says.
enum ProgramPath {
    static let directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/run/wrappers/bin", "/run/current-system/sw/bin"]
    /// Messages in English, times in UTC: what the parsers were written for.
    static let environment = ["PATH=" + directories.joined(separator: ":"), "LC_ALL=C", "LANG=C", "TZ=UTC"]

    static func find(_ program: String) -> String? {
        if program.utf8.contains(UInt8(ascii: "/")) { return program }
        return directories.lazy.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }
}

/// What sudo says, in its own words and not the command's, when it does not run something.
enum SudoRefusal {
    static func error(in result: CommandResult, running program: String) -> HostError? {
        guard result.exitStatus == 1, result.errorOutput.starts(with: Array("sudo: ".utf8)) else { return nil }
        let words = String(decoding: result.errorOutput, as: UTF8.self)
        if words.contains("command not found") { return .commandMissing(program) }
        return .notPermitted("sudo")
    }
}
