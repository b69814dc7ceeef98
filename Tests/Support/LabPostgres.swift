import Database
import Foundation
import Postgres
import Synchronization

/// A real PostgreSQL in a directory of its own, started by `scripts/lab/postgres`.
package final class LabPostgres: Sendable {
    /// `postgres://…/postgres`: the database from which others are made.
    package let url: String
    private let instance: Int
    private static let script = repositoryRoot + "/scripts/lab/postgres"

    /// The server that all tests of this process share: LAB_INSTANCE from the environment, else 0. Started when first asked
    /// for; stopped when the process ends, unless it ran before.
    package static func shared() throws -> LabPostgres {
        try sharedServer.withLock { server in
            if let server { return server }
            let instance = Int(ProcessInfo.processInfo.environment["LAB_INSTANCE"] ?? "") ?? 0
            let made = try LabPostgres(instance: instance)
            server = made
            return made
        }
    }

    /// A server of one test's own, which may therefore kill it. Instances from 100 up belong to such tests.
    package static func ownedBy(test number: Int) throws -> LabPostgres {
        let base = Int(ProcessInfo.processInfo.environment["LAB_INSTANCE"] ?? "") ?? 0
        return try LabPostgres(instance: 100 + base * 5 + number)
    }

    private init(instance: Int) throws {
        self.instance = instance
        let environment = ["LAB_INSTANCE": "\(instance)"]
        let wasRunning = (try? runCommand(Self.script, ["status"], environment: environment)) != nil
        let answer = try runCommand(Self.script, ["start"], environment: environment)
        guard let line = answer.split(separator: "\n").first(where: { $0.hasPrefix("DATABASE_URL=") }) else {
            throw CommandFailed(description: "scripts/lab/postgres start printed no DATABASE_URL")
        }
        url = String(line.dropFirst("DATABASE_URL=".count))
        if !wasRunning { stopAtExit(instance) }
    }

    package func start() throws { try runCommand(Self.script, ["start"], environment: ["LAB_INSTANCE": "\(instance)"]) }
    /// SIGKILL of the whole server.
    package func crash() throws { try runCommand(Self.script, ["crash"], environment: ["LAB_INSTANCE": "\(instance)"]) }
    package func stop() throws { try runCommand(Self.script, ["stop"], environment: ["LAB_INSTANCE": "\(instance)"]) }

    /// - Returns: the address of a new, empty database.
    package func makeDatabase() throws -> String {
        let name = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        try administer("CREATE DATABASE \(name)")
        return url.replacingOccurrences(of: "/postgres", with: "/\(name)", options: .backwards)
    }

    package func dropDatabase(_ database: String) throws {
        guard let name = database.split(separator: "/").last else { return }
        try administer("DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
    }

    private func administer(_ statement: String) throws {
        try PostgresConnection(url: url).command(statement)
    }

    fileprivate static func stop(instance: Int) {
        _ = try? runCommand(script, ["stop"], environment: ["LAB_INSTANCE": "\(instance)"])
    }
}

private let sharedServer = Mutex<LabPostgres?>(nil)
private let startedHere = Mutex<[Int]>([])

private func stopAtExit(_ instance: Int) {
    let isFirst = startedHere.withLock { instances in
        instances.append(instance)
        return instances.count == 1
    }
    if isFirst { atexit { startedHere.withLock { $0 }.forEach(LabPostgres.stop(instance:)) } }
}
