import Foundation
import Healing
import Hosts
import Seal
import TestSupport
import Testing

/// `docs/writing-runbooks.md` is true: its files are written, its commands run, in its order.
@Suite struct RunbookGuideTests {
    @Test("Every file and every command of the guide works, and a wrong example does not pass")
    func guide() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/writing-runbooks.md"), encoding: .utf8)
        let directory = try TemporaryDirectory()
        let environment = [
            "PATH": "\(binaries.path):/usr/bin:/bin", "CATALOG": root.appending(path: "Catalog").path,
            "MARTLET_DATA_DIRECTORY": directory.file("central"),
        ]
        func run(_ script: String) async throws -> Int32 {
            let process = Process()
            process.executableURL = URL(filePath: "/bin/sh")
            process.arguments = ["-euc", script]
            process.environment = environment
            process.currentDirectoryURL = URL(filePath: directory.path)
            process.standardOutput = FileHandle.nullDevice
            process.standardInput = FileHandle.nullDevice
            try process.run()
            Orphans.adopt(process)
            try await eventually("the guide's commands ended") { !process.isRunning }
            return process.terminationStatus
        }
        var (files, commands) = (0, 0)
        var path: String?
        var block: (kind: String, lines: [String])?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            if let open = block {
                guard line == "```" else {
                    block?.lines.append(line)
                    continue
                }
                block = nil
                let body = open.lines.joined(separator: "\n") + "\n"
                if open.kind == "yaml" {
                    let file = URL(filePath: directory.file(try #require(path, "a file without its path")))
                    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try Data(body.utf8).write(to: file)
                    files += 1
                } else {
                    #expect(try await run(body) == 0, "\(body)")
                    commands += open.lines.count
                }
                path = nil
            } else if line.hasPrefix("```") {
                block = (String(line.dropFirst(3)), [])
            } else if line.hasPrefix("`catalog/"), line.hasSuffix("`") {
                path = String(line.dropFirst().dropLast())
            }
        }
        #expect(files == 4 && commands >= 21)

        // What the guide promises of the other cases.
        #expect(try await run("sed -i 's/rule: L1-SITE-PRINT-001/rule: L1-HOST-SVC-003/' catalog/examples/site/print-failed.yaml") == 0)
        #expect(try await run("martlet catalog test catalog") == 65)
        #expect(try await run("martlet catalog pack catalog --version 3 --output other.json") == 65)
        #expect(try await run("test ! -e other.json") == 0)
        #expect(try await run("martlet catalog sign unsigned.json --key catalog.key --after pack.json --output again.json") == 1)
        #expect(try await run("martlet catalog sign pack.json --key catalog.key --output again.json") == 1, "not a pack, but an envelope")
        #expect(try await run("(cat unsigned.json; echo) > spaced.json") == 0)
        #expect(try await run("martlet catalog sign spaced.json --key catalog.key --output again.json") == 1, "not canonical")
        #expect(try await run("test ! -e again.json") == 0)
        #expect(try await run("martlet catalog diff catalog pack.json") == 0)
        #expect(try await run("martlet central catalog export 2 exported.json && cmp exported.json pack.json") == 0)
        #expect(try await run("martlet central catalog export 9 none.json") == 1)
        #expect(try await run("test ! -e none.json") == 0)
        #expect(try await run("martlet central catalog publish pack.json") == 1, "a version is published once")
        // Central does not have the key, and does not take another one.
        #expect(try await run("test ! -e central/catalog.key") == 0)
        #expect(try await run("martlet key create other.key") == 0)
        #expect(try await run("martlet central init --catalog-key \"$(martlet key show other.key)\"") == 1)
        #expect(try await run("martlet central init --catalog-key \"$(martlet key show catalog.key)\"") == 0)
        #expect(try await run("martlet catalog pack \"$CATALOG\" --version 3 --key other.key --output foreign.json") == 0)
        #expect(try await run("martlet central catalog publish foreign.json") == 1)
    }
    @Test("What the code can do is listed whole, with types and units; a wrong name is refused")
    func listed() async throws {
        let martlet = "\(binaries.path)/martlet"
        func rows(_ words: String...) throws -> [[String: JSONValue]] {
            let printed = try runCommand(martlet, ["catalog"] + words + ["--json"])
            return try #require(try JSONValue(parsing: Array(printed.utf8), limits: JSONLimits(bytesMax: 1 << 20)).array).compactMap(
                \.object)
        }
        #expect(try rows("facts").count == ProbeRegistry.all.map(\.facts.count).reduce(0, +))
        #expect(
            try rows("facts", "session").contains(
                ["probe": "session", "fact": "session.shell_seconds", "type": "integer", "unit": "seconds"]))
        #expect(try Set(rows("verbs").compactMap { $0["verb"]?.string }) == Set(VerbRegistry().all.map(\.name)))
        #expect(
            try rows("verbs", "file.set_content") == [
                [
                    "verb": "file.set_content", "restores": true, "argument": "document", "type": "string", "unit": nil,
                    "kind": "document",
                ],
                ["verb": "file.set_content", "restores": true, "argument": "path", "type": "string", "unit": nil, "kind": "required"],
            ])
        for words in [["facts", "sesion"], ["verbs", "file.set_contents"]] {
            #expect(throws: (any Error).self) { try runCommand(martlet, ["catalog"] + words) }
        }
    }

    @Test("Checks, rules and runbooks that the handbook's commands name are shipped")
    func namesInOperations() throws {
        let text = try String(contentsOfFile: "\(repositoryRoot)/docs/operations.md", encoding: .utf8)
        for (option, folder) in [("--check ", "checks"), ("--rule ", "rules"), ("--runbook ", "runbooks")] {
            let shipped = try #require(FileManager.default.enumerator(atPath: "\(repositoryRoot)/Catalog/\(folder)"))
            let names = Set(shipped.compactMap { ($0 as? String)?.split(separator: "/").last.map(String.init) })
            for piece in text.components(separatedBy: option).dropFirst() {
                let id = piece.prefix { $0.isLetter || $0.isNumber || ".-_".contains($0) }
                // CHECK and the like stand for any.
                if id.contains(".") || id.contains("-") { #expect(names.contains("\(id).yaml"), "\(option)\(id)") }
            }
        }
    }

    @Test("Every rule of the shipped catalog has an example, and every example holds")
    func shippedExamples() throws {
        let printed = try runCommand("\(binaries.path)/martlet", ["catalog", "test", "--every-rule", "\(repositoryRoot)/Catalog"])
        #expect(printed.hasSuffix(" examples, 0 failed\n"), "\(printed)")
    }
}
