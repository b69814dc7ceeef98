import Compliance
import Evidence
import Model
import Seal
import TestSupport
import TransparencyLog
import Wire

@testable import Reports

/// A site with two appliances and a short chain each; its keys are all known, so that tests can also cheat like an insider.
///
/// The first was enrolled when the kit begins: it says what it looks at, lists it in six-hourly turns, misses some, and explains one.
/// Of the second the kit shows the end of a chain, whose begin the provider tells of. Both stand in a log with strangers' entries.
struct KitSample {
    let now = Timestamp(milliseconds: 1_795_000_000_000)
    let site: SiteID
    let appliances: [ApplianceID]
    let central = SigningKey()
    let receiptKey = SigningKey()
    let evidenceKey = SigningKey()
    let logKey = SigningKey()
    let witnessKey = SigningKey()
    let subject: KitSubject
    let bundles: [VerifiedBundle]
    /// All of the log.
    private let entries: [LogEntry]
    /// For the checkpoints that the boxes were shown.
    let seen: KitSeen?

    static let checks: [CheckID] = ["linux.ssh.hardening", "linux.firewall.ruleset", "linux.backup.freshness"]

    /// - Parameter backdates: whether the exception is the last in the log and dated as ever.
    ///   - shown: what the boxes say to have been shown of the log: the root of so many of its entries, and whether it is another one.
    ///   - pruned: the digest with which the second chain is said to have ended before what is left of it; nil where nothing is said.
    init(
        seed: UInt64, count: Int = 12, backdates: Bool = false, shown: (size: Int64, isForked: Bool, key: SigningKey?) = (3, false, nil),
        pruned: Digest? = nil
    ) async throws {
        var random = SeededGenerator(seed: seed)
        let (now, evidenceKey, receiptKey) = (now, evidenceKey, receiptKey)
        let site = SiteID(at: now, random: &random)
        let appliances = [ApplianceID(at: now, random: &random), ApplianceID(at: now, random: &random)].sorted()
        let keys = [EnrolledKey(key: evidenceKey.verifyingKey, validFrom: now, validUntil: nil)]
        let midnight = Timestamp(milliseconds: now.milliseconds / 86_400_000 * 86_400_000)
        var bundles: [VerifiedBundle] = []
        var receipts: [SignedReceipt] = []
        var entries = (0..<5).map { LogEntry(document: Digest(of: [UInt8($0)]), signer: evidenceKey.verifyingKey) }
        var leaves: [ApplianceID: [LogRun]] = [:]
        let seen = try Self.seen(entries, shown.size, isForked: shown.isForked, by: shown.key ?? logKey, at: now)
        // Submissions and statements stand in the log as they came.
        var submitted: [(bundles: [VerifiedBundle], received: Timestamp)] = []
        // One whole chain, and one that the kit's period cuts at its start.
        for (appliance, first) in zip(appliances, [0, 40] as [Int64]) {
            var previous = first == 0 ? Digest.genesis : Digest(of: [1])
            let last = first + Int64(count) - 1
            var waiting: [VerifiedBundle] = []
            var received = now
            for sequence in first...last {
                let bundle = Self.bundle(site, appliance, sequence, at: now, seen: seen, using: &random)
                let sealed = try BundleSealer(key: evidenceKey).seal(bundle, at: ChainLink(sequence: sequence, previous: previous))
                previous = sealed.digest
                bundles.append(try VerifiedBundle(sealed.signed, keys: keys))
                waiting.append(bundles[bundles.count - 1])
                guard sequence == last || sequence == first + Int64(count) / 2 else { continue }
                received = max(received, bundle.ended + .seconds(60))
                submitted.append((waiting, received))
                waiting = []
            }
        }
        submitted.sort { $0.received < $1.received }
        var payloads = try Self.statements(site, appliances, midnight)
        if backdates { payloads.append(payloads.removeFirst()) }
        if let pruned { payloads.append(Self.pruned(site, appliances[1], before: 40, last: pruned, at: midnight + .seconds(86_400 * 4))) }
        var statements: [KitStatement] = []
        func state(until date: Timestamp?) throws {
            while let next = payloads.first, date.map({ next.issued < $0 }) ?? true {
                let envelope = try SignedEnvelope(signing: payloads.removeFirst().json, with: receiptKey)
                entries.append(LogEntry(document: Digest(of: envelope.payload), signer: receiptKey.verifyingKey))
                statements.append(KitStatement(envelope: envelope.text, logIndex: Int64(entries.count - 1)))
            }
        }
        for (submission, received) in submitted {
            try state(until: received)
            var logged: [LogRun] = []
            let (first, last) = (submission[0].record, submission[submission.count - 1])
            for bundle in submission {
                let sequence = bundle.record.link.sequence
                if let run = logged.last, run.index + run.count == entries.count {
                    logged[logged.count - 1].count += 1
                } else {
                    logged.append(LogRun(sequence: sequence, index: Int64(entries.count), count: 1))
                }
                entries.append(LogEntry(document: bundle.digest, signer: evidenceKey.verifyingKey))
                if sequence % 5 == 4 { entries.append(LogEntry(document: Digest(of: [99]), signer: receiptKey.verifyingKey)) }
            }
            receipts.append(
                SignedReceipt(
                    signing: Receipt(
                        site: site, appliance: first.origin.appliance, firstSequence: first.link.sequence,
                        lastSequence: last.record.link.sequence, head: last.digest, received: received, logged: logged),
                    with: receiptKey))
            leaves[first.origin.appliance, default: []] += logged
        }
        try state(until: nil)
        let horizon = midnight + .seconds(86_400 * 4)
        let places = KitLeaves(runs: leaves, statements: statements.map(\.logIndex))
        let (log, shownLeaves) = try await Self.log(entries, places, logKey, witnessKey, at: horizon, seen: seen?.size)
        self.seen = shownLeaves
        let expected = [Self.checks[1], Self.checks[0]].map { ExpectedCheck(check: $0, intervalSeconds: 3_600, staleAfterSeconds: 7_200) }
        let said = Self.bundle(site, appliances[1], 3, at: now, expecting: expected, using: &random)
        let sealed = try BundleSealer(key: evidenceKey).seal(said, at: ChainLink(sequence: 3, previous: Digest(of: [2])))
        self.site = site
        self.appliances = appliances
        self.bundles = bundles
        self.entries = entries
        subject = KitSubject(
            site: site, organization: OrganizationID(at: now, random: &random), organizationName: "Praxis Grün",
            period: CoveragePeriod(from: midnight, until: midnight + .seconds(86_400 * 4), horizon: horizon)!,
            keys: Dictionary(uniqueKeysWithValues: appliances.map { ($0, keys) }), receipts: receipts,
            receiptKeys: [receiptKey.verifyingKey], statements: statements,
            controls: [Self.checks[2]: [ControlCitation(framework: "hipaa-security-rule", control: "164.308(a)(7)", confidence: .direct)]],
            prior: [
                ExpectationLedger.Entry(
                    appliance: appliances[1], sequence: 3, host: "records", effective: midnight - .seconds(90_000),
                    expected: expected)
            ], priorBundles: [try VerifiedBundle(sealed.signed, keys: keys)], log: log, anchors: ["00000000.ots": [1, 2, 3]])
    }

