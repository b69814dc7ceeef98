import Model
import Objects
import Seal
import TestSupport

/// The stores over which every contract test runs.
enum StoreKind: String, CaseIterable, Sendable, CustomStringConvertible {
    case directory
    var description: String { rawValue }
}

/// A fresh, empty, real store.
struct StoreUnderTest: Sendable {
    let store: any ObjectStore
    let clock: TestClock
    private let directory: TemporaryDirectory?

    init(_ kind: StoreKind) async throws {
        clock = TestClock()
        switch kind {
        case .directory:
            let directory = try TemporaryDirectory()
            self.directory = directory
            store = try DirectoryObjectStore(path: directory.path, clock: clock.clock)
        }
    }

    /// A day from now.
    var aDay: Retention { .days(1, from: clock.now) }
}

func key(_ text: String) -> ObjectKey { ObjectKey(text)! }
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func withStore(_ kind: StoreKind, _ body: (StoreUnderTest) async throws -> Void) async throws {
    let made = try await StoreUnderTest(kind)
    do {
        try await body(made)
        await made.store.close()
    } catch {
        await made.store.close()
        throw error
    }
}

/// The code of the error that `body` throws; nil where it throws none.
func code(_ body: () async throws(ObjectError) -> Void) async -> String? {
    do throws(ObjectError) {
        try await body()
        return nil
    } catch {
        return error.code
    }
}
