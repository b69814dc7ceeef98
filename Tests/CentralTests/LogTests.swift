import Central
import Database
import Evidence
import Foundation
import Logging
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog
import Wire

@Suite struct LogTests {
    @Test("Several that integrate at once get in nobody's way: one tree, and no complaint", arguments: TestEngine.allCases)
    func integratesAtOnce(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let other = try await central.again()
            let signer = Digest(of: [1])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for round in 0..<12 {
                        let entries = (0..<4_000).map {
                            LogEntry(document: Digest(of: Array("\(round) \($0)".utf8)), signerDigest: signer)
                        }
                        _ = try await central.services.database.write { try LogSequence.append(entries, in: $0) }
                    }
                }
                for process in [central.process, other.process, central.process, other.process] {
                    group.addTask { for _ in 0..<12 { try await process.integrateLog() } }
                }
                try await group.waitForAll()
            }
            try await central.process.integrateLog()
            let newest = try #require(try await central.services.log(central.configuration).newest())
            #expect(try Checkpoint(text: newest.text).size == 48_000)
            try await other.stop()
        }
    }

    @Test(
        "Every bundle stands in the log where its receipt says, under a checkpoint that a stranger verifies", arguments: TestEngine.allCases
    )
    func covers(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            var (first, second) = (try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, tenant))
            var places: [(bundle: SignedBundle, key: VerifyingKey, index: Int64)] = []
            for count in [1, 30, 300, 2] {
                for isFirst in [true, false] {
                    let sent =
                        isFirst ? try first.makeBundles(count, at: central.clock.now) : try second.makeBundles(count, at: central.clock.now)
                    let box = isFirst ? first : second
                    let receipt = try await receipt(for: sent, from: box, central)
                    #expect(receipt.logged.count == 1)
                    for (offset, bundle) in sent.enumerated() {
                        places.append((bundle, box.evidenceKey.verifyingKey, receipt.logged[0].index + Int64(offset)))
                    }
                }
                try await central.process.integrateLog()
            }

            let reader = StrangersTiles(endpoint: central.endpoint)
            let answer = try await central.send("GET", "/log/checkpoint", to: .web)
            #expect(answer.status == 200)
            let checkpoint = try VerifiedCheckpoint(answer.body, trust: try trust(central))
            #expect(checkpoint.size == 666)
            let tree = TileReader(checkpoint, source: reader)
            for place in places where place.index % 37 == 0 || place.index > 660 {
                let leaf = LogEntry(document: Digest(of: place.bundle.bytes), signer: place.key).leafHash
                _ = try VerifiedInclusion(
                    leaf: leaf, index: place.index, proof: try await tree.inclusionProof(of: place.index), in: checkpoint)
                let text = try await central.send("GET", "/log/proof/\(place.index)", to: .web)
                #expect(try LogProof(text.body).verify(leaf: leaf, trust: trust(central)).index == place.index)
            }
            let leaves = try await tree.leaves(0..<666)
            #expect(
                Set(leaves) == Set(places.map { LogEntry(document: Digest(of: $0.bundle.bytes), signer: $0.key).leafHash }))
        }
    }

    @Test("Sent again, bundles keep their places; the receipt names them all")
    func duplicates() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            var (first, second) = (try await enrolledBox(at: central, tenant), try await enrolledBox(at: central, tenant))
            let early = try first.makeBundles(2, at: central.clock.now)
            _ = try await receipt(for: early, from: first, central)
            _ = try await receipt(for: second.makeBundles(3, at: central.clock.now), from: second, central)
            let late = try first.makeBundles(2, at: central.clock.now)
            let receipt = try await receipt(for: early + late, from: first, central)
            #expect(receipt.logged == [LogRun(sequence: 0, index: 0, count: 2), LogRun(sequence: 2, index: 5, count: 2)])
        }
    }

    @Test("Each checkpoint continues the one before, over a restart too")
    func continues() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            var box = try await enrolledBox(at: central)
            for count in [3, 253, 1, 500] {
                _ = try await receipt(for: box.makeBundles(count, at: central.clock.now), from: box, central)
                try await central.process.integrateLog()
            }
            let again = try await central.again()
            _ = try await box.submit(box.makeBundles(9, at: central.clock.now), to: again)
            try await again.process.integrateLog()
            let log = try again.services.log(again.configuration)
            let history = try await log.history().map { try VerifiedCheckpoint($0, trust: try trust(again)) }
            #expect(history.map(\.size).filter { $0 > 0 } == [3, 256, 257, 757, 766])
            let newest = try #require(history.last)
            for old in history {
                let proof = try await log.consistency(from: old.size).proof
                try proof.verify(oldSize: old.size, oldRoot: old.root, newSize: newest.size, newRoot: newest.root)
            }
            try await again.stop()
        }
    }

    @Test(
        "What is no resource of the log is not found",
        arguments: [
            "/log/tile/0/999", "/log/tile/0/1", "/log/tile/8/000", "/log/tile/0/000.p/256", "/log/tile/../checkpoint", "/log/proof/01",
            "/log/proof/-1", "/log/proof/7",
        ])
    func strange(path: String) async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            try await central.process.integrateLog()
            #expect(try await central.send("GET", path, to: .web).status == 404)
        }
    }

    @Test("A log does not change its name")
    func renamed() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            var other = central.configuration
            other.logOrigin = "elsewhere.example/log"
            let error = await #expect(throws: CentralError.self) {
                try await CentralProcess.build(other, clock: central.clock.clock, logger: .init(label: "test"))
            }
            #expect(error?.code == "log.renamed")
        }
    }

    private func receipt(for bundles: [SignedBundle], from box: Box, _ central: CentralUnderTest) async throws -> Receipt {
        let reply = try await box.submit(bundles, to: central)
        return try SignedReceipt(opening: try #require(reply.receipt), keys: [central.services.keys.receipts.verifyingKey]).receipt
    }

    private func trust(_ central: CentralUnderTest) throws -> LogTrust {
        LogTrust(logKeys: [try NoteVerifier(name: "localhost/log", key: central.services.keys.log.verifyingKey)])
    }
}

/// The tiles as anybody gets them, over HTTPS.
private struct StrangersTiles: TileSource {
    let endpoint: CentralEndpoint

    func tile(_ path: TilePath) async throws -> [UInt8] {
        let answer = try await endpoint.send("GET", "/log/\(path)", to: .web)
        try #require(answer.status == 200)
        return answer.body
    }
}
