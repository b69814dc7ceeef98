import Compliance
import Evidence
import Model
package import Seal
package import TransparencyLog
import Wire

/// What a person brings along to judge who signed a kit.
package enum KitTrust: Hashable, Sendable {
    case none
    case keyID(KeyID)
    case keys([VerifyingKey])

    func includes(_ id: KeyID, _ key: VerifyingKey?) -> Bool {
        switch self {
        case .none: true
        case .keyID(let pinned): pinned == id
        case .keys(let pinned): key.map(pinned.contains) ?? false
        }
    }
}

/// Checks a kit offline: manifest, every digest, every signature on all cores, every chain, every receipt, every place in the log; and
/// computes what was seen again from the bundles. Needs some ten megabytes, and forty bytes for each bundle. `scripts/verify_kit.py` and
/// `verify.html` do the same without sharing code.
package struct KitVerifier: Sendable {
    private let trust: KitTrust
    private let log: NoteVerifier?
    private let sample: SampleRequest?
    private let workers: Int

    /// - Parameters:
    ///   - log: the key that the log must have; nil takes the one that the kit names.
    ///   - workers: how many cores to use.
    package init(trust: KitTrust, log: NoteVerifier? = nil, sample: SampleRequest? = nil, workers: Int) {
        self.trust = trust
        self.log = log
        self.sample = sample
        self.workers = max(workers, 1)
    }

    /// How many bundles to draw, by which text of 16 to 200 bytes.
    package struct SampleRequest: Hashable, Sendable {
        let count: Int
        let nonce: String

        package init?(count: Int, nonce: String) {
            guard count > 0, Sample.nonceBytes.contains(nonce.utf8.count) else { return nil }
            self.count = count
            self.nonce = nonce
        }
    }

    package func verify(_ path: String) async -> KitReport {
        do throws(KitRefusal) {
            var run = try KitVerification(path: path, trust: trust)
            return try await run.report(log: log, sample: sample, workers: workers)
        } catch {
            return .refused(error)
        }
    }
}

/// One run over one kit.
private struct KitVerification {
    private let zip: ZipReader
    private let manifest: KitManifest
    private let trust: KitTrust
    private var entries: [String: ZipFormat.Entry] = [:]
    private var keys: [KeyID: VerifyingKey] = [:]
    private var findings: [KitReport.Finding] = []
    private var findingsOmitted = 0
    private var isSigned = true
    private var isStranger = false
    /// Findings after which nothing can be computed again.
    private var isWhole = true
    private var checkpoint: VerifiedCheckpoint?
    private var leaves: KitLeaves?
    private var logged: [LogLeaf] = []
    private var coverage: CoverageBuilder?
    private var citations = KitCitations()

    init(path: String, trust: KitTrust) throws(KitRefusal) {
        zip = try ZipReader(path: path)
        self.trust = trust
        for entry in zip.entries { entries[entry.name] = entry }
        guard let entry = entries[KitPath.manifest] else { throw .noManifest }
        let bytes = try zip.read(entry)
        let value: JSONValue
        var isCanonical = false
        do throws(JSONError) {
            value = try JSONValue(
                parsing: bytes, limits: .signed(bytesMax: KitManifest.bytesMax, depthMax: 8), isCanonical: &isCanonical)
        } catch {
            throw .manifestMalformed(error.message)
        }
        do throws(FieldError) { manifest = try KitManifest(json: value) } catch { throw .manifestMalformed(error.message) }
        guard isCanonical else { throw .manifestMalformed("it is not canonical JSON.") }
        try loadKeys()
        try verifySignature(of: bytes)
    }

    /// An appliance's files by sequence, as the names have them.
    private struct Listed {
        var chunks: [(first: Int64, lines: ZipFormat.Entry, signatures: ZipFormat.Entry?)] = []
        var receipts: [(sequence: Int64, entry: ZipFormat.Entry)] = []
    }

