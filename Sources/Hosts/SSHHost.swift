import Glibc
package import Model

/// A machine behind sshd, reached with the OpenSSH client: one kept connection, one session for a whole batch of commands.
///
/// Only the configured host key is accepted, only the configured key is offered, and no configuration file of this
/// machine is read.
package struct SSHHost: Host {
    package let id: HostID
    private let address: SSHAddress
    private let become: HostAccess.Become
    private let controlPath: String
    private let knownHostsPath: String
    private let limits: SSHLimits

    /// Makes `stateDirectory` (0700, ours) and writes the pinned key there; contacts nobody.
    package init(
        id: HostID, address: SSHAddress, become: HostAccess.Become = .none, stateDirectory: String, limits: SSHLimits = SSHLimits()
    ) throws(HostAccessError) {
        self.id = id
        self.address = address
        self.become = become
        self.limits = limits
        let name = Self.shortName("\(id) \(address.user)@\(address.host):\(address.port)")
        controlPath = "\(stateDirectory)/\(name)"
        knownHostsPath = "\(stateDirectory)/\(name).known"
        try Self.prepare(stateDirectory)
        // sun_path has 108 bytes, and the client first binds a temporary name 17 bytes longer.
        guard controlPath.utf8.count <= 88 else { throw .stateDirectory(stateDirectory, reason: "the path is too long for a socket") }
        if let hostKey = address.hostKey, !Self.write("martlet \(hostKey)\n", to: knownHostsPath) {
            throw .stateDirectory(stateDirectory, reason: "it cannot be written")
        }
    }

    package func run(_ command: HostCommand) async throws(HostError) -> CommandResult {
        try await runInOneSession([command]).results[0].get()
    }

    package func run(_ commands: [HostCommand]) async -> [Result<CommandResult, HostError>] {
        var results: [Result<CommandResult, HostError>] = []
        while results.count < commands.count {
            let rest = commands[results.count...]
            // Only one command of a session can have its input, and only alone.
            let batch = rest.first!.input.isEmpty ? Array(rest.prefix { $0.input.isEmpty }.prefix(limits.batchMax)) : [rest.first!]
            let session = await runInOneSession(batch)
            results += session.results
            // Nothing else will be answered by a host that cannot be reached: the others share its fate at once.
            if let failure = session.broken { results += repeatElement(.failure(failure), count: commands.count - results.count) }
        }
        return results
    }

    package func disconnect() async {
        let arguments = ["ssh", "-F", "none", "-o", "ControlPath=\(controlPath)", "-O", "exit", "-l", address.user, "--", address.host]
        _ = try? await process(arguments, input: [], deadline: .seconds(2), silenceMax: nil, outputBytesMax: 4_096).run()
        unlink(controlPath)
    }

    private struct Session {
        /// At least one: of the commands that came to their end, then the failure of the one in which the session ended.
        /// Fewer than commands when that failure says nothing about those after it.
        var results: [Result<CommandResult, HostError>]
        /// Why the host itself could not be asked any further.
        var broken: HostError?
    }

    private func runInOneSession(_ commands: [HostCommand]) async -> Session {
        let all = { (failure: HostError, done: [Result<CommandResult, HostError>]) in
            Session(results: done + repeatElement(.failure(failure), count: commands.count - done.count), broken: failure)
        }
        guard address.hostKey != nil else { return all(.hostKeyUnknown, []) }
        var random = SystemRandomNumberGenerator()
        let marker = String((1 << 63 | random.next()) as UInt64, radix: 16) + String((1 << 63 | random.next()) as UInt64, radix: 16)
        let batch = RemoteBatch(commands: commands, marker: marker)
        let slack = limits.connect + limits.grace
        let slowest = commands.map(\.deadline).max()!
        let process = process(
            sessionArguments + [batch.line(become: become)], input: batch.input,
            deadline: commands.reduce(slack) { $0 + $1.deadline + .seconds(1) }, silenceMax: slack + slowest,
            outputBytesMax: commands.reduce(65_536) { $0 + $1.outputBytesMax })
        let ended: ChildProcess.Ended
        do {
            ended = try await process.run()
        } catch {
            return all(HostError(starting: "ssh", errno: error.errno), [])
        }
        let received = batch.results(output: ended.output, errorOutput: ended.errorOutput)
        if let received, received.count == commands.count { return Session(results: received) }
        switch ended.end {
        case .outputLimit:
            return Session(results: (received ?? []) + [.failure(.outputLimit(bytes: ended.output.count + ended.errorOutput.count))])
        case .deadline, .cancelled:
            // The far side keeps deadlines itself, so the connection is what hangs: the next command makes a new one.
            await disconnect()
            return all(.timedOut, received ?? [])
        case .exited(let status):
            if let received { return all(.connectionLost, received) }
            return all(SSHFailure.error(status: status, words: String(decoding: ended.errorOutput, as: UTF8.self)), [])
        }
    }

    private var sessionArguments: [String] {
        let options = [
            "IdentitiesOnly=yes", "IdentityAgent=none", "PreferredAuthentications=publickey", "BatchMode=yes",
            "StrictHostKeyChecking=yes", "UserKnownHostsFile=\(knownHostsPath)", "GlobalKnownHostsFile=/dev/null",
            "HostKeyAlias=martlet", "HostKeyAlgorithms=\(hostKeyAlgorithms)", "UpdateHostKeys=no", "CheckHostIP=no",
            "ConnectTimeout=\(max(limits.connect.wholeSeconds, 1))", "ConnectionAttempts=1",
            "ServerAliveInterval=\(max(limits.keepAlive.wholeSeconds, 1))", "ServerAliveCountMax=2",
            "ControlMaster=auto", "ControlPath=\(controlPath)", "ControlPersist=\(max(limits.idle.wholeSeconds, 1))",
            "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "PermitLocalCommand=no", "RequestTTY=no", "LogLevel=ERROR",
        ]
        return ["ssh", "-F", "none", "-p", "\(address.port)", "-l", address.user, "-i", address.keyFile]
            + options.flatMap { ["-o", $0] } + ["--", address.host]
    }

    /// Only those of the pinned key, so that a host cannot answer with another of its keys.
    private var hostKeyAlgorithms: String {
        let type = address.hostKey?.prefix { $0 != " " } ?? ""
        return type == "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : String(type)
    }

    private func process(
        _ arguments: [String], input: [UInt8], deadline: Duration, silenceMax: Duration?, outputBytesMax: Int
    ) -> ChildProcess {
        ChildProcess(
            path: ProgramPath.find("ssh") ?? "/usr/bin/ssh", arguments: arguments, environment: ProgramPath.environment, input: input,
            deadline: deadline, silenceMax: silenceMax, outputBytesMax: outputBytesMax)
    }

    /// 16 characters that tell hosts of one directory apart (FNV-1a; nothing depends on its strength).
    private static func shortName(_ text: String) -> String {
        let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func prepare(_ directory: String) throws(HostAccessError) {
        if mkdir(directory, 0o700) != 0, errno != EEXIST { throw .stateDirectory(directory, reason: "it cannot be made") }
        var status = stat()
        guard lstat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .stateDirectory(directory, reason: "it is not a directory")
        }
        guard status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw .stateDirectory(directory, reason: "others may enter it")
        }
    }

    /// Only where it does not stand there already: some file systems write a file that was cut to nothing to the disk at once, which
    /// takes a start with many hosts longer than all else.
    private static func write(_ text: String, to path: String) -> Bool {
        if holds(path, text) { return true }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        return Glibc.write(descriptor, bytes, bytes.count) == bytes.count
    }

    private static func holds(_ path: String, _ text: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let count = text.utf8.count
        let found = [UInt8](unsafeUninitializedCapacity: count + 1) { $1 = max(0, read(descriptor, $0.baseAddress, count + 1)) }
        return found.elementsEqual(text.utf8)
    }
}

/// Times and sizes of SSH connections.
package struct SSHLimits: Hashable, Sendable {
    /// For the connection, and for the greeting after it.
    package var connect: Duration = .seconds(5)
    /// Between two signs of life on a kept connection; it is given up after two misses.
    package var keepAlive: Duration = .seconds(5)
    /// How long an unused connection is kept.
    package var idle: Duration = .seconds(300)
    /// For what the far side's own deadlines may be late.
    package var grace: Duration = .seconds(3)
    /// Commands in one session: their line stays well under the 128 KiB that a kernel takes as one argument.
    package var batchMax = 60
    package init() {}
}
