import Central
import Database
import Documents
import Evidence
import Foundation
import Model
import Objects
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire

@Suite struct LogRepairTests {
    /// Three full bundles and a partial one, of two boxes and a statement.
    private func fill(_ central: CentralUnderTest) async throws {
        let tenant = try await central.makeTenant()
        for _ in 0..<2 {
            var box = try await enrolledBox(at: central, tenant)
            #expect(try await box.submit(box.makeBundles(400, at: central.clock.now), to: central).refusal == nil)
        }
        _ = try await central.services.holds.change(true, tenant.scope, reason: "test", by: CentralUnderTest.person)
        try await central.process.integrateLog()
    }

    private func file(_ path: String, _ central: CentralUnderTest, folder: String = "objects") -> URL {
        URL(fileURLWithPath: central.configuration.dataDirectory + "/objects/central/\(folder)/log/\(path)")
    }

    private func flip(_ file: URL) throws {
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 1
        try FileManager.default.removeItem(at: file)
        try bytes.write(to: file)
    }

    /// The note says so too, as somebody would write it who knows how.
    private func forge(_ path: String, _ central: CentralUnderTest) throws {
        let old = Digest(of: Array(try Data(contentsOf: file(path, central))))
        try flip(file(path, central))
        let new = Digest(of: Array(try Data(contentsOf: file(path, central))))
        let note = file(path, central, folder: "notes")
        let text = try String(contentsOf: note, encoding: .utf8).replacingOccurrences(of: old.description, with: new.description)
        try FileManager.default.removeItem(at: note)
        try Data(text.utf8).write(to: note)
    }

    private func newestText(_ log: LogReader) async throws -> String {
        let note = try await log.newest()
        return try #require(note).text
    }

    private func alerts(_ central: CentralUnderTest) async throws -> [String] {
        try await central.services.status.alerts().map { "\($0.code) \($0.subject)" }
    }

