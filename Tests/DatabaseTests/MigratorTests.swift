import Database
import Model
import TestSupport
import Testing

@Suite struct MigratorTests {
    private let first = Migration(1, "people", "CREATE TABLE people (id TEXT PRIMARY KEY, born_at BIGINT NOT NULL, photo BYTEA\n);")
    private let second = Migration(
        2, "names", "ALTER TABLE people ADD COLUMN name TEXT NOT NULL DEFAULT ''; CREATE INDEX people_by_name ON people (name);")
    private let third = Migration(
        3, "strict", sqlite: "CREATE TABLE extra (a INTEGER) STRICT", postgres: "CREATE TABLE extra (a BIGINT)")

    private func migrate(_ database: any SQLDatabase, _ migrations: [Migration]) async throws {
        try await Migrator(migrations).migrate(database, now: { Timestamp(milliseconds: 5) })
    }

    private func schema(_ database: any SQLDatabase) async throws -> [Row] {
        try await database.read { transaction in
            switch transaction.dialect {
            case .sqlite: try transaction.query("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
            case .postgres:
                try transaction.query(
                    """
                    SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                    WHERE table_schema = 'public' ORDER BY table_name, column_name
                    """)
            }
        }
    }

    @Test("Step by step, one version at a time, gives the same schema as at once", arguments: TestEngine.allCases)
    func stepwiseEqualsFresh(engine: TestEngine) async throws {
        let fresh = try await withDatabase(engine) { database in
            try await migrate(database, [first, second, third])
            try await migrate(database, [first, second, third])
            return try await schema(database).map(\.values)
        }
        let stepwise = try await withDatabase(engine) { database in
            for count in 1...3 { try await migrate(database, Array([first, second, third].prefix(count))) }
            return try await schema(database).map(\.values)
        }
        #expect(fresh == stepwise)
        #expect(fresh.count >= 5)
    }

    @Test("One that fails half-way leaves nothing of itself; the next start goes on from there", arguments: TestEngine.allCases)
    func resumes(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            let broken = Migration(2, "names", "CREATE TABLE half (a TEXT); INSERT INTO nowhere VALUES (1);")
            await #expect(throws: DatabaseError.self) { try await migrate(database, [first, broken]) }
            #expect(try await database.read { try $0.query("SELECT number FROM schema_migrations").count } == 1)
            try await migrate(database, [first, second, third])
            #expect(try await database.read { try $0.query("SELECT number FROM schema_migrations").count } == 3)
            await #expect(throws: DatabaseError.self) { try await database.read { try $0.query("SELECT a FROM half") } }
        }
    }

    @Test("An edited migration is refused", arguments: TestEngine.allCases)
    func refusesEditedHistory(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await migrate(database, [first])
            let edited = Migration(1, "people", "CREATE TABLE people (id TEXT PRIMARY KEY\n);")
            await #expect(throws: MigrationError.edited(number: 1, name: "people")) { try await migrate(database, [edited, second]) }
            #expect(try await database.read { try $0.query("SELECT number FROM schema_migrations").count } == 1)
        }
    }

    @Test("A database of a newer program is refused, and so is one with a gap", arguments: TestEngine.allCases)
    func refusesNewerAndGap(engine: TestEngine) async throws {
        try await withDatabase(engine) { database in
            try await migrate(database, [first, second, third])
            await #expect(throws: MigrationError.newer(number: 3, known: 1)) { try await migrate(database, [first]) }
            try await database.write { try $0.execute("DELETE FROM schema_migrations WHERE number = 2") }
            await #expect(throws: MigrationError.gap(missing: 2)) { try await migrate(database, [first, second, third]) }
        }
    }

    @Test("Several processes that start at once do each step once", arguments: TestEngine.allCases)
    func concurrentStarters(engine: TestEngine) async throws {
        let made = try await TestDatabase(engine)
        let all = [first, second, third]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let database = try made.open(connections: 1)
                    try await Migrator(all).migrate(database, now: { Timestamp(milliseconds: 5) })
                    await database.close()
                }
            }
            try await group.waitForAll()
        }
        let database = try made.open()
        #expect(try await database.read { try $0.query("SELECT number FROM schema_migrations").count } == 3)
        await database.close()
    }
}
