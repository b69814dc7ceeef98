package import Database
import Dispatch
import Postgres

/// The databases over which every contract test runs.
package enum TestEngine: String, CaseIterable, Sendable, CustomStringConvertible {
    case sqlite, postgres
    package var description: String { rawValue }
}

/// A fresh, empty, real database for one test, removed with this value.
package final class TestDatabase: Sendable {
    /// For `Databases.open`, as often as the test likes.
    package let url: String
    private let directory: TemporaryDirectory?

    package init(_ engine: TestEngine) async throws {
        switch engine {
        case .sqlite:
            let directory = try TemporaryDirectory()
            self.directory = directory
            url = "sqlite:" + directory.file("test.db")
        case .postgres:
            directory = nil
            url = try await offTheTestsThreads { try LabPostgres.shared().makeDatabase() }
        }
    }

    deinit {
        guard directory == nil else { return }
        DispatchQueue.global().async { [url] in try? LabPostgres.shared().dropDatabase(url) }
    }

    package func open(connections: Int = 4) throws -> any SQLDatabase { try Databases.open(url, connections: connections) }
}

/// Runs `body` with a fresh database of that engine, and closes it.
package func withDatabase<Result: Sendable>(
    _ engine: TestEngine, connections: Int = 4, _ body: (any SQLDatabase) async throws -> Result
) async throws -> Result {
    let made = try await TestDatabase(engine)
    let database = try made.open(connections: connections)
    do {
        let result = try await body(database)
        await database.close()
        withExtendedLifetime(made) {}
        return result
    } catch {
        await database.close()
        withExtendedLifetime(made) {}
        throw error
    }
}

/// Runs what blocks on a thread of its own: there are as few threads for tests as there are cores, and the servers under
/// test need them too.
private func offTheTestsThreads<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
