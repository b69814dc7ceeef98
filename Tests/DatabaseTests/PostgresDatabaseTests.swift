import Database
import Postgres
import TestSupport
import Testing

@Suite struct PostgresDatabaseTests {
    /// Every commit that was acknowledged is there after SIGKILL of the server, and the same handle goes on afterwards.
    @Test("Killing the server under load loses nothing acknowledged")
    func killedServer() async throws {
        let server = try LabPostgres.ownedBy(test: 0)
        let database = PostgresDatabase(url: server.url, connections: 4)
        try await database.write { try $0.execute("CREATE TABLE t (n BIGINT PRIMARY KEY)") }
        let acknowledged = Shared<[Int64]>([])
        let failures = Shared<Set<String>>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for step in 0... {
                        let number = Int64(writer * 1_000_000 + step)
                        do {
                            try await database.write { try $0.execute("INSERT INTO t VALUES (\(number))") }
                            acknowledged.withLock { $0.append(number) }
                        } catch let error as DatabaseError {
                            failures.withLock { _ = $0.insert(error.code) }
                            return
                        }
                    }
                }
            }
            while acknowledged.withLock({ $0.count }) < 200 { await Task.yield() }
            try server.crash()
            try await group.waitForAll()
        }
        #expect(failures.withLock { $0 }.isSubset(of: ["database.unavailable", "database.outcome_unknown"]))
        await #expect(throws: DatabaseError.self) { try await database.read { try $0.query("SELECT 1") } }
        try server.start()
        let held = Set(try await database.read { try $0.query("SELECT n FROM t").map { try $0.integer(0) } })
        #expect(Set(acknowledged.withLock { $0 }).isSubset(of: held))
        await database.close()
        try server.stop()
    }

    @Test("A session that the server ends while idle is opened again without a word")
    func reconnects() async throws {
        let made = try await TestDatabase(.postgres)
        let database = PostgresDatabase(url: made.url, connections: 1)
        let first = try await database.read { try $0.query("SELECT pg_backend_pid()")[0].integer(0) }
        let other = try made.open(connections: 1)
        _ = try await other.write { try $0.query("SELECT pg_terminate_backend(CAST(\(first) AS INTEGER))") }
        let second = try await database.read { try $0.query("SELECT pg_backend_pid()")[0].integer(0) }
        #expect(first != second)
        await database.close()
        await other.close()
    }

    @Test("A transaction that the server kills half-way runs again, once, on a new connection")
    func rerunsAfterLoss() async throws {
        let made = try await TestDatabase(.postgres)
        let database = PostgresDatabase(url: made.url, connections: 1)
        let other = PostgresDatabase(url: made.url, connections: 1)
        try await database.write { try $0.execute("CREATE TABLE t (n BIGINT PRIMARY KEY)") }
        let runs = Shared(0)
        let gate = Gate()
        async let written: Void = database.write { transaction in
            let run = runs.withLock { runs in
                runs += 1
                return runs
            }
            try transaction.execute("INSERT INTO t VALUES (1)")
            if run == 1 {
                gate.reach(1)
                gate.wait(for: 2)
            }
            try transaction.execute("INSERT INTO t VALUES (2)")
        }
        await gate.reached(1)
        _ = try await other.read {
            try $0.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        }
        gate.reach(2)
        try await written
        #expect(runs.withLock { $0 } == 2)
        #expect(try await other.read { try $0.query("SELECT count(*) FROM t")[0].integer(0) } == 2)
        await database.close()
        await other.close()
    }

    @Test("A statement over its deadline is ended, and the connection goes on")
    func statementDeadline() async throws {
        let made = try await TestDatabase(.postgres)
        let database = PostgresDatabase(url: made.url, connections: 1, limits: PostgresLimits(statement: .milliseconds(150)))
        let error = await #expect(throws: DatabaseError.self) { try await database.read { try $0.query("SELECT pg_sleep(20)") } }
        #expect(error?.code == "database.unavailable")
        #expect(try await database.read { try $0.query("SELECT 1")[0].integer(0) } == 1)
        await database.close()
    }

    @Test("A server that is not there is unavailable, and the password stays out of the words")
    func unreachable() async throws {
        let database = PostgresDatabase(url: "postgres://martlet:hunter2@127.0.0.1:1/x", connections: 1)
        let error = await #expect(throws: DatabaseError.self) { try await database.read { try $0.query("SELECT 1") } }
        #expect(error?.code == "database.unavailable")
        #expect(error?.message.contains("hunter2") == false)
        await database.close()
    }
}
