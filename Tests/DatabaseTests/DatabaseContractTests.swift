import Database
import Glibc
import Synchronization
import TestSupport
import Testing

/// One body of tests over both real databases: what holds for one holds for the other.
@Suite struct DatabaseContractTests {
    private static let table: SQL = "CREATE TABLE item (id TEXT PRIMARY KEY, amount BIGINT NOT NULL CHECK (amount >= 0))"

    private func makeItems(_ database: any SQLDatabase) async throws {
        try await database.write { try $0.execute(Self.table) }
    }

    @Test("Every kind of value comes back as it went in", arguments: TestEngine.allCases)
    func valuesRoundTrip(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let texts = ["", "plain", "Grüße, 世界 🐦", "it's; DROP TABLE item; --", "$1 \\ \" %"]
            let absent: String? = nil
            let integers: [Int64] = [.min, -1, 0, 1, .max]
            let rows = try await database.write { transaction in
                switch transaction.dialect {
                case .sqlite: try transaction.execute("CREATE TABLE v (n BIGINT PRIMARY KEY, i BIGINT, d DOUBLE PRECISION, t TEXT, b BLOB)")
                case .postgres:
                    try transaction.execute("CREATE TABLE v (n BIGINT PRIMARY KEY, i BIGINT, d DOUBLE PRECISION, t TEXT, b BYTEA)")
                }
                for (n, text) in texts.enumerated() {
                    try transaction.execute(
                        """
                        INSERT INTO v (n, i, d, t, b)
                        VALUES (\(n), \(integers[n]), \(Double(n) / 3), \(text), \([UInt8](repeating: UInt8(n), count: n)))
                        """)
                }
                try transaction.execute("INSERT INTO v (n, i, d, t, b) VALUES (9, \(SQLValue.null), NULL, \(absent), \(SQLValue.null))")
                return try transaction.query("SELECT i, d, t, b FROM v ORDER BY n")
            }
            for (n, text) in texts.enumerated() {
                #expect(
                    rows[n].values == [
                        .integer(integers[n]), .double(Double(n) / 3), .text(text), .blob([UInt8](repeating: UInt8(n), count: n)),
                    ])
            }
            #expect(rows[5].values == [.null, .null, .null, .null])
            #expect(try rows[5].optionalText(2) == nil)
            #expect(throws: DatabaseError.self) { try rows[0].text(0) }
        }
    }

    @Test("A blob of 8 MiB survives whole", arguments: TestEngine.allCases)
    func bigBlob(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let bytes = (0..<(8 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await database.write { transaction in
                switch transaction.dialect {
                case .sqlite: try transaction.execute("CREATE TABLE b (bytes BLOB NOT NULL)")
                case .postgres: try transaction.execute("CREATE TABLE b (bytes BYTEA NOT NULL)")
                }
                try transaction.execute("INSERT INTO b VALUES (\(bytes))")
            }
            let rows = try await database.read { try $0.query("SELECT bytes FROM b") }
            #expect(try rows[0].blob(0) == bytes)
        }
    }

    @Test("Unique and check violations are constraint errors, and nothing of the transaction stays", arguments: TestEngine.allCases)
    func constraints(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            try await database.write { try $0.execute("INSERT INTO item VALUES (\("a"), \(1))") }
            for bad in [("a", 2), ("b", -1)] {
                let error = await #expect(throws: DatabaseError.self) {
                    try await database.write { transaction in
                        try transaction.execute("INSERT INTO item VALUES (\("c"), \(3))")
                        try transaction.execute("INSERT INTO item VALUES (\(bad.0), \(bad.1))")
                    }
                }
                #expect(error?.code == "database.constraint")
            }
            let count = try await database.read { try $0.query("SELECT count(*) FROM item")[0].integer(0) }
            #expect(count == 1)
        }
    }

    @Test("A body that hides a failed statement still commits nothing", arguments: TestEngine.allCases)
    func swallowedErrorDooms(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            let error = await #expect(throws: DatabaseError.self) {
                try await database.write { transaction in
                    try transaction.execute("INSERT INTO item VALUES (\("a"), \(1))")
                    _ = try? transaction.execute("INSERT INTO item VALUES (\("a"), \(1))")
                }
            }
            #expect(error?.code == "database.constraint")
            #expect(try await database.read { try $0.query("SELECT id FROM item").isEmpty })
        }
    }

    @Test("An error of the body rolls back and passes through; the connection serves the next", arguments: TestEngine.allCases)
    func rollbackOnThrow(engine: TestEngine) async throws {
        struct Refused: Error {}
        try await withDatabase(engine, connections: 1) { database in
            try await makeItems(database)
            await #expect(throws: Refused.self) {
                try await database.write { transaction in
                    try transaction.execute("INSERT INTO item VALUES (\("a"), \(1))")
                    throw Refused()
                }
            }
            #expect(try await database.read { try $0.query("SELECT id FROM item").isEmpty })
        }
    }

    @Test("U+0000 in a text is refused, not cut", arguments: TestEngine.allCases)
    func nulCharacter(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            await #expect(throws: DatabaseError.constraint("a text holds the character U+0000")) {
                try await database.write { try $0.execute("INSERT INTO item VALUES (\("a\u{0}b"), \(1))") }
            }
        }
    }

    @Test("A read cannot write", arguments: TestEngine.allCases)
    func readsOnlyRead(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            await #expect(throws: DatabaseError.self) { try await database.read { try $0.execute("INSERT INTO item VALUES ('a', 1)") } }
            #expect(try await database.read { try $0.query("SELECT id FROM item").isEmpty })
        }
    }

    @Test("A read sees one moment, whatever is written meanwhile", arguments: TestEngine.allCases)
    func snapshotReads(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            try await database.write { try $0.execute("INSERT INTO item VALUES ('a', 1)") }
            let gate = Gate()
            async let seen = database.read { transaction in
                let before = try transaction.query("SELECT count(*) FROM item")[0].integer(0)
                gate.reach(1)
                gate.wait(for: 2)
                return (before, try transaction.query("SELECT count(*) FROM item")[0].integer(0))
            }
            await gate.reached(1)
            try await database.write { try $0.execute("INSERT INTO item VALUES ('b', 1)") }
            gate.reach(2)
            #expect(try await seen == (1, 1))
        }
    }

    @Test("Concurrent read-modify-writes lose no update", arguments: TestEngine.allCases)
    func concurrentWriters(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            try await database.write { try $0.execute("INSERT INTO item VALUES ('a', 0)") }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        for _ in 0..<10 {
                            try await database.write { transaction in
                                let amount = try transaction.query("SELECT amount FROM item WHERE id = 'a'")[0].integer(0)
                                try transaction.execute("UPDATE item SET amount = \(amount + 1) WHERE id = 'a'")
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.read { try $0.query("SELECT amount FROM item")[0].integer(0) } == 40)
        }
    }

    /// Two transactions each see room for one and fill it: both may not succeed on what they saw.
    @Test("Write skew is impossible", arguments: TestEngine.allCases)
    func serializable(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        try await database.write { transaction in
                            let count = try transaction.query("SELECT count(*) FROM item")[0].integer(0)
                            if count < 3 { try transaction.execute("INSERT INTO item VALUES (\("w\(writer)"), 1)") }
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await database.read { try $0.query("SELECT count(*) FROM item")[0].integer(0) } == 3)
        }
    }

    @Test("Many rows go in whole", arguments: TestEngine.allCases)
    func bulkInsert(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await makeItems(database)
            try await database.write { transaction in
                try transaction.insert(into: "item", columns: "id, amount", rows: (0..<101).map { [.text("i\($0)"), .integer($0)] })
            }
            let row = try await database.read { try $0.query("SELECT count(*), CAST(sum(amount) AS BIGINT) FROM item")[0] }
            #expect(row.values == [.integer(101), .integer(5_050)])
        }
    }

    @Test("After close everything is refused; what ran before is there", arguments: TestEngine.allCases)
    func closes(engine: TestEngine) async throws {
        let made = try await TestDatabase(engine)
        let database = try made.open()
        try await makeItems(database)
        async let last: Void = database.write { _ = try $0.execute("INSERT INTO item VALUES ('a', 1)") }
        try await last
        await database.close()
        await #expect(throws: DatabaseError.closed) { try await database.read { try $0.query("SELECT 1") } }
        await #expect(throws: DatabaseError.closed) { try await database.write { try $0.execute("DELETE FROM item") } }
        let again = try made.open()
        #expect(try await again.read { try $0.query("SELECT id FROM item").count } == 1)
        await again.close()
    }
}

