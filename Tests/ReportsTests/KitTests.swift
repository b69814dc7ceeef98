import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire

@testable import Reports

@Suite struct KitTests {
    let directory: TemporaryDirectory
    let sample: KitSample
    var kit: String { directory.file("kit.zip") }

    init() async throws {
        directory = try TemporaryDirectory()
        sample = try await KitSample(seed: 21)
        try sample.write(to: directory.file("kit.zip"))
    }

    func verify(_ path: String, _ trust: KitTrust = .none) async -> KitReport { await KitVerifier(trust: trust, workers: 2).verify(path) }

    @Test("A genuine kit verifies, and without a named key the report says on what it rests")
    func verifies() async throws {
        let report = await verify(kit)
        #expect(report.exitCode == 0)
        #expect(report.findings == [])
        #expect(report.appliances.map(\.verified) == [12, 12])
        #expect(report.appliances.map(\.sequences) == [0...11, 40...51])
        #expect(report.table.contains("signed by \(sample.central.id), which this kit itself supplies"))
        #expect(report.json["trust"]?.string?.contains("compare it with the key your provider published") == true)
    }

    @Test("With the right key named the kit is trusted, with another it is a finding")
    func judgesTrust() async {
        let other = SigningKey().verifyingKey
        let key = sample.central.verifyingKey
        for trust in [KitTrust.keyID(key.id), .keys([other, key])] {
            let report = await verify(kit, trust)
            #expect(report.exitCode == 0)
            #expect(report.trust == .pinned(key.id))
        }
        for trust in [KitTrust.keyID(other.id), .keys([other]), .keys([])] {
            let report = await verify(kit, trust)
            #expect(report.exitCode == 1)
            #expect(report.findings.map(\.code) == ["kit.untrusted_key"])
            #expect(report.trust == .stranger(key.id))
        }
    }

    @Test("The same evidence makes the same bytes, and any ZIP tool and openssl read them")
    func isReproducible() async throws {
        let again = directory.file("again.zip")
        try sample.write(to: again)
        let bytes = try Data(contentsOf: URL(filePath: kit))
        #expect(try bytes == Data(contentsOf: URL(filePath: again)))
        #expect(try runCommand("/usr/bin/env", ["python3", "-m", "zipfile", "-t", kit]).contains("Done testing"))

        let parts = try KitParts(path: kit)
        for (name, file) in [("m.json", "manifest.json"), ("m.sig", "manifest.sig"), ("m.pub", "keys/\(sample.central.id).pub")] {
            let content = try #require(parts[file])
            try Data(content).write(to: URL(filePath: directory.file(name)))
        }
        let arguments = [
            "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", directory.file("m.pub"), "-sigfile", directory.file("m.sig"), "-in",
            directory.file("m.json"),
        ]
        #expect(try runCommand("/usr/bin/openssl", arguments).contains("Signature Verified Successfully"))
    }

