import Documents
import Model
import Objects
import Seal
import TestSupport

/// The stores over which every contract test runs.
enum StoreKind: String, CaseIterable, Sendable, CustomStringConvertible {
    case directory, s3
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
        case .s3:
            directory = nil
            store = try await openBucket(newBucketName(), clock: clock)
        }
    }

    /// A day from now.
    var aDay: Retention { .days(1, from: clock.now) }
}

func newBucketName() -> String { "test-" + (0..<8).map { _ in UInt8.random(in: 0...255) }.hexadecimal }

/// A bucket of the lab's server, made where it is missing.
/// - Parameter port: of a proxy before the server; nil: the server itself.
func openBucket(
    _ bucket: String, port: Int? = nil, clock: TestClock = TestClock(), patience: S3Patience = S3Patience(), makesBucket: Bool = true,
    slept: Shared<[Duration]> = Shared([])
) async throws -> S3ObjectStore {
    let lab = try await LabS3.shared()
    return try await S3ObjectStore.open(
        S3Location(
            endpoint: S3Endpoint(port.map { "http://127.0.0.1:\($0)" } ?? lab.endpoint)!, region: lab.region, bucket: bucket),
        S3Credentials(contentsOf: lab.credentials), makesBucket: makesBucket, patience: patience, clock: restless(clock, slept))
}

/// Stands still, and does not sleep: the pauses between attempts are noted instead.
func restless(_ clock: TestClock, _ slept: Shared<[Duration]> = Shared([])) -> WallClock {
    WallClock(now: { clock.now }, sleep: { span in slept.withLock { $0.append(span) } })
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
func code(_ body: () async throws -> Void) async -> String? {
    do {
        try await body()
        return nil
    } catch let error as ObjectError {
        return error.code
    } catch {
        return "\(error)"
    }
}