    mutating func report(
        log: NoteVerifier?, sample: KitVerifier.SampleRequest?, workers: Int
    ) async throws(KitRefusal) -> KitReport {
        let (listed, statementNames) = try sortEntries()
        for name in manifest.files.keys.sorted() where entries[name] == nil {
            find("kit.file_missing", name, "is in the manifest but not in the kit.")
        }
        let statements = try readStatements(statementNames)
        let witnesses = try readLog(pinned: log, statements: statements)
        coverage = CoverageBuilder(
            site: manifest.site, period: manifest.period, prior: manifest.prior, statements: statements.compactMap(\.content))
        citations = KitCitations(manifest.controls)
        var appliances: [KitReport.Appliance] = []
        for appliance in manifest.appliances {
            let listed = listed[appliance.appliance] ?? Listed()
            appliances.append(try await judge(appliance, listed, workers: workers))
        }
        let computed = try compute()
        let trust: KitReport.Trust =
            !isSigned
            ? .none
            : self.trust == .none
                ? .unpinned(manifest.key)
                : isStranger ? .stranger(manifest.key) : .pinned(manifest.key)
        var drawn: [Sample.Draw]?
        if let sample, let computed, let checkpoint, var stream = Sample(nonce: sample.nonce, root: checkpoint.root.digest) {
            drawn = stream.draw(sample.count, from: computed.read)
        }
        return KitReport(
            findings: findings, findingsOmitted: findingsOmitted, appliances: appliances, site: manifest.site,
            organizationName: manifest.organizationName, trust: trust,
            log: checkpoint.map {
                KitReport.Log(
                    origin: $0.checkpoint.origin, size: $0.size, cosignatures: $0.cosignatures.count,
                    witnesses: witnesses?.witnesses.count ?? 0, quorum: witnesses?.quorum ?? 0)
            }, figures: computed?.total, statements: statements.count, prior: manifest.prior.count, sample: drawn,
            exitCode: findings.isEmpty ? 0 : 1)
    }

    // MARK: The log, and what was seen

    /// Those that are well signed and formed, in order.
    private mutating func readStatements(_ names: [String]) throws(KitRefusal) -> [OpenedStatement] {
        var statements: [OpenedStatement] = []
        let receiptKeys = manifest.receiptKeys.compactMap { keys[$0] }
        for (index, name) in names.enumerated() {
            guard name == KitPath.statement(index + 1) else {
                find("statement.misplaced", name, "does not follow the statement before it by its number.")
                continue
            }
            let text = String(decoding: try zip.read(entries[name]!), as: UTF8.self)
            do throws(EnvelopeError) {
                statements.append(try OpenedStatement(opening: text, keys: receiptKeys))
            } catch {
                switch error {
                case .unknownKey(let key): find("statement.unknown_key", name, "is signed by \(key), which the manifest does not name.")
                case .badSignature(let key): find("statement.bad_signature", name, "is not signed by \(key).")
                case .notJSON, .field, .notCanonical, .wrongSchema: find("statement.malformed", name, "is no statement: \(error.message)")
                }
            }
        }
        return statements
    }

    private func json(_ name: String) throws(KitRefusal) -> JSONValue? {
        guard let entry = entries[name] else { return nil }
        return canonicalJSON(try zip.read(entry))
    }

