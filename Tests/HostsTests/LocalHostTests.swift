import Glibc
import Hosts
import Model
import Testing

@Suite struct LocalHostTests {
    let host = LocalHost(id: "here")

    @Test func outputErrorOutputAndStatusComeBackApart() async throws {
        let result = try await host.run(HostCommand(["sh", "-c", "printf out; printf err >&2; exit 3"]))
        #expect(result == CommandResult(exitStatus: 3, output: Array("out".utf8), errorOutput: Array("err".utf8)))
    }

    @Test func inputReachesTheCommandWhateverItsBytes() async throws {
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let result = try await host.run(HostCommand(["cat"], input: bytes))
        #expect(result.output == bytes)
    }

    @Test func aCommandThatDoesNotReadItsInputEndsNormally() async throws {
        let result = try await host.run(HostCommand(["true"], input: [UInt8](repeating: 65, count: 1 << 20)))
        #expect(result.exitStatus == 0)
    }

    @Test func theEnvironmentIsMinimalAndLocaleIndependent() async throws {
        let lines = try await host.run(HostCommand(["env"])).text.split(separator: "\n").sorted()
        #expect(lines.map { $0.prefix { $0 != "=" } } == ["LANG", "LC_ALL", "PATH", "TZ"])
    }

    @Test func noDescriptorOfOursIsInherited() async throws {
        let leak = open("/etc/hostname", O_RDONLY)
        defer { close(leak) }
        // ls itself holds one more, the directory.
        #expect(try await host.run(HostCommand(["ls", "/proc/self/fd"])).text == "0\n1\n2\n3\n")
    }

    @Test func theDeadlineEndsTheWholeGroupEvenIfItIgnoresBeingAsked() async throws {
        let mark = "86399.\(getpid())1"
        let script = "trap '' TERM; sleep \(mark) & sleep \(mark); wait"
        await #expect(throws: HostError.timedOut) {
            _ = try await host.run(HostCommand(["sh", "-c", script], deadline: .milliseconds(200)))
        }
        let left = try await host.run(HostCommand(["pgrep", "-f", "sleep \(mark)"]))
        #expect(left.text.isEmpty)
    }

    @Test func theDeadlineEndsWhatHasLeftTheGroupForASessionOfItsOwn() async throws {
        let mark = "86399.\(getpid())2"
        let script = "trap '' TERM; setsid sh -c \"trap '' TERM; sleep \(mark); sleep \(mark)\" & wait; wait"
        await #expect(throws: HostError.timedOut) {
            _ = try await host.run(HostCommand(["sh", "-c", script], deadline: .milliseconds(400)))
        }
        let end = ContinuousClock.now + .seconds(20)
        var left = "sleep"
        while !left.isEmpty, ContinuousClock.now < end { left = try await host.run(HostCommand(["pgrep", "-f", "sleep \(mark)"])).text }
        #expect(left.isEmpty)
    }

    @Test func endlessOutputIsStoppedAtTheLimit() async throws {
        await #expect(throws: HostError.outputLimit(bytes: 4_096)) {
            _ = try await host.run(HostCommand(["yes"], outputBytesMax: 4_096))
        }
        let exact = try await host.run(HostCommand(["head", "-c", "4096", "/dev/zero"], outputBytesMax: 4_096))
        #expect(exact.output.count == 4_096)
    }

    @Test func aGrandchildThatKeepsTheStreamsOpenIsNotWaitedFor() async throws {
        let result = try await host.run(HostCommand(["sh", "-c", "sleep 300 & echo $!"], deadline: .seconds(200)))
        let grandchild = try #require(Int32(result.text.dropLast()))
        #expect(result.succeeded)
        // It still runs: nobody has waited for its end.
        #expect(kill(grandchild, SIGKILL) == 0)
    }

    @Test func cancellingTheTaskEndsTheCommand() async throws {
        let task = Task { try await host.run(HostCommand(["sleep", "30"])) }
        task.cancel()
        await #expect(throws: HostError.timedOut) { _ = try await task.value }
    }

    @Test func aMissingProgramAndOneThatMayNotRunAreToldApart() async throws {
        await #expect(throws: HostError.commandMissing("no-such-program")) { _ = try await host.run(HostCommand(["no-such-program"])) }
        await #expect(throws: HostError.commandMissing("/no/such/program")) { _ = try await host.run(HostCommand(["/no/such/program"])) }
        await #expect(throws: HostError.notPermitted("/etc/passwd")) { _ = try await host.run(HostCommand(["/etc/passwd"])) }
    }

    @Test func aSignalIsReportedAs128AndItsNumber() async throws {
        #expect(try await host.run(HostCommand(["sh", "-c", "kill -9 $$"])).exitStatus == 137)
    }

    @Test func noZombieIsLeft() async throws {
        for _ in 0..<20 { _ = try await host.run(HostCommand(["true"])) }
        // Other suites run children of their own at the same time, so only ours are looked for.
        let children = try await host.run(HostCommand(["ps", "--ppid", "\(getpid())", "-o", "stat=,comm="])).text
        #expect(!children.split(separator: "\n").contains { $0.hasPrefix("Z") && $0.hasSuffix(" true <defunct>") })
    }

    @Test func oneFailureInABatchLeavesTheOthersAlone() async throws {
        let results = await host.run([HostCommand(["echo", "a"]), HostCommand(["no-such-program"]), HostCommand(["echo", "b"])])
        #expect(results.map { try? $0.get().text } == ["a\n", nil, "b\n"])
    }
}
