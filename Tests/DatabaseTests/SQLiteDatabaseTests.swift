import Database
import Foundation
import Postgres
import TestSupport
import Testing

@Suite struct SQLiteDatabaseTests {
    @Test("The file and its WAL are for their owner only")
    func fileModes() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("a.db")
        let database = try SQLiteDatabase(path: path)
        try await database.write { try $0.execute("CREATE TABLE t (a TEXT)") }
        for name in [path, path + "-wal", path + "-shm"] {
            let mode = try FileManager.default.attributesOfItem(atPath: name)[.posixPermissions] as? Int
            #expect(mode == 0o600, "\(name)")
        }
        await database.close()
    }

    @Test("Commits are synced to disk, not only written")
    func synchronousIsFull() async throws {
        let directory = try TemporaryDirectory()
        let database = try SQLiteDatabase(path: directory.file("a.db"))
        let level = try await database.write { try $0.query("PRAGMA synchronous")[0].integer(0) }
        #expect(level == 2)
        #expect(try await database.write { try $0.query("PRAGMA foreign_keys")[0].integer(0) } == 1)
        await database.close()
    }

    @Test("A path that cannot be opened, and a file that is no database, say so")
    func refusals() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: directory.file("missing/a.db")) }
        let garbage = directory.file("garbage.db")
        try Data(repeating: 65, count: 8_192).write(to: URL(fileURLWithPath: garbage))
        let error = #expect(throws: DatabaseError.self) { try SQLiteDatabase(path: garbage) }
        #expect(error?.code == "database.corrupt")
        #expect(throws: DatabaseError.self) { try Databases.open("mysql://x") }
    }

    @Test(
        "A full disk is `full`, loses nothing acknowledged, and ends when there is room",
        .enabled(if: geteuid() == 0, "needs root for a tmpfs"))
    func fullDisk() async throws {
        let directory = try TemporaryDirectory()
        try runCommand("/usr/bin/mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory.path])
        defer { _ = try? runCommand("/usr/bin/umount", ["-l", directory.path]) }
        let ballast = directory.file("ballast")
        try Data(repeating: 0, count: 200_000).write(to: URL(fileURLWithPath: ballast))
        let database = try SQLiteDatabase(path: directory.file("a.db"))
        try await database.write { try $0.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, b BLOB NOT NULL)") }
        var acknowledged = 0
        var failure: DatabaseError?
        for n in 0..<200 where failure == nil {
            do {
                try await database.write { try $0.execute("INSERT INTO t VALUES (\(n), \([UInt8](repeating: 7, count: 10_000)))") }
                acknowledged += 1
            } catch { failure = error as? DatabaseError }
        }
        #expect(failure == .full)
        #expect(acknowledged > 5)
        let held = try await database.read { try $0.query("SELECT count(*) FROM t")[0].integer(0) }
        #expect(Int(held) == acknowledged)
        try FileManager.default.removeItem(atPath: ballast)
        try await database.write { try $0.execute("INSERT INTO t VALUES (\(1_000), \([UInt8](repeating: 7, count: 10_000)))") }
        await database.close()
        let again = try SQLiteDatabase(path: directory.file("a.db"))
        #expect(Int(try await again.read { try $0.query("SELECT count(*) FROM t")[0].integer(0) }) == acknowledged + 1)
        #expect(try await again.read { try $0.query("PRAGMA integrity_check")[0].text(0) } == "ok")
        await again.close()
    }
}