    private mutating func readLog(
        pinned: NoteVerifier?, statements: [OpenedStatement]
    ) throws(KitRefusal) -> KitWitnesses? {
        if let pinned, pinned != manifest.logKey {
            find("log.untrusted_key", KitPath.manifest, "names \(manifest.logKey.text) as the log's key, which is not the key you named.")
        }
        let witnesses = try json(KitPath.witnesses).flatMap { KitWitnesses(json: $0, log: manifest.logKey) }
        if witnesses == nil { find("log.witnesses_malformed", KitPath.witnesses, "does not say whose signatures the log needs.") }
        let note = if let entry = entries[KitPath.checkpoint] { try zip.read(entry) } else { [UInt8]() }
        do throws(CheckpointError) {
            // Of ASCII and the dash before signatures only, so that every reader takes it apart in the same way.
            let rest = String(decoding: note, as: UTF8.self).unicodeScalars.filter { $0 != "\u{2014}" }
            guard rest.allSatisfy(\.isASCII) else { throw .malformed }
            let trust = LogTrust(logKeys: [manifest.logKey], witnesses: witnesses?.witnesses ?? [])
            let verified = try VerifiedCheckpoint(note, trust: trust)
            guard verified.size <= JSONValue.greatestInteger else { throw .malformed }
            checkpoint = verified
        } catch {
            find("log.bad_checkpoint", KitPath.checkpoint, "is not a checkpoint of the log \(manifest.logKey.name): \(error.message)")
        }
        guard let checkpoint else { return witnesses }
        if let witnesses, checkpoint.cosignatures.count < witnesses.quorum {
            find(
                "log.too_few_witnesses", KitPath.checkpoint,
                "is signed by \(checkpoint.cosignatures.count) witnesses; the log says that \(witnesses.quorum) are needed.")
        }
        let json = try json(KitPath.leaves)
        leaves = json.flatMap {
            KitLeaves(json: $0, appliances: manifest.appliances, statements: statements.count, size: checkpoint.size)
        }
        guard let leaves else {
            find("log.leaves_malformed", KitPath.leaves, "does not name one place in the log for each bundle and statement.")
            return witnesses
        }
        for (statement, index) in Swift.zip(statements, leaves.statements) {
            logged.append(LogLeaf(index: index, hash: LogEntry(document: statement.digest, signer: statement.key).leafHash))
        }
        return witnesses
    }

    /// Compares with what the kit states. nil where findings stand in the way.
    private mutating func compute() throws(KitRefusal) -> Coverage? {
        guard isWhole, let checkpoint, var builder = coverage else { return nil }
        coverage = nil
        if let nodes = try json(KitPath.nodes).flatMap({ try? LogNodes(json: $0) }) {
            do throws(ProofError) {
                logged.sort { $0.index < $1.index }
                _ = try VerifiedLeaves(logged, nodes: nodes, in: checkpoint)
            } catch {
                find("log.wrong_root", KitPath.nodes, "does not show that all of this is in the log: \(error.message)")
            }
        } else {
            find("log.nodes_malformed", KitPath.nodes, "is not a list of nodes of the log's tree.")
        }
        let computed = builder.finish()
        for (name, code, bytes) in [
            (KitPath.ledger, "ledger.differs", try? computed.ledger.json.canonicalBytes()),
            (KitPath.coverage, "coverage.differs", computed.canonicalBytes),
            (
                KitPath.continuity, "continuity.differs",
                try? ContinuityStatement(computed, controls: manifest.controls).json.canonicalBytes()
            ), (KitPath.population, "population.differs", Population(computed, controls: manifest.controls).canonicalBytes),
        ] as [(String, Code, [UInt8]?)] {
            let stated = if let entry = entries[name] { try zip.read(entry) } else { [UInt8]() }
            if stated != bytes { find(code, name, "is not what follows from the bundles.") }
        }
        return computed
    }

    private mutating func find(_ code: Code, _ subject: String, _ sentence: String) {
        find([KitReport.Finding(code: code, subject: subject, sentence: sentence)])
    }

    private mutating func find(_ more: [KitReport.Finding]) {
        if more.contains(where: { $0.code != "kit.untrusted_key" && $0.code != "log.untrusted_key" }) { isWhole = false }
        let kept = more.prefix(KitReport.findingsMax - findings.count)
        findings += kept
        findingsOmitted += more.count - kept.count
    }

    // MARK: Keys and manifest

    private mutating func loadKeys() throws(KitRefusal) {
        let needed = Set([manifest.key] + manifest.receiptKeys + manifest.appliances.flatMap { $0.keys.map(\.id) })
        for id in needed.sorted() {
            let path = KitPath.key(id)
            guard let entry = entries[path], entry.size <= 1_000,
                let key = VerifyingKey(pem: String(decoding: try zip.read(entry), as: UTF8.self)), key.id == id
            else {
                find("kit.key_missing", path, "is missing, or is not the key of that name, or is one with which anybody can sign.")
                continue
            }
            keys[id] = key
        }
    }