    @Test(
        "A resource that is damaged, lost or whose note is damaged is mended when it is asked for, and is what was signed",
        arguments: ["tile/0/000", "tile/0/002", "tile/0/003.p/33", "tile/1/000.p/3", "tile/entries/001", "tile/entries/003.p/33"])
    func mendsOnRead(path: String) async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            try await fill(central)
            let whole = try await central.send("GET", "/log/\(path)", to: .web).body
            #expect(!whole.isEmpty)
            let damages: [() throws -> Void] = [
                { try flip(file(path, central)) },
                { try FileManager.default.removeItem(at: file(path, central)) },
                { try FileManager.default.removeItem(at: file(path, central, folder: "notes")) },
                { try flip(file(path, central, folder: "notes")) },
            ]
            for damage in damages {
                try damage()
                let answer = try await central.send("GET", "/log/\(path)", to: .web)
                #expect(answer.status == 200)
                #expect(answer.body == whole)
                #expect(Array(try Data(contentsOf: file(path, central))) == whole)
            }
            #expect(try await alerts(central) == [])
        }
    }

    @Test("Damage that the store cannot see is found by the walk and mended; so is damage at the edge before it grows")
    func walk() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            try await fill(central)
            let paths = ["tile/0/001", "tile/entries/002", "tile/1/000.p/3"]
            let whole = try paths.map { try Data(contentsOf: file($0, central)) }
            for path in paths { try forge(path, central) }
            await central.process.takeTurn(of: .logWalk)
            #expect(try paths.map { try Data(contentsOf: file($0, central)) } == whole)
            #expect(try await alerts(central) == [])
            // A day later it goes round again, not before.
            try forge(paths[0], central)
            central.clock.advance(by: .seconds(86_399))
            await central.process.takeTurn(of: .logWalk)
            #expect(try Data(contentsOf: file(paths[0], central)) != whole[0])
            central.clock.advance(by: .seconds(1))
            await central.process.takeTurn(of: .logWalk)
            #expect(try Data(contentsOf: file(paths[0], central)) == whole[0])

            // The edge from which the tree grows.
            try forge("tile/0/003.p/33", central)
            let again = try await central.again()
            let tenant = try await again.makeTenant("Hillside Clinic")
            _ = try await again.services.holds.change(true, tenant.scope, reason: "test", by: CentralUnderTest.person)
            try await again.process.integrateLog()
            let log = try again.services.log(again.configuration)
            #expect(try Checkpoint(text: try await newestText(log)).size == 802)
            #expect(try await log.consistency(from: 801).oldSize == 801)
            try await again.stop()
        }
    }

    @Test(
        "Where the rows no longer make the signed root nothing is mended: it is refused with a code, and is an alert until it is restored")
    func mismatch() async throws {
        try await CentralUnderTest.run(.sqlite, hasRecurringWork: false) { central in
            try await fill(central)
            let path = "tile/0/001"
            let whole = try Data(contentsOf: file(path, central))
            let row = try await central.services.database.write { transaction in
                let row = try transaction.query("SELECT digest FROM evidence WHERE log_index = 300")[0]
                try transaction.execute("UPDATE evidence SET digest = \([UInt8](repeating: 7, count: 32)) WHERE log_index = 300")
                return try row.blob(0)
            }
            try flip(file(path, central))
            #expect(try await central.send("GET", "/log/\(path)", to: .web).code == "object.corrupt")
            #expect(try await central.send("GET", "/log/\(path)", to: .web).code == "log.repair.mismatch")
            #expect(try await central.send("GET", "/log/tile/0/000", to: .web).status == 200)
            #expect(try await alerts(central) == ["log.repair.mismatch \(path)"])
            #expect(try await central.process.watchAlerts().map(\.code) == ["log.repair.mismatch"])
            let program = MartletProgram(central.configuration)
            #expect(try await program.run("central", "status").status == 2)
            // Restored from a backup: the walk notices.
            try whole.write(to: file(path, central))
            try await central.services.database.write { try $0.execute("UPDATE evidence SET digest = \(row) WHERE log_index = 300") }
            await central.process.takeTurn(of: .logWalk)
            #expect(try await alerts(central) == [])
            #expect(try await central.send("GET", "/log/\(path)", to: .web).status == 200)
        }
    }

    @Test("On S3 a lost or replaced partial resource is mended; what the server keeps for its term nobody can damage")
    func onS3() async throws {
        let objects = try await ObjectPlace.s3.configuration()
        let lab = try await LabS3.shared()
        try await CentralUnderTest.run(.postgres, change: { $0.objects = objects }, hasRecurringWork: false) { central in
            try await fill(central)
            let bucket = objects.storeName(of: nil)
            let erase = """
                for v in s3.list_object_versions(Bucket=args[0], Prefix=args[1]).get("Versions", []):
                    s3.delete_object(Bucket=args[0], Key=v["Key"], VersionId=v["VersionId"])

                """
            for path in ["tile/0/003.p/33", "tile/entries/003.p/33"] {
                let whole = try await central.send("GET", "/log/\(path)", to: .web).body
                _ = try lab.boto(erase, [bucket, "objects/log/\(path)"])
                #expect(try await central.send("GET", "/log/\(path)", to: .web).body == whole)
                _ = try lab.boto(erase + "s3.put_object(Bucket=args[0], Key=args[1], Body=b'x' * 100)", [bucket, "objects/log/\(path)"])
                #expect(try await central.send("GET", "/log/\(path)", to: .web).body == whole)
                #expect(try await central.send("GET", "/log/\(path)", to: .web).body == whole)
            }
            let full = try await central.send("GET", "/log/tile/0/000", to: .web).body
            #expect(throws: (any Error).self) { try lab.boto(erase, [bucket, "objects/log/tile/0/000"]) }
            _ = try lab.boto("s3.put_object(Bucket=args[0], Key=args[1], Body=b'x' * 100)", [bucket, "objects/log/tile/0/000"])
            #expect(try await central.send("GET", "/log/tile/0/000", to: .web).body == full)
            await central.process.takeTurn(of: .logWalk)
            #expect(try await alerts(central) == [])
        }
    }
}
