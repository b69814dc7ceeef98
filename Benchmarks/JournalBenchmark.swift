import Appliance
import Database
import Evidence
import Glibc
import Model
import Redaction
import Seal
import TestSupport

/// The appliance's evidence journal on a real SQLite file in the current directory.
///
/// Singly, against a loop that appends the same bytes to a file of the same file system and syncs it: fsync on a shared machine
/// swings by fifty times, so only the ratio of two that alternate in one run says anything.
enum JournalBenchmark {
    static func run() async throws -> [Line] {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let state = StateDirectory(scratch.path + "/state")
        try state.prepare()
        let database = try SQLiteDatabase(path: state.database, readers: 0)
        try await ApplianceSchema.migrator.migrate(database, now: { Samples.now })
        let key = SigningKey()
        let journal = try await EvidenceJournal(
            database: database, key: key, scrubber: .ofTests, appended: Wake(), clock: WallClock(now: { Samples.now }, sleep: { _ in }))
        let bytes = try BundleSealer(key: key).seal(Samples.bundle, at: ChainLink(sequence: 7, previous: .genesis)).signed.bytes
        let file = try AppendedFile(scratch.path + "/bare")
        let drafts = Drafts()

        // Each turn long enough that what one leaves behind for the disk to do is not what the other waits for; many turns, because
        // the disk's own speed changes by a quarter from second to second.
        let (turns, singles) = (21, 500)
        let (writers, each) = (1_000, 20)
        var rates: [[Double]] = [[], [], []]
        for _ in 0..<turns {
            rates[0].append(try await rate(singles) { for _ in 0..<singles { try await journal.append([drafts.next()]) } })
            rates[1].append(try await rate(singles) { for _ in 0..<singles { try file.append(bytes) } })
        }
        for _ in 0..<5 {
            rates[2].append(
                try await rate(writers * each) {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<writers {
                            group.addTask { for _ in 0..<each { try await journal.append([drafts.next()]) } }
                        }
                        try await group.waitForAll()
                    }
                })
        }
        await database.close()
        let medians = rates.map(median)
        let ratio = median(zip(rates[0], rates[1]).map { $0 / $1 })
        return [
            Line(
                what: "bundle durable, one after the other", value: "\(medians[0].readable)/s",
                peer: "bare fdatasync \(medians[1].readable)/s: \(ratio.readable)", isReached: ratio >= 0.9),
            Line(
                what: "bundles made, signed, durable; \(writers) writers", value: "\(medians[2].readable)/s", peer: "",
                isReached: medians[2] >= 25_000),
        ]
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func rate(_ operations: Int, _ body: () async throws -> Void) async throws -> Double {
        let taken = try await ContinuousClock().measure { try await body() }
        return Double(operations) / taken.inSeconds
    }

    /// The sample bundle, each time with an id of its own.
    private struct Drafts: Sendable {
        func next() -> Bundle {
            var bundle = Samples.bundle
            bundle.id = BundleID(at: Samples.now)
            return bundle
        }
    }
}

/// What the journal is compared with.
private final class AppendedFile {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw BenchmarkFault("cannot open \(path)") }
    }

    deinit { close(descriptor) }

    func append(_ bytes: [UInt8]) throws {
        guard write(descriptor, bytes, bytes.count) == bytes.count, fdatasync(descriptor) == 0 else {
            throw BenchmarkFault("cannot append")
        }
    }
}