    private mutating func verifySignature(of bytes: [UInt8]) throws(KitRefusal) {
        let key = keys[manifest.key]
        if !trust.includes(manifest.key, key) {
            isStranger = true
            find("kit.untrusted_key", KitPath.manifest, "is signed by \(manifest.key), which is not the key you named.")
        }
        let signature = if let entry = entries[KitPath.signature], entry.size == 64 { try zip.read(entry) } else { [UInt8]() }
        guard let key, key.isValid(signature, for: bytes) else {
            isSigned = false
            return find("kit.bad_signature", KitPath.manifest, "is not signed by \(manifest.key): what it lists proves nothing.")
        }
    }

    // MARK: Entries

    /// Every entry by its name; those without bundles are compared with the manifest here.
    private mutating func sortEntries() throws(KitRefusal) -> ([ApplianceID: Listed], statements: [String]) {
        var statements: [String] = []
        let known = Set(manifest.appliances.map(\.appliance))
        var listed: [ApplianceID: Listed] = [:]
        for entry in zip.entries where entry.name != KitPath.manifest && entry.name != KitPath.signature {
            let parts = entry.name.split(separator: "/")
            let appliance = parts.count > 1 ? ApplianceID(String(parts[1])).flatMap { known.contains($0) ? $0 : nil } : nil
            switch (parts[0], appliance, parts.count) {
            case ("bundles", let appliance?, 3):
                guard let first = KitPath.sequence(parts[2].prefix(12)) else { break }
                if parts[2].dropFirst(12) == ".jsonl" {
                    let signatures = entries[KitPath.signatures(appliance, first)]
                    listed[appliance, default: Listed()].chunks.append((first, entry, signatures))
                    continue
                }
                // Read together with its bundles; alone it is looked at only as a file.
                if parts[2].dropFirst(12) == ".sig" {
                    if entries[KitPath.lines(appliance, first)] == nil { try compare(entry) }
                    continue
                }
            case ("receipts", let appliance?, 3) where parts[2].hasSuffix(".json"):
                guard let sequence = KitPath.sequence(parts[2].dropLast(5)) else { break }
                listed[appliance, default: Listed()].receipts.append((sequence, entry))
                try compare(entry)
                continue
            case ("statements", _, 2) where parts[1].hasSuffix(".json") && KitPath.sequence(parts[1].dropLast(5)) != nil:
                statements.append(entry.name)
                try compare(entry)
                continue
            case ("keys", _, 2) where parts[1].hasSuffix(".pub") && KeyID(String(parts[1].dropLast(4))) != nil,
                ("anchors", _, 2) where parts[1].hasSuffix(".ots") || parts[1].hasSuffix(".tsr"):
                try compare(entry)
                continue
            case _ where KitPath.fixed.contains(entry.name):
                try compare(entry)
                continue
            default: break
            }
            find("kit.unknown_entry", entry.name, "has no place in a kit; it was not looked at.")
            try compare(entry)
        }
        return (listed, statements)
    }

    private mutating func compare(_ entry: ZipFormat.Entry) throws(KitRefusal) {
        find(Self.compare(entry, try zip.read(entry), manifest))
    }

    private static func compare(_ entry: ZipFormat.Entry, _ bytes: [UInt8], _ manifest: KitManifest) -> [KitReport.Finding] {
        guard let file = manifest.files[entry.name] else {
            return [KitReport.Finding(code: "kit.unlisted", subject: entry.name, sentence: "is not in the manifest.")]
        }
        guard file.size == bytes.count, file.digest == Digest(of: bytes) else {
            return [KitReport.Finding(code: "kit.file_changed", subject: entry.name, sentence: "is not the file that the manifest lists.")]
        }
        return []
    }

    // MARK: One appliance

