import Hosts
import Model
import Testing

/// A file that could not be looked at must not pass for one that does not exist.
@Suite struct FilesProbeTests {
    let probe = ProbeRegistry.byID["files"]!
    let parameters: [String: TypedValue] = [
        "files": .strings(["/etc/passwd 0644 root root", "/etc/shadow 0640 root root,shadow"]), "directories": .strings(["/usr"]),
    ]

    private func facts(_ complaint: String, ofCommand number: Int) throws -> Facts {
        let outputs = ["644 root root /etc/passwd\n", "/usr/bin/passwd\n", ""]
        return try probe.parse(
            outputs.enumerated().map { index, output in
                .success(
                    CommandResult(
                        exitStatus: index == number ? 1 : 0, output: Array(output.utf8),
                        errorOutput: index == number ? Array(complaint.utf8) : []))
            }, parameters, at: Timestamp(milliseconds: 0))
    }

    @Test(
        "Status 1 with any complaint but absence makes the facts of that command unknown",
        arguments: [
            ("stat: cannot statx '/etc/shadow': Input/output error\n", "probe.command_failed"),
            (
                "stat: cannot statx '/etc/x': No such file or directory\nstat: cannot statx '/etc/shadow': Stale file handle\n",
                "probe.command_failed"
            ),
            ("stat: cannot statx '/etc/shadow': Permission denied\n", "host.not_permitted"),
        ])
    func complaints(complaint: String, code: String) throws {
        for (number, fact) in ["files.wrong", "files.set_id", "files.world_writable"].enumerated() {
            let facts = try facts(complaint, ofCommand: number)
            #expect(facts.unknowns[FactName(fact)!] == Code(code)!)
            #expect(facts[FactName(fact)!] == nil)
        }
    }

    @Test func absenceAloneIsAFact() throws {
        for (number, fact) in ["files.wrong", "files.set_id", "files.world_writable"].enumerated() {
            let facts = try facts("x: '/etc/shadow': No such file or directory\n", ofCommand: number)
            #expect(facts[FactName(fact)!] != nil)
        }
    }

    @Test("Directories that cannot be searched as written are unknown, not clean", arguments: [[], ["/usr", "opt"]])
    func directories(_ directories: [String]) throws {
        let parameters: [String: TypedValue] = ["files": parameters["files"]!, "directories": .strings(directories)]
        let results = ["644 root root /etc/passwd\n", "", ""].map {
            Result<CommandResult, HostError>.success(CommandResult(exitStatus: 0, output: Array($0.utf8), errorOutput: []))
        }
        let facts = try probe.parse(results, parameters, at: Timestamp(milliseconds: 0))
        #expect(facts["files.wrong"] != nil)
        #expect(facts.unknowns["files.set_id"] == "parameter.malformed" && facts.unknowns["files.world_writable"] == "parameter.malformed")
    }
}
