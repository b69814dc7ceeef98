import Glibc
import Model
import Testing

@testable import Hosts

/// Against a real sshd on loopback, and against listeners that misbehave.
@Suite struct SSHHostTests {
    private func host(
        _ daemon: PracticeSSHD, port: UInt16? = nil, key: String? = nil, hostKey: String?? = nil, become: HostAccess.Become = .none,
        limits: SSHLimits = SSHLimits()
    ) throws -> SSHHost {
        let address = try SSHAddress(
            host: "127.0.0.1", port: port ?? daemon.port, user: daemon.user, keyFile: key ?? daemon.clientKey,
            hostKey: hostKey ?? daemon.hostKey)
        return try SSHHost(id: "front-desk", address: address, become: become, stateDirectory: "\(daemon.directory)/c", limits: limits)
    }

    @Test func aBatchRunsInOneSessionAndTheConnectionIsKept() async throws {
        let daemon = try await PracticeSSHD.start()
        defer { daemon.stop() }
        let host = try host(daemon)
        let results = await host.run([
            HostCommand(["echo", "it's $HOME"]), HostCommand(["cat"], input: [0, 10, 255]), HostCommand(["env"]),
        ])
        #expect(try results[0].get().text == "it's $HOME\n")
        #expect(try results[1].get().output == [0, 10, 255])
        #expect(
            try results[2].get().text.split(separator: "\n").map { $0.prefix { $0 != "=" } }.sorted().filter { $0 != "PWD" }
                == ["LANG", "LC_ALL", "PATH", "TZ"])
        // Sessions of one connection have the same sshd process above shell and `timeout`.
        func connection() async throws -> String {
            try await host.run(HostCommand(["sh", "-c", "ps -o ppid= $(ps -o ppid= $PPID)"])).text
        }
        let kept = try await connection()
        #expect(try await connection() == kept)
        await host.disconnect()
        #expect(try await connection() != kept)
        await host.disconnect()
    }

    @Test func everyWayToFailHasItsOwnError() async throws {
        let daemon = try await PracticeSSHD.start()
        defer { daemon.stop() }
        let command = HostCommand(["true"])
        await #expect(throws: HostError.hostKeyUnknown) { _ = try await host(daemon, hostKey: .some(nil)).run(command) }
        await #expect(throws: HostError.hostKeyChanged) { _ = try await host(daemon, hostKey: daemon.otherKey).run(command) }
        await #expect(throws: HostError.authenticationFailed) { _ = try await host(daemon, key: daemon.strangerKey).run(command) }
        await #expect(throws: HostError.unreachable("connection refused")) { _ = try await host(daemon, port: 1).run(command) }
        await #expect(throws: HostError.commandMissing("no-such-program")) {
            _ = try await host(daemon).run(HostCommand(["no-such-program"]))
        }
        await #expect(throws: HostError.notPermitted("/etc/passwd")) { _ = try await host(daemon).run(HostCommand(["/etc/passwd"])) }
        await #expect(throws: HostError.timedOut) {
            _ = try await host(daemon).run(HostCommand(["sleep", "30"], deadline: .milliseconds(200)))
        }
        await #expect(throws: HostError.outputLimit(bytes: 3_893)) {
            _ = try await host(daemon).run(HostCommand(["seq", "1", "1000"], outputBytesMax: 100))
        }
        try await host(daemon).disconnect()
    }

    @Test func oneEndlessOrHangingCommandDoesNotTakeTheBatchWithIt() async throws {
        let daemon = try await PracticeSSHD.start()
        defer { daemon.stop() }
        let host = try host(daemon)
        let results = await host.run([
            HostCommand(["echo", "a"]), HostCommand(["yes"], deadline: .seconds(5), outputBytesMax: 10_000),
            HostCommand(["sleep", "20"], deadline: .milliseconds(100)), HostCommand(["echo", "b"]),
        ])
        #expect(try results[0].get().text == "a\n")
        guard case .failure(.outputLimit) = results[1] else { return #expect(Bool(false), "\(results[1])") }
        #expect(results[2] == .failure(.timedOut))
        #expect(try results[3].get().text == "b\n")
        await host.disconnect()
    }

    @Test func aListenerThatSaysNothingIsATimeOutForEveryCommand() async throws {
        let daemon = try await PracticeSSHD.start()
        defer { daemon.stop() }
        let listener = try Listener(.silent)
        var limits = SSHLimits()
        limits.connect = .seconds(1)
        limits.grace = .milliseconds(100)
        let host = try host(daemon, port: listener.port, limits: limits)
        let results = await host.run([HostCommand(["true"]), HostCommand(["true"])])
        #expect(results == [.failure(.timedOut), .failure(.timedOut)])
        // The second shares the first's fate at once: nobody was asked twice.
        #expect(listener.waiting() == 1)
    }

    @Test func aPeerThatClosesHalfWayIsALostConnection() async throws {
        let daemon = try await PracticeSSHD.start()
        defer { daemon.stop() }
        let listener = try Listener(.closing)
        await #expect(throws: HostError.connectionLost) { _ = try await host(daemon, port: listener.port).run(HostCommand(["true"])) }
    }

    /// The command kills the daemon that serves it: what it did before is not known, and nobody claims it is.
    @Test func aConnectionThatBreaksInTheMiddleKeepsWhatCameAndFailsTheRest() async throws {
        let daemon = try await PracticeSSHD.start()
        defer { daemon.stop() }
        let host = try host(daemon)
        let results = await host.run([
            HostCommand(["echo", "a"]), HostCommand(["sh", "-c", "pkill -KILL -P \(daemon.pid); sleep 5"], deadline: .seconds(6)),
            HostCommand(["echo", "b"]),
        ])
        #expect(try results[0].get().text == "a\n")
        #expect(results[1...] == [.failure(.connectionLost), .failure(.connectionLost)])
        #expect(try await host.run(HostCommand(["echo", "back"])).text == "back\n")
        await host.disconnect()
    }

    @Test func aDirectoryThatOthersMayEnterIsRefused() async throws {
        let directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        let address = try SSHAddress(host: "127.0.0.1", user: "root", keyFile: "/k", hostKey: nil)
        #expect(throws: HostAccessError.stateDirectory(directory.path, reason: "others may enter it")) {
            _ = try SSHHost(id: "a", address: address, stateDirectory: directory.path)
        }
    }

    @Test(arguments: ["-oProxyCommand=x", "", "a b", "a\nb", "a;b"])
    func anAddressThatCouldBeAnOptionIsRefused(text: String) {
        #expect(throws: HostAccessError.badAddress(text)) { try SSHAddress(host: text, keyFile: "/k", hostKey: nil) }
        #expect(throws: HostAccessError.badUser(text)) { try SSHAddress(host: "h", user: text, keyFile: "/k", hostKey: nil) }
        #expect(throws: HostAccessError.badHostKey) { try SSHAddress(host: "h", keyFile: "/k", hostKey: text) }
    }
}