    private mutating func judge(
        _ appliance: KitManifest.Appliance, _ listed: Listed, workers: Int
    ) async throws(KitRefusal) -> KitReport.Appliance {
        let enrolled = appliance.keys.compactMap { named in
            keys[named.id].map { EnrolledKey(key: $0, validFrom: named.validFrom, validUntil: named.validUntil) }
        }
        var wanted: [Int64: [Digest]] = [:]
        var receipts: [Receipt] = []
        for receipt in listed.receipts { try judge(receipt.entry, receipt.sequence, appliance, &wanted, &receipts) }
        var times = ReceiptTimes(receipts)
        let signers = Dictionary(enrolled.map { ($0.key.id, Digest(of: $0.key.bytes)) }, uniquingKeysWith: { $1 })
        let places = leaves?.runs[appliance.appliance] ?? []
        var place = 0

        var chain = ChainVerifier(site: manifest.site, appliance: appliance.appliance, next: appliance.chain?.first ?? 0)
        var (verified, found) = (0, 0)
        for chunk in listed.chunks {
            let bundles = try read(chunk.lines, chunk.signatures)
            found += bundles.count
            for (offset, judged) in await verify(bundles, enrolled, workers).enumerated() {
                let sequence = chunk.first + Int64(offset)
                // Put into words only where there is something to say.
                var name: String { KitPath.bundle(appliance.appliance, sequence) }
                let genuine: VerifiedBundle
                switch judged {
                case .success(let bundle) where bundle.record.link.sequence == sequence: genuine = bundle
                case .success:
                    find("kit.misplaced", name, "is a bundle of another number.")
                    for fault in chain.skip(sequence) { find(fault.code, name, fault.message) }
                    continue
                case .failure(let error):
                    find(error.code, name, error.message)
                    for fault in chain.skip(sequence) { find(fault.code, name, fault.message) }
                    continue
                }
                let faults = chain.add(genuine)
                if faults.isEmpty {
                    verified += 1
                    while place < places.count, places[place].sequence + places[place].count <= sequence { place += 1 }
                    if isWhole, place < places.count, let signer = signers[genuine.key] {
                        let index = places[place].index + sequence - places[place].sequence
                        logged.append(LogLeaf(index: index, hash: LogEntry(document: genuine.digest, signerDigest: signer).leafHash))
                    }
                    read(genuine.record, received: times.received(sequence) ?? manifest.period.horizon, name)
                }
                for fault in faults { find(fault.code, name, fault.message) }
                for head in wanted[sequence] ?? [] where head != genuine.digest {
                    find("receipt.wrong_head", name, "is not the bundle that the provider's receipt names.")
                }
            }
        }
        let subject = appliance.appliance.description
        guard let named = appliance.chain else {
            if found > 0 { find("kit.wrong_count", subject, "sent something; the manifest says that it did not.") }
            return KitReport.Appliance(appliance: appliance.appliance, sequences: nil, verified: verified)
        }
        if chain.next <= named.last {
            find("chain.gap", subject, "bundles \(chain.next) to \(named.last) are missing at the end.")
        } else if chain.next == named.last + 1, let head = chain.head, head != named.head {
            find("kit.wrong_head", subject, "does not end with the bundle that the manifest names.")
        }
        if Int64(found) != named.count || chain.next > named.last + 1 {
            find("kit.wrong_count", subject, "does not have the number of bundles that the manifest names.")
        }
        return KitReport.Appliance(appliance: appliance.appliance, sequences: named.first...named.last, verified: verified)
    }

    /// For what was seen, and which controls it speaks to.
    private mutating func read(_ record: BundleRecord, received: Timestamp, _ name: @autoclosure () -> String) {
        guard isWhole else { return }
        do throws(CoverageError) { try coverage?.add(ChainEntry(record, received: received)) } catch {
            find(error.code, name(), error.message)
        }
        if !citations.include(record) {
            find("population.control_missing", name(), "speaks to a control for which the manifest does not name its check.")
        }
    }