    private static func statements(
        _ site: SiteID, _ appliances: [ApplianceID], _ midnight: Timestamp
    ) throws -> [(json: JSONValue, issued: Timestamp)] {
        let day: (Int) -> Timestamp = { midnight + .seconds(86_400 * $0) }
        let exception = try ExceptionStatement(
            id: "move", site: site, host: "records", check: checks[1], from: day(1), until: day(2), reason: "the room is rebuilt",
            requestedBy: "alice", approvedBy: "bob", issued: midnight + .seconds(20 * 3_600))
        // Ends the first one early, at noon of its day, and begins again in the evening.
        let again = try ExceptionStatement(
            id: "move", site: site, host: "records", check: checks[1], from: day(1) + .seconds(18 * 3_600), until: day(2),
            reason: "the room was ready at noon, and is rebuilt again", requestedBy: "alice", approvedBy: "bob",
            issued: day(1) + .seconds(12 * 3_600))
        let gap = GapStatement(
            site: site, appliance: appliances[0], from: day(2), until: day(3), cause: .silent, issued: day(3), note: "é")!
        // Off and on again, and what is off still; of another site, and not in its form: nothing follows from these two.
        func change(_ id: String, _ kind: EnablementStatement.Kind, on isEnabled: Bool, at issued: Timestamp, box: Bool = false) throws
            -> JSONValue
        {
            try EnablementStatement(
                site: site, appliance: box ? appliances[0] : nil, kind: kind, id: id, isEnabled: isEnabled, by: "Zoë", reason: "rebuilt",
                issued: issued
            ).json
        }
        let off = try change("host.time", .check, on: false, at: day(1))
        func with(_ name: String, _ text: String) -> JSONValue {
            var members = off.object ?? [:]
            members[name] = .string(text)
            return .object(members)
        }
        let changes = [
            off, try change("L1-A", .rule, on: false, at: day(2), box: true), try change("host.time", .check, on: true, at: day(3)),
            with("site", SiteID(at: midnight).description), with("by", "a\u{202e}b"),
        ]
        let drill: JSONValue = ["schema": "martlet.drill/v1", "site": .string(site.description), "result": "done"]
        return [(exception.json, exception.issued), (again.json, again.issued), (gap.json, gap.issued)]
            + ([drill] + changes).map { ($0, day(4)) }
    }