/// Lets a synchronous body, on its database's own thread, and the test wait for each other's steps.
final class Gate: Sendable {
    private let step = Mutex(0)
    func reach(_ number: Int) { step.withLock { $0 = number } }
    func wait(for number: Int) { while step.withLock({ $0 }) < number { usleep(200) } }
    /// Never blocks: there are as few threads for tests as there are cores.
    func reached(_ number: Int) async { while step.withLock({ $0 }) < number { await Task.yield() } }

    @Test("A single connection refuses what is asked for while and after it is closed, and reads nothing half")
    func closesASingleConnection() async throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("single.db"), readers: 0)
        try await database.write { transaction in
            try transaction.execute("CREATE TABLE item (id TEXT)")
            try transaction.execute("INSERT INTO item VALUES ('a')")
        }
        // Reading only, whichever connection there is.
        await #expect(throws: DatabaseError.self) { try await database.read { try $0.query("DELETE FROM item RETURNING id") } }
        let answers = await withTaskGroup(of: Result<Int, any Error>.self) { group in
            for number in 0..<50 {
                group.addTask {
                    if number == 25 { await database.close() }
                    do {
                        return .success(try await database.read { try $0.query("SELECT id FROM item").count })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: [Result<Int, any Error>]()) { $0.append($1) }
        }
        for answer in answers {
            switch answer {
            case .success(let count): #expect(count == 1)
            case .failure(let error): #expect(error as? DatabaseError == .closed)
            }
        }
        await #expect(throws: DatabaseError.closed) { try await database.read { try $0.query("SELECT 1") } }
    }
}