    private mutating func judge(
        _ entry: ZipFormat.Entry, _ sequence: Int64, _ appliance: KitManifest.Appliance, _ wanted: inout [Int64: [Digest]],
        _ receipts: inout [Receipt]
    ) throws(KitRefusal) {
        let text = String(decoding: try zip.read(entry), as: UTF8.self)
        do throws(EnvelopeError) {
            let receipt = try SignedReceipt(opening: text, keys: manifest.receiptKeys.compactMap { keys[$0] }).receipt
            guard receipt.site == manifest.site, receipt.appliance == appliance.appliance, receipt.lastSequence == sequence else {
                return find("receipt.misplaced", entry.name, "is about something else.")
            }
            if sequence > appliance.chain?.last ?? -1 {
                find("receipt.beyond_end", entry.name, "acknowledges bundles that the kit leaves out at the end.")
            }
            wanted[sequence, default: []].append(receipt.head)
            receipts.append(receipt)
            if let leaves, let chain = appliance.chain,
                !leaves.keep(receipt.logged, of: appliance.appliance, within: chain.first...chain.last)
            {
                find("receipt.wrong_index", entry.name, "promised another place in the log than the kit shows.")
            }
        } catch {
            switch error {
            case .unknownKey(let key): find("receipt.unknown_key", entry.name, "is signed by \(key), which the manifest does not name.")
            case .badSignature(let key): find("receipt.bad_signature", entry.name, "is not signed by \(key).")
            case .notJSON, .field, .notCanonical, .wrongSchema: find("receipt.malformed", entry.name, "is not a receipt: \(error.message)")
            }
        }
    }

    /// A chunk's bundles; none where it is not one, which is found here.
    private mutating func read(_ lines: ZipFormat.Entry, _ signatures: ZipFormat.Entry?) throws(KitRefusal) -> [SignedBundle] {
        let bytes = try zip.read(lines)
        find(Self.compare(lines, bytes, manifest))
        var signed: [UInt8] = []
        if let signatures {
            signed = try zip.read(signatures)
            find(Self.compare(signatures, signed, manifest))
        }
        if let bundles = KitChunk.bundles(lines: bytes, signatures: signed) { return bundles }
        find("kit.chunk_malformed", lines.name, "has not a signature for each of its lines; none of its bundles was looked at.")
        return []
    }

    /// Verifies bundles, an equal share on each worker, and returns what came of them in order.
    private func verify(_ bundles: [SignedBundle], _ keys: [EnrolledKey], _ workers: Int) async -> [Result<VerifiedBundle, BundleError>] {
        let share = max((bundles.count + workers - 1) / workers, 1)
        return await withTaskGroup(of: (Int, [Result<VerifiedBundle, BundleError>]).self) { group in
            for start in stride(from: 0, to: bundles.count, by: share) {
                let part = bundles[start..<min(start + share, bundles.count)]
                group.addTask {
                    let judged = part.map { bundle in
                        Result { () throws(BundleError) in try VerifiedBundle(bundle, keys: keys) }
                    }
                    return (start, judged)
                }
            }
            var parts: [(Int, [Result<VerifiedBundle, BundleError>])] = []
            for await part in group { parts.append(part) }
            return parts.sorted { $0.0 < $1.0 }.flatMap(\.1)
        }
    }
}

/// Whether what bundles cite is in the manifest's list of controls, so that none can be left out of it.
private struct KitCitations {
    private var listed: [CheckID: Set<[String]>] = [:]
    /// What the newest bundle of a check cited: the next one mostly cites the same.
    private var known: [CheckID: [ControlCitation]] = [:]

    init() {}

    init(_ controls: ControlMap) {
        for control in controls.controls {
            for check in control.checks { listed[check, default: []].insert([control.framework, control.control]) }
        }
    }

    mutating func include(_ record: BundleRecord) -> Bool {
        guard let check = record.check, known[check] != record.controls else { return true }
        guard record.controls.allSatisfy({ listed[check]?.contains([$0.framework, $0.control]) ?? false }) else { return false }
        known[check] = record.controls
        return true
    }
}