    private static func pruned(
        _ site: SiteID, _ appliance: ApplianceID, before first: Int64, last digest: Digest, at made: Timestamp
    ) -> (json: JSONValue, issued: Timestamp) {
        let received = JSONValue.string((made - .seconds(86_400 * 30)).description)
        let statement: JSONValue = [
            "schema": .string(PrunedStatement.schema), "site": .string(site.description), "appliance": .string(appliance.description),
            "firstSequence": 0, "lastSequence": .integer(first - 1), "firstDigest": .string(Digest(of: [0]).description),
            "lastDigest": .string(digest.description), "receivedFrom": received, "receivedUntil": received,
            "made": .string(made.description), "retentionDays": 2_190,
        ]
        return (statement, made)
    }

    private struct Tiles: TileSource {
        let tiles: [TilePath: [UInt8]]
        func tile(_ path: TilePath) async throws -> [UInt8] {
            guard let bytes = tiles[path] else { throw TileError.malformed(path) }
            return bytes
        }
    }

    private static func seen(
        _ entries: [LogEntry], _ size: Int64, isForked: Bool, by key: SigningKey, at now: Timestamp
    ) throws -> SeenCheckpoint? {
        var builder = LogBuilder()
        // Larger than what there is yet: of no log at all.
        for index in 0..<Int(size) { builder.append(isForked || index >= entries.count ? entries[0] : entries[index]) }
        let batch = builder.takeBatch()
        let note = try SignedNote(
            text: Checkpoint(origin: "log.example/1", size: batch.size, root: batch.root).text,
            signers: [NoteSigner(name: "log.example/1", key: key)], at: now)
        return SeenCheckpoint(String(decoding: note.bytes, as: UTF8.self))
    }

    private static func log(
        _ entries: [LogEntry], _ places: KitLeaves, _ logKey: SigningKey, _ witnessKey: SigningKey, at now: Timestamp, seen: Int64?
    ) async throws -> (log: KitLog, seen: KitSeen?) {
        var builder = LogBuilder()
        for entry in entries { builder.append(entry) }
        let batch = builder.takeBatch()
        let tiles = Dictionary((builder.takeFull() + batch.resources).map { ($0.path, $0.bytes) }, uniquingKeysWith: { $1 })
        let signer = try NoteSigner(name: "log.example/1", key: logKey)
        let witness = try NoteSigner(name: "witness.example", algorithm: .cosignature, key: witnessKey)
        let text = try Checkpoint(origin: "log.example/1", size: batch.size, root: batch.root).text
        let reader = TileReader(size: batch.size, root: batch.root, source: Tiles(tiles: tiles))
        let log = KitLog(
            checkpoint: try SignedNote(text: text, signers: [signer, witness], at: now), key: signer.verifier,
            witnesses: [witness.verifier], quorum: 1, leaves: places, nodes: try await reader.nodes(for: places.indices))
        let others = KitSeen.places(Set([seen].compactMap { $0 }), besides: places.indices, size: batch.size)
        guard !others.isEmpty else { return (log, nil) }
        return (
            log,
            KitSeen(leaves: try await reader.leaves(at: others), nodes: try await reader.nodes(for: (places.indices + others).sorted()))
        )
    }

