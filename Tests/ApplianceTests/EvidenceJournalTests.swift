import Appliance
import Database
import Evidence
import Model
import Redaction
import Seal
import TestSupport
import Testing

@Suite struct EvidenceJournalTests {
    @Test("64 writers at once make one chain without gaps, and each is told its own place")
    func concurrentWriters() async throws {
        let bench = try await Workbench()
        let journal = try await bench.journal()
        let places = try await withThrowingTaskGroup(of: [EvidenceJournal.Place].self) { group in
            for writer in 0..<64 {
                group.addTask {
                    var places: [EvidenceJournal.Place] = []
                    for number in 0..<8 { places += try await journal.append([bench.bundle("\(writer) \(number)")]) }
                    return places
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(places.map(\.sequence).sorted() == Array(0..<512))
        let stored = try await bench.stored()
        #expect(Set(places.map(\.digest)) == Set(stored.map(\.digest)))
        try expectUnbroken(stored, key: bench.key)
        // Reopening looks at the chain again and goes on where it ended.
        let reopened = try await bench.journal()
        #expect(try await reopened.append([bench.bundle("after")])[0].sequence == 512)
    }

    @Test("Several bundles of one call stand next to each other, in order")
    func keepsOrder() async throws {
        let bench = try await Workbench()
        let journal = try await bench.journal()
        let places = try await journal.append((0..<5).map { bench.bundle("\($0)") })
        #expect(places.map(\.sequence) == [0, 1, 2, 3, 4])
        try expectUnbroken(try await bench.stored(), key: bench.key)
    }

    @Test("A write that fails takes only its own bundles with it")
    func failureIsIsolated() async throws {
        struct Refused: Error {}
        let bench = try await Workbench()
        let journal = try await bench.journal()
        let results = await withTaskGroup(of: Bool.self) { group in
            for writer in 0..<20 {
                group.addTask {
                    do {
                        try await journal.append([bench.bundle("\(writer)")]) { _, _ in if writer % 5 == 0 { throw Refused() } }
                        return true
                    } catch is Refused {
                        return false
                    } catch {
                        Issue.record(error)
                        return false
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count(where: { $0 }) == 16)
        let stored = try await bench.stored()
        #expect(stored.count == 16)
        try expectUnbroken(stored, key: bench.key)
    }

    @Test("A bundle and what goes with it are there together, or neither is")
    func accompanimentIsAtomic() async throws {
        let bench = try await Workbench()
        let journal = try await bench.journal()
        try await journal.append([bench.bundle("pause")]) { transaction, places in
            #expect(places.map(\.sequence) == [0])
            try SettingTable.write(.isPaused, "1", in: transaction)
        }
        #expect(try await bench.database.read { try SettingTable.read(.isPaused, in: $0) } == "1")
        await #expect(throws: DatabaseError.self) {
            try await journal.append([bench.bundle("broken")]) { transaction, _ in
                try SettingTable.remove(.isPaused, in: transaction)
                try transaction.execute("UPDATE outbox SET acknowledged = -2")
            }
        }
        #expect(try await bench.database.read { try SettingTable.read(.isPaused, in: $0) } == "1")
        #expect(await journal.end.sequence == 0)
    }

    @Test("Somebody else's bundle in the chain stops this writer for good")
    func refusesSecondWriter() async throws {
        let bench = try await Workbench()
        let (mine, other) = (try await bench.journal(), try await bench.journal())
        try await other.append([bench.bundle("other")])
        await #expect(throws: JournalError.self) { try await mine.append([bench.bundle("mine")]) }
        await #expect(throws: JournalError.self) { try await mine.append([bench.bundle("mine again")]) }
        #expect(try await bench.stored().count == 1)
    }

    @Test(
        "A chain that was tampered with is not opened",
        arguments: [
            "UPDATE evidence SET bytes = CAST(replace(CAST(bytes AS TEXT), 'note 3', 'note 4') AS BLOB) WHERE sequence = 3",
            "UPDATE evidence SET signature = zeroblob(64) WHERE sequence = 2",
            "DELETE FROM outbox",
            "UPDATE outbox SET acknowledged = 6; INSERT INTO receipt VALUES (6, 0, zeroblob(32), '', 0)",
            "UPDATE outbox SET acknowledged = 5; INSERT INTO receipt VALUES (5, 0, zeroblob(32), '', 0)",
            "UPDATE evidence SET sequence = 6 WHERE sequence = 5",
        ])
    func refusesBrokenChain(tampering: String) async throws {
        let bench = try await Workbench()
        let journal = try await bench.journal()
        for number in 0..<6 { try await journal.append([bench.bundle("note \(number)")]) }
        try await bench.database.close()
        try runCommand("/usr/bin/sqlite3", [bench.directory.database, tampering])
        let damaged = try SQLiteDatabase(path: bench.directory.database)
        let error = await #expect(throws: (any Error).self) {
            try await EvidenceJournal(database: damaged, key: bench.key, scrubber: .ofTests, appended: Wake(), clock: bench.clock.clock)
        }
        #expect(error is JournalError || error is StateError, "\(error)")
    }

    @Test("A hole, and the loss of what has a receipt, are both noticed", arguments: [3, 5])
    func refusesHole(missing: Int64) async throws {
        let bench = try await Workbench()
        let journal = try await bench.journal()
        let places = try await journal.append((0..<6).map { bench.bundle("note \($0)") })
        try await bench.database.write { transaction in
            try EvidenceTable.receipt(0, 5, head: places[5].digest, envelope: "", received: bench.clock.now, in: transaction)
        }
        _ = try await bench.journal()
        try await bench.database.write { transaction in
            try transaction.execute("DELETE FROM evidence WHERE sequence = \(missing)")
        }
        await #expect(throws: JournalError.self) { try await bench.journal() }
    }

    @Test("Another key's chain is not taken for ours")
    func refusesForeignKey() async throws {
        let bench = try await Workbench()
        try await bench.journal().append([bench.bundle("one")])
        await #expect(throws: JournalError.self) {
            try await EvidenceJournal(
                database: bench.database, key: SigningKey(), scrubber: .ofTests, appended: Wake(), clock: bench.clock.clock)
        }
    }
}

/// Every link: number, predecessor, digest, signature.
func expectUnbroken(_ stored: [EvidenceTable.Stored], key: SigningKey, sourceLocation: SourceLocation = #_sourceLocation) throws {
    var previous: Digest?
    for (index, item) in stored.enumerated() {
        let json = try JSONValue(parsing: item.signed.bytes, limits: JSONLimits(bytesMax: 1 << 20))
        #expect(json["sequence"]?.integer == item.sequence, sourceLocation: sourceLocation)
        #expect(item.sequence == stored[0].sequence + Int64(index), sourceLocation: sourceLocation)
        if let previous { #expect(json["previous"]?.string == previous.description, sourceLocation: sourceLocation) }
        #expect(Digest(of: item.signed.bytes) == item.digest, sourceLocation: sourceLocation)
        #expect(key.verifyingKey.isValid(item.signed.signature, for: item.signed.bytes), sourceLocation: sourceLocation)
        previous = item.digest
    }
}