    /// The commands as they stand, with the names filled in that a reader fills in.
    @Test("The commands of the kit's README and of docs/formats/kit.md verify a real kit", arguments: ["README.txt", "kit.md"])
    func isReadByStandardTools(_ text: String) async throws {
        let sample = try await KitSample(seed: 5, count: 60)
        let kit = directory.file("long.zip")
        let writer = try KitWriter(path: kit, subject: sample.subject, key: sample.central)
        for bundle in sample.bundles { try writer.add(bundle) }
        let digest = try writer.finish(seen: sample.seen)

        var commands: [String]
        if text == "README.txt" {
            let readme = String(decoding: try #require(try KitParts(path: kit)["README.txt"]), as: UTF8.self)
            let programs = ["sha256sum", "openssl", "sed", "tail"]
            commands = readme.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { programs.contains(String($0.prefix { $0 != " " })) }
            commands.insert("unzip -q KIT", at: 0)
            // The first of the two is about the manifest, which another key signed.
            let index = try #require(commands.firstIndex { $0.contains("manifest.sig") })
            commands[index] = commands[index].replacing("KEY", with: sample.central.id.description)
            #expect(commands.count == 6, "unzip, and the five of the README")
        } else {
            let page = try String(contentsOfFile: "\(repositoryRoot)/docs/formats/kit.md", encoding: .utf8)
            commands = page.split(separator: "```")[1].split(separator: "\n").map(String.init)
            #expect(commands.count == 5)
        }
        let script = commands.joined(separator: "\n")
            .replacing("FILE", with: kit).replacing("KIT", with: kit)
            .replacing("keys/KEY", with: "KEY").replacing("KEY.pub", with: "keys/\(sample.evidenceKey.id).pub")
            .replacing(" 000000000000", with: " bundles/\(sample.appliances[0])/000000000000")
        let output = try runCommand("/bin/sh", ["-e", "-c", "mkdir \"$0.d\" && cd \"$0.d\"\n\(script)", kit])
        if text == "README.txt" {
            #expect(output.contains("\(digest)  \(kit)"))
            #expect(output.ranges(of: "Signature Verified Successfully").count == 2)
        } else {
            #expect(output.contains("Signature Verified Successfully"))
            #expect(output.contains("\(sample.bundles[48].record.link.previous)  bundle.json"))
        }
    }

    @Test("Chains longer than one file's thousand bundles are whole in the kit, to every reader")
    func isWholeBeyondOneChunk() async throws {
        let long = try await KitSample(seed: 6, count: 1_001)
        try FileManager.default.createDirectory(atPath: directory.file("long"), withIntermediateDirectories: false)
        let path = directory.file("long/kit.zip")
        try long.write(to: path)
        let report = await verify(path)
        #expect(report.findings == [] && report.appliances.map(\.verified) == [1_001, 1_001])
        let script = "\(repositoryRoot)/scripts/verify_kit.py"
        let line = try runCommand("/usr/bin/env", ["python3", script, "--batch", directory.file("long")])
        #expect(line.contains("\"exit\": 0"))
    }

    @Test("A kit full of findings keeps ten thousand and counts the others, in both readers")
    func findingsAreLimited() async throws {
        var parts = try KitParts(path: kit)
        let strangers = (0...KitReport.findingsMax).map { (name: "strange/\(KitPath.digits(Int64($0)))", bytes: [UInt8]()) }
        parts.files += strangers
        parts.sort()
        try Data(parts.packed()).write(to: URL(filePath: directory.file("strange.zip")))
        let report = await KitVerifier(trust: .none, workers: 2).verify(directory.file("strange.zip"))
        #expect(report.exitCode == 1 && report.findings.count == KitReport.findingsMax)
        #expect(report.findingsOmitted == 2 * strangers.count - KitReport.findingsMax)
        #expect(report.table.contains("and \(2 * strangers.count - 100) more\n"))

        let batch = directory.file("strange")
        try FileManager.default.createDirectory(atPath: batch, withIntermediateDirectories: false)
        try FileManager.default.moveItem(atPath: directory.file("strange.zip"), toPath: "\(batch)/strange.zip")
        let line = try runCommand("/usr/bin/env", ["python3", "\(repositoryRoot)/scripts/verify_kit.py", "--batch", batch])
        let judged = try JSONValue(parsing: line.trimmingCharacters(in: .newlines), limits: JSONLimits(bytesMax: 1 << 24))
        #expect(judged["findings"]?.array?.count == KitReport.findingsMax)
        #expect(judged["findingsOmitted"]?.integer == Int64(report.findingsOmitted))
    }

    @Test("A bundle out of order, of a stranger or of another site is not written, and no file appears")
    func refusesMisplacedBundles() async throws {
        let other = try await KitSample(seed: 22)
        for bundles in [[sample.bundles[1], sample.bundles[0]], [sample.bundles[20], sample.bundles[0]], [other.bundles[0]]] {
            let path = directory.file("never.zip")
            #expect(throws: KitWriteError.self) {
                let writer = try KitWriter(path: path, subject: sample.subject, key: sample.central)
                for bundle in bundles { try writer.add(bundle) }
                try writer.finish(seen: sample.seen)
            }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["kit.zip"])
    }

    @Test("What is no file, no ZIP or no kit ends with 2")
    func refusesOtherFiles() async throws {
        try Data("hello".utf8).write(to: URL(filePath: directory.file("text")))
        try Data(KitParts(path: kit).packed().dropLast(1)).write(to: URL(filePath: directory.file("cut")))
        var parts = try KitParts(path: kit)
        parts["manifest.json"] = nil
        try Data(parts.packed()).write(to: URL(filePath: directory.file("empty")))
        for (name, code) in [
            ("missing", "kit.unreadable"), ("", "kit.unreadable"), ("text", "kit.zip_malformed"), ("cut", "kit.zip_malformed"),
            ("empty", "kit.no_manifest"),
        ] as [(String, Code)] {
            let report = await verify(directory.file(name))
            #expect(report.exitCode == 2)
            #expect(report.findings.map(\.code) == [code])
        }
    }
}