    static func bundle(
        _ site: SiteID, _ appliance: ApplianceID, _ sequence: Int64, at now: Timestamp, expecting: [ExpectedCheck]? = nil,
        seen: SeenCheckpoint? = nil, using random: inout SeededGenerator
    ) -> Bundle {
        // The first says what is looked at; one looks from another machine; one explains a time in which nobody could look.
        let number = sequence % 40
        let started = now + .seconds(number < 12 ? 21_600 * number + sequence : 21_600 * 11 + sequence)
        let isGap = sequence == 7
        let looked = started - .seconds(3_600)
        let facts = Facts(
            ["sshd.permit_root_login": .string("no"), "os.version": .version(Version("12.4")!), "backup.newest": .instant(now)],
            unknowns: ["sshd.port": "host.timed_out"])
        return Bundle(
            id: BundleID(at: started, random: &random),
            kind: sequence == 0 || expecting != nil ? .expectation : isGap ? .gap : .attestation,
            origin: Bundle.Origin(
                site: site, appliance: appliance, deploymentMode: .direct, reseller: nil, policyVersion: "1", catalogVersion: 3,
                rulesetDigest: Digest(of: [2]), nixosRevision: nil, derivationDigest: nil, softwareVersion: "0.1.0"),
            host: sequence >= 40 || expecting != nil ? "records" : "front-desk", check: isGap ? nil : "linux.ssh.hardening",
            controls: [ControlCitation(framework: "hipaa-security-rule", control: "164.312(d)", confidence: .direct)], verdict: .compliant,
            attested: sequence == 0 || expecting != nil
                ? []
                : [
                    Bundle.Attested(
                        check: "linux.ssh.hardening", verdict: number % 4 == 3 ? .unknown("host.timed_out") : .compliant,
                        observed: looked, factsDigest: Digest(of: [3])),
                    Bundle.Attested(check: checks[1], verdict: .drift("fw.open"), observed: looked, factsDigest: Digest(of: [4])),
                ],
            expected: sequence == 0
                ? checks.sorted().enumerated().map {
                    ExpectedCheck(check: $1, intervalSeconds: Int64(21_600 * ($0 + 1)), staleAfterSeconds: 86_400)
                } : expecting ?? [], preState: facts,
            actions: [ActionRecord(step: 1, verb: "service.start", target: "sshd", exitStatus: 0, durationMilliseconds: 5, result: "done")],
            observed: started, started: isGap ? started - .seconds(40_000) : started, ended: started + .milliseconds(5),
            clock: ClockReading(offsetMilliseconds: sequence % 3 == 0 ? nil : 4, source: "ntp"),
            outcome: isGap ? .alert("gap.down") : .observed, checkpoints: number == 5 ? [seen].compactMap { $0 } : [],
            note: "é\n\"")
    }

    /// A kit of the same evidence that an insider makes, or that was made earlier.
    struct Variant {
        var appliances: [ApplianceID]
        /// How many bundles of each chain, from its begin and after those left out there.
        var count = Int64.max
        var skipped: Int64 = 0
        var hasReceipts = true
        /// By their places.
        var statements: [Int]
        /// Of the log.
        var size: Int
        var isForked = false
        var quorum = 1
        /// Days from the first midnight.
        var days = 0..<4
        var horizon: Timestamp
        var controls: [CheckID: [ControlCitation]]
        var prior: [(entry: ExpectationLedger.Entry, bundle: VerifiedBundle)]
        var validFrom: Timestamp
    }

    var whole: Variant {
        Variant(
            appliances: appliances, statements: Array(subject.statements.indices), size: entries.count, horizon: subject.period.horizon,
            controls: subject.controls, prior: Array(zip(subject.prior, subject.priorBundles)), validFrom: now)
    }

    /// What the second box is said to have expected before its chain's begin, by the box itself: insiders hold its key.
    func prior(interval: Int64) throws -> [(entry: ExpectationLedger.Entry, bundle: VerifiedBundle)] {
        var random = SeededGenerator(seed: 5)
        let expected = subject.prior[0].expected.map {
            ExpectedCheck(check: $0.check, intervalSeconds: interval, staleAfterSeconds: $0.staleAfterSeconds)
        }
        let bundle = Self.bundle(site, appliances[1], 3, at: now, expecting: expected, using: &random)
        let sealed = try BundleSealer(key: evidenceKey).seal(bundle, at: ChainLink(sequence: 3, previous: Digest(of: [2])))
        let entry = ExpectationLedger.Entry(
            appliance: appliances[1], sequence: 3, host: "records", effective: subject.prior[0].effective, expected: expected)
        let keys = [EnrolledKey(key: evidenceKey.verifyingKey, validFrom: now, validUntil: nil)]
        return [(entry, try VerifiedBundle(sealed.signed, keys: keys))]
    }

