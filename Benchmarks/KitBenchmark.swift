import Compliance
import Evidence
import Glibc
import Model
import Reports
import Seal
import Synchronization
import TestSupport
import TransparencyLog
import Wire

/// A kit as Central makes it from 150,000 held bundles, each verified anew on all cores before it is handed out; its verification by
/// whoever receives it; and the audit of what is held, bundles and chain alone, as `SiteEvidence` and `KitVerifier` do it. The latter two
/// beside checking the signatures alone on all cores, median beside median.
enum KitBenchmark {
    private static let auditCount = 10_000
    private static let pageSize = 500
    private static let rounds = 3
    private static let cores = max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1)

    /// What the bundles hold.
    enum Load {
        /// The verdicts of ten checks, beside all that a repair's bundle has: more than any real one.
        case full
        /// The verdicts of ten checks, as the appliance writes them.
        case attestations
    }

    static func run() async throws -> [Line] {
        try await run(.full, 150_000, isBound: true) + run(.attestations, 100_000, isBound: false)
    }

    /// - Parameter isBound: whether the bounds are for this load.
    private static func run(_ load: Load, _ count: Int64, isBound: Bool) async throws -> [Line] {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        let held = try Held(in: scratch.path, load, count)
        let subject = try await held.subject()
        let path = scratch.path + "/kit.zip"
        let clock = ContinuousClock()
        let started = clock.now
        let writer = try KitWriter(path: path, subject: subject, key: SigningKey())
        let keys = held.keys
        try await BundleVerifier(workers: cores).forEach(
            page: { last in try held.page(isFirst: last == nil) },
            verify: { bundle, memory in try VerifiedBundle(bundle, keys: keys, memory: memory) },
            { bundle in try writer.add(bundle) })
        try writer.finish()
        let written = (clock.now - started).inSeconds
        let afterWriting = residentMegabytes
        let size = Self.size(of: path)

        let pages = try [held.page(isFirst: true)] + (1..<(auditCount / pageSize)).map { _ in try held.page(isFirst: false) }
        let raw = { try await rawRate(pages[0] + pages[1], VerifyingKey(bytes: keys[0].key.bytes)!, for: .seconds(1)) }
        var rates = [try await raw()]
        var (kitRates, audits): ([Double], [Double]) = ([], [])
        for _ in 0..<rounds {
            audits.append(try await audit(pages, keys))
            rates.append(try await raw())
            let begun = clock.now
            let report = await KitVerifier(trust: .none, workers: cores).verify(path)
            guard report.exitCode == 0, let figures = report.figures, figures.made > 0 else {
                throw BenchmarkFault("the kit does not verify: \(report.table)")
            }
            kitRates.append(Double(count) / (clock.now - begun).inSeconds)
            rates.append(try await raw())
        }
        let (kit, bare, audit) = (median(kitRates), median(rates), median(audits))
        let bareAudit = Double(auditCount) / bare
        let memory = residentMegabytes
        let name = isBound ? "kit" : "attestations only: kit"
        return [
            Line(
                what: "\(name) of \(Double(count).readable) bundles made (\(size >> 20) MiB), \(cores) cores",
                value: "\(written.readable) s", peer: "", isReached: isBound ? written < 10 : nil),
            Line(what: "memory until then", value: "\(afterWriting) MiB", peer: "", isReached: afterWriting < 256),
            Line(
                what: "\(name) verified, \(cores) cores", value: "\(kit.readable)/s",
                peer: "signatures alone \(bare.readable)/s: \((kit / bare).readable)", isReached: isBound ? kit / bare >= 0.8 : nil),
            Line(
                what: "audit of 10,000 bundles, \(cores) cores", value: "\((audit * 1_000).readable) ms",
                peer: "signatures alone \((bareAudit * 1_000).readable) ms: \((bareAudit / audit).readable)",
                isReached: isBound ? audit <= 0.4 : nil),
            Line(what: "memory until then", value: "\(memory) MiB", peer: "", isReached: memory < 256),
        ]
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// Seconds that chain and signatures take.
    private static func audit(_ pages: [[SignedBundle]], _ keys: [EnrolledKey]) async throws -> Double {
        let clock = ContinuousClock()
        let started = clock.now
        let origin = Samples.bundle.origin
        var chain = ChainVerifier(site: origin.site, appliance: origin.appliance)
        let next = Mutex(0)
        try await BundleVerifier(workers: cores).forEach(
            page: { _ in
                next.withLock { next in
                    defer { next += 1 }
                    return next < pages.count ? pages[next] : []
                }
            },
            verify: { bundle, memory in ChainPlace(try VerifiedBundle(bundle, keys: keys, memory: memory)) },
            { place in
                if let fault = chain.add(place).first { throw BenchmarkFault("no chain: \(fault.message)") }
            })
        guard chain.next == Int64(auditCount) else { throw BenchmarkFault("not all were audited") }
        return (clock.now - started).inSeconds
    }

    private static func rawRate(_ bundles: [SignedBundle], _ key: VerifyingKey, for limit: Duration) async throws -> Double {
        let clock = ContinuousClock()
        let started = clock.now
        let done = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<cores {
                group.addTask {
                    var done = 0
                    while clock.now - started < limit {
                        for bundle in bundles.prefix(100) { done += key.isValid(bundle.signature, for: bundle.bytes) ? 1 : 0 }
                    }
                    return done
                }
            }
            return await group.reduce(0, +)
        }
        return Double(done) / (clock.now - started).inSeconds
    }

    /// Bundles of a year as they are held, in a file: this process never has them all.
    private final class Held: @unchecked Sendable {
        let keys: [EnrolledKey]
        /// Of the page that comes next. Pages are asked for one after the other.
        private var position = 0
        private let file: UnsafeMutablePointer<FILE>
        private let load: Load
        private let count: Int64
        private var lengths: [Int32] = []
        private var builder = LogBuilder()
        private var receipts: [SignedReceipt] = []
        private let receiptKey = SigningKey()
        private let origin = Samples.bundle.origin
        private let midnight = Timestamp(milliseconds: 1_789_948_800_000)

        init(in directory: String, _ load: Load, _ count: Int64) throws {
            self.load = load
            self.count = count
            let key = SigningKey()
            keys = [EnrolledKey(key: key.verifyingKey.forMany(), validFrom: midnight, validUntil: nil)]
            guard let file = fopen(directory + "/held", "w+e") else { throw BenchmarkFault("cannot make a file here") }
            self.file = file
            let sealer = BundleSealer(key: key)
            var previous = Digest.genesis
            for sequence in 0..<count {
                let sealed = try sealer.seal(bundle(sequence), at: ChainLink(sequence: sequence, previous: previous))
                previous = sealed.digest
                lengths.append(Int32(sealed.signed.bytes.count))
                fwrite(sealed.signed.bytes, 1, sealed.signed.bytes.count, file)
                fwrite(sealed.signed.signature, 1, 64, file)
                builder.append(LogEntry(document: sealed.digest, signer: key.verifyingKey))
                guard sequence % 100 == 99 else { continue }
                let receipt = Receipt(
                    site: origin.site, appliance: origin.appliance, firstSequence: sequence - 99, lastSequence: sequence, head: previous,
                    received: instant(sequence) + .seconds(5), logged: [LogRun(sequence: sequence - 99, index: sequence - 99, count: 100)])
                receipts.append(SignedReceipt(signing: receipt, with: receiptKey))
            }
            fflush(file)
            rewind(file)
        }

        deinit { fclose(file) }

        /// 20 hosts in turn, each once an hour: what its checks say.
        private func instant(_ sequence: Int64) -> Timestamp { midnight + .seconds(3_600 * (sequence / 20) + sequence % 20) }

        private func bundle(_ sequence: Int64) -> Bundle {
            var bundle = Samples.bundle
            let checks = (0..<10).map { CheckID("linux.area.check\($0)")! }
            bundle.kind = sequence < 20 ? .expectation : .attestation
            bundle.host = HostID("host-\(sequence % 20)")!
            bundle.outcome = .observed
            if load == .attestations {
                (bundle.check, bundle.verdict, bundle.controls) = (nil, nil, [])
                (bundle.runbook, bundle.incident, bundle.tier, bundle.requester) = (nil, nil, nil, nil)
                (bundle.actions, bundle.isRollbackAvailable) = ([], false)
                (bundle.preState, bundle.postState) = (Facts(), Facts())
            }
            (bundle.observed, bundle.started, bundle.ended) = (instant(sequence), instant(sequence), instant(sequence))
            if sequence < 20 {
                bundle.expected = checks.map { ExpectedCheck(check: $0, intervalSeconds: 3_600, staleAfterSeconds: 7_200) }
            } else {
                bundle.attested = checks.map {
                    Bundle.Attested(check: $0, verdict: .compliant, observed: bundle.observed, factsDigest: .genesis)
                }
            }
            return bundle
        }

        /// The first page, or the one after the last that was asked for; empty at the end.
        func page(isFirst: Bool) throws -> [SignedBundle] {
            if isFirst {
                rewind(file)
                position = 0
            }
            let start = position
            let end = min(start + pageSize, lengths.count)
            position = end
            return try (start..<end).map { index in
                func read(_ count: Int) throws -> [UInt8] {
                    var bytes = [UInt8](repeating: 0, count: count)
                    guard fread(&bytes, 1, count, file) == count else { throw BenchmarkFault("a bundle is gone") }
                    return bytes
                }
                return SignedBundle(bytes: try read(Int(lengths[index])), signature: try read(64))
            }
        }

        private struct Tiles: TileSource {
            let tiles: [TilePath: [UInt8]]
            func tile(_ path: TilePath) async throws -> [UInt8] {
                guard let bytes = tiles[path] else { throw BenchmarkFault("no tile \(path)") }
                return bytes
            }
        }

        func subject() async throws -> KitSubject {
            let batch = builder.takeBatch()
            let tiles = Dictionary(batch.resources.map { ($0.path, $0.bytes) }, uniquingKeysWith: { $1 })
            let signer = try NoteSigner(name: "log.example/1", key: SigningKey())
            let text = try Checkpoint(origin: "log.example/1", size: batch.size, root: batch.root).text
            let leaves = KitLeaves(runs: [origin.appliance: [LogRun(sequence: 0, index: 0, count: count)]], statements: [])
            let reader = TileReader(size: batch.size, root: batch.root, source: Tiles(tiles: tiles))
            let log = KitLog(
                checkpoint: try SignedNote(text: text, signers: [signer], at: Samples.now), key: signer.verifier, witnesses: [], quorum: 0,
                leaves: leaves, nodes: try await reader.nodes(for: leaves.indices))
            let until = midnight + .seconds(86_400 * 313)
            guard let period = CoveragePeriod(from: midnight, until: until, horizon: until) else { throw BenchmarkFault("no period") }
            return KitSubject(
                site: origin.site, organization: OrganizationID(at: Samples.now), organizationName: "Practice", period: period,
                keys: [origin.appliance: keys], receipts: receipts, receiptKeys: [receiptKey.verifyingKey], log: log)
        }
    }

    /// Without the C structure whose module changes with the order of imports.
    private static func size(of path: String) -> Int {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        return Int(lseek(descriptor, 0, SEEK_END))
    }

    private static var residentMegabytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(0), &usage)
        return usage.ru_maxrss / 1_024
    }
}
