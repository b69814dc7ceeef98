import Model
import Testing

@testable import Hosts

@Suite struct RemoteBatchTests {
    let marker = "0123456789abcdef0123456789abcdef"

    /// The line is what a log-in shell would be given: run here by the real `sh`.
    private func run(_ commands: [HostCommand]) async throws -> [Result<CommandResult, HostError>]? {
        let batch = RemoteBatch(commands: commands, marker: marker)
        let result = try await LocalHost(id: "here").run(HostCommand(["sh", "-c", batch.line(become: .none)], input: batch.input))
        return batch.results(output: result.output, errorOutput: result.errorOutput)
    }

    @Test(arguments: ["", "it's", "''", "$HOME `id` \\ \"x\"", "a\nb", "*", "ünï", "-n", "%s"])
    func everyArgumentArrivesAsItWas(text: String) async throws {
        let results = try #require(try await run([HostCommand(["printf", "%s", text])]))
        #expect(try results[0].get().text == text)
    }

    @Test("Another user of the host, who can read every command line, does not find the marker there")
    func theMarkerIsInNoCommandLine() async throws {
        let results = try #require(
            try await run([HostCommand(["sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null; true"]), HostCommand(["true"])]))
        #expect(results.count == 2)
        let seen = try results[0].get().text
        #expect(seen.contains("printf") && !seen.contains(marker))
    }

    @Test func theFirstCommandGetsItsInputWhole() async throws {
        let input = Array("one\ntwo".utf8)
        let results = try #require(try await run([HostCommand(["cat"], input: input)]))
        #expect(try results[0].get().output == input)
    }

    @Test func streamsStatusesAndOrderAreKept() async throws {
        let results = try #require(
            try await run([
                HostCommand(["sh", "-c", "echo one; echo first >&2; exit 4"]), HostCommand(["true"]),
                HostCommand(["printf", "no newline"]),
            ]))
        #expect(try results[0].get() == CommandResult(exitStatus: 4, output: Array("one\n".utf8), errorOutput: Array("first\n".utf8)))
        #expect(try results[1].get() == CommandResult(exitStatus: 0, output: [], errorOutput: []))
        #expect(try results[2].get().text == "no newline")
    }

    @Test func aDeadlineAMissingAndAForbiddenProgramAreToldApart() async throws {
        let results = try #require(
            try await run([
                HostCommand(["sleep", "20"], deadline: .milliseconds(100)), HostCommand(["no-such-program"]), HostCommand(["/etc/passwd"]),
                HostCommand(["sh", "-c", "exit 127"]),
            ]))
        #expect(results[0] == .failure(.timedOut))
        #expect(results[1] == .failure(.commandMissing("no-such-program")))
        #expect(results[2] == .failure(.notPermitted("/etc/passwd")))
        #expect(try results[3].get().exitStatus == 127)
    }

    @Test func whatALoginShellPrintsBeforeIsSkippedAndHalfAnAnswerIsNoAnswer() throws {
        let batch = RemoteBatch(commands: [HostCommand(["a"]), HostCommand(["b"])], marker: marker)
        let output = Array("Welcome!\n\(marker)\nA\n\(marker) 0\nB is cut her".utf8)
        let errors = Array("\(marker)\n\n\(marker)\n".utf8)
        let results = try #require(batch.results(output: output, errorOutput: errors))
        #expect(results == [.success(CommandResult(exitStatus: 0, output: Array("A".utf8), errorOutput: []))])
        // Every prefix of a whole answer gives fewer results, never another one.
        for length in 0..<output.count {
            let part = batch.results(output: Array(output.prefix(length)), errorOutput: errors)
            #expect(part == nil || part == [] || part == results)
        }
    }

    @Test func tooMuchOutputOfOneCommandIsItsOwnFailure() async throws {
        let results = try #require(try await run([HostCommand(["seq", "1", "1000"], outputBytesMax: 100), HostCommand(["echo", "b"])]))
        #expect(results[0] == .failure(.outputLimit(bytes: 3_893)))
        #expect(try results[1].get().text == "b\n")
    }
}