    func write(_ variant: Variant, to path: String) async throws {
        func holds(_ bundle: VerifiedBundle) -> Bool {
            let first: Int64 = bundle.record.origin.appliance == appliances[0] ? 0 : 40
            let number = bundle.record.link.sequence - first
            return variant.appliances.contains(bundle.record.origin.appliance) && number >= variant.skipped
                && number - variant.skipped < variant.count
        }
        let held = bundles.filter(holds)
        var runs: [ApplianceID: [LogRun]] = [:]
        for (appliance, all) in subject.log.leaves.runs where variant.appliances.contains(appliance) {
            let numbers = held.filter { $0.record.origin.appliance == appliance }.map(\.record.link.sequence)
            runs[appliance] = all.compactMap { run in
                let (low, high) = (max(run.sequence, numbers[0]), min(run.sequence + run.count - 1, numbers[numbers.count - 1]))
                return low <= high ? LogRun(sequence: low, index: run.index + low - run.sequence, count: high - low + 1) : nil
            }
        }
        let statements = variant.statements.map { subject.statements[$0] }
        var entries = Array(entries.prefix(variant.size))
        // A stranger's entry, the newest one here: nothing that the kit holds.
        if variant.isForked, let place = entries.lastIndex(of: LogEntry(document: Digest(of: [99]), signer: receiptKey.verifyingKey)) {
            entries[place] = LogEntry(document: Digest(of: [98]), signer: receiptKey.verifyingKey)
        }
        let leaves = KitLeaves(runs: runs, statements: statements.map(\.logIndex))
        let shown = held.flatMap(\.record.checkpoints).first?.size
        let (log, seen) = try await Self.log(entries, leaves, logKey, witnessKey, at: variant.horizon, seen: shown)
        let midnight = subject.period.from
        let period = CoveragePeriod(
            from: midnight + .seconds(86_400 * variant.days.lowerBound), until: midnight + .seconds(86_400 * variant.days.upperBound),
            horizon: variant.horizon)!
        let keys = [EnrolledKey(key: evidenceKey.verifyingKey, validFrom: variant.validFrom, validUntil: nil)]
        let prior = variant.prior.filter { variant.appliances.contains($0.entry.appliance) }
        let receipts = subject.receipts.filter { receipt in
            variant.hasReceipts
                && held.contains {
                    $0.record.origin.appliance == receipt.receipt.appliance && $0.record.link.sequence == receipt.receipt.lastSequence
                }
        }
        let made = KitSubject(
            site: site, organization: subject.organization, organizationName: subject.organizationName, period: period,
            keys: Dictionary(uniqueKeysWithValues: variant.appliances.map { ($0, keys) }),
            receipts: receipts, receiptKeys: subject.receiptKeys, statements: statements, controls: variant.controls,
            prior: prior.map(\.entry),
            priorBundles: prior.map(\.bundle),
            log: KitLog(
                checkpoint: log.checkpoint, key: log.key, witnesses: log.witnesses, quorum: variant.quorum, leaves: leaves, nodes: log.nodes
            ))
        let writer = try KitWriter(path: path, subject: made, key: central)
        for bundle in held { try writer.add(bundle) }
        try writer.finish(seen: seen)
    }

    func write(to path: String) throws {
        let writer = try KitWriter(path: path, subject: subject, key: central)
        for bundle in bundles { try writer.add(bundle) }
        try writer.finish(seen: seen)
    }
}

/// A kit taken apart, to be changed and packed again: each bundle and each signature as if it were a file of its own,
/// `bundles/<appliance>/<sequence>/bundle.json` and `bundle.sig`, until it is packed.
struct KitParts {
    typealias File = (name: String, bytes: [UInt8])
    var files: [File]

    init(path: String) throws {
        let zip = try ZipReader(path: path)
        files = []
        for entry in zip.entries {
            let bytes = try zip.read(entry)
            let parts = entry.name.split(separator: "/")
            guard parts[0] == "bundles" else {
                files.append((entry.name, bytes))
                continue
            }
            let first = Int64(parts[2].prefix(12))!
            let isLines = parts[2].hasSuffix(".jsonl")
            let pieces =
                isLines
                ? bytes.split(separator: 10).map { Array($0) }
                : stride(from: 0, to: bytes.count, by: 64).map { Array(bytes[$0..<($0 + 64)]) }
            for (index, piece) in pieces.enumerated() {
                files.append(("bundles/\(parts[1])/\(KitPath.digits(first + Int64(index)))/bundle.\(isLines ? "json" : "sig")", piece))
            }
        }
        sort()
    }

    /// As a kit has them: bundles that follow one another in one file, their signatures in another.
    var collapsed: [File] {
        var packed: [File] = []
        var chunk: (prefix: String, first: Int64, next: Int64, lines: [UInt8], signatures: [UInt8])?
        func flush() {
            guard let done = chunk else { return }
            packed.append(("\(done.prefix)\(KitPath.digits(done.first)).jsonl", done.lines))
            packed.append(("\(done.prefix)\(KitPath.digits(done.first)).sig", done.signatures))
            chunk = nil
        }
        for file in files {
            let parts = file.name.split(separator: "/")
            guard parts.count == 4, parts[0] == "bundles", let sequence = KitPath.sequence(parts[2]), parts[3].hasPrefix("bundle.") else {
                flush()
                packed.append(file)
                continue
            }
            let prefix = "bundles/\(parts[1])/"
            if parts[3] == "bundle.json" {
                if chunk?.prefix != prefix || chunk?.next != sequence {
                    flush()
                    chunk = (prefix, sequence, sequence, [], [])
                }
                chunk!.lines += file.bytes + [10]
                chunk!.next += 1
            } else {
                chunk!.signatures += file.bytes
            }
        }
        flush()
        return packed
    }

    subscript(_ name: String) -> [UInt8]? {
        get { files.first { $0.name == name }?.bytes }
        set {
            if let index = files.firstIndex(where: { $0.name == name }) {
                if let newValue { files[index].bytes = newValue } else { files.remove(at: index) }
            } else if let newValue {
                files.append((name, newValue))
                sort()
            }
        }
    }

    var bundleNames: [String] { files.map(\.name).filter { $0.hasPrefix("bundles/") && $0.hasSuffix(".json") } }
    var receiptNames: [String] { files.map(\.name).filter { $0.hasPrefix("receipts/") } }

    mutating func sort() { files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } }

    func packed() -> [UInt8] { Self.packed(collapsed) }

    /// In the order given, whatever the names are.
    static func packed(_ files: [File]) -> [UInt8] {
        var bytes: [UInt8] = []
        var entries: [ZipFormat.Entry] = []
        for file in files {
            let entry = ZipFormat.Entry(
                name: file.name, size: file.bytes.count, checksum: ZipFormat.checksum(file.bytes), offset: bytes.count)
            bytes += entry.localHeader + file.bytes
            entries.append(entry)
        }
        let offset = bytes.count
        for entry in entries { bytes += entry.centralHeader }
        return bytes + ZipFormat.end(entries: entries.count, directorySize: bytes.count - offset, directoryOffset: offset)
    }

    /// These files under a manifest that lists them.
    func relisted(_ files: [File], with key: SigningKey) throws -> [UInt8] {
        var parts = self
        parts.files = files
        try parts.relist(with: key)
        return Self.packed(parts.files)
    }

    /// What somebody with Central's key can do: list the files as they are now, and sign that.
    mutating func relist(with key: SigningKey, editing edit: (inout [String: JSONValue]) -> Void = { _ in }) throws {
        let limits = JSONLimits(bytesMax: 1 << 24)
        var members = try JSONValue(parsing: self["manifest.json"]!, limits: limits).object!
        var listed: [String: JSONValue] = [:]
        for file in collapsed where !file.name.hasPrefix("manifest.") {
            listed[file.name] = ["sha256": .string(Digest(of: file.bytes).description), "size": .integer(Int64(file.bytes.count))]
        }
        members["files"] = .object(listed)
        edit(&members)
        let bytes = try JSONValue.object(members).canonicalBytes()
        self["manifest.json"] = bytes
        self["manifest.sig"] = key.sign(bytes)
    }
}
