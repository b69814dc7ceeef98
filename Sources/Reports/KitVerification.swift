import Compliance
import Evidence
import Model
import Seal
import TransparencyLog
import Wire

/// One run over one kit: its manifest and files here, log, chains and what was seen stand in files of their own.
struct KitVerification {
    let zip: ZipReader
    let manifest: KitManifest
    let pins: KitPins
    private(set) var entries: [String: ZipFormat.Entry] = [:]
    private(set) var keys: [KeyID: VerifyingKey] = [:]
    private var findings: [KitReport.Finding] = []
    private var findingsOmitted = 0
    private var isSigned = true
    private var isStranger = false
    /// Findings after which nothing can be computed again.
    private(set) var isWhole = true
    var checkpoint: VerifiedCheckpoint?
    var leaves: KitLeaves?
    var logged: [LogLeaf] = []
    var logDates = LogDates()
    var coverage: CoverageBuilder?
    var citations = KitCitations()

    /// The newest instant at which something in the kit was received.
    var newest = Timestamp(milliseconds: 0)
    var found = KitReport.Found()
    var pruned: [PrunedStatement] = []
    var enablement: [EnablementStatement] = []
    /// What the boxes were shown of the log, and where in it they said so.
    var seen: [(name: String, index: Int64, checkpoint: SeenCheckpoint)] = []
    /// Only where another kit is compared with this one.
    var trace: KitTrace?
    var priorUnsigned = 0

    init(path: String, pins: KitPins, isTraced: Bool = false) throws(KitRefusal) {
        zip = try ZipReader(path: path)
        self.pins = pins
        for entry in zip.entries { entries[entry.name] = entry }
        guard let entry = entries[KitPath.manifest] else { throw .noManifest }
        let bytes = try zip.read(entry)
        try zip.requireChecksum(entry, bytes)
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
        judgeKeys()
        if isTraced { trace = KitTrace(manifest) }
    }

    /// An appliance's files by sequence, as the names have them.
    struct Listed {
        var chunks: [(first: Int64, lines: ZipFormat.Entry, signatures: ZipFormat.Entry?)] = []
        var receipts: [(sequence: Int64, entry: ZipFormat.Entry)] = []
        /// What the appliance said before its chain's begin here.
        var prior: [(lines: ZipFormat.Entry, signatures: ZipFormat.Entry?)] = []
    }

    mutating func report(
        sample: KitVerifier.SampleRequest?, workers: Int, earlier: KitVerifier.Earlier? = nil
    ) async throws(KitRefusal) -> KitReport {
        let (listed, statementNames) = try sortEntries()
        for name in manifest.files.keys.sorted() where entries[name] == nil {
            find("kit.file_missing", name, "is in the manifest but not in the kit.")
        }
        let statements = try readStatements(statementNames)
        let witnesses = try readLog(statements)
        coverage = CoverageBuilder(
            site: manifest.site, period: manifest.period, prior: manifest.prior, statements: statements.compactMap(\.content))
        citations = KitCitations(manifest.controls)
        var appliances: [KitReport.Appliance] = []
        for appliance in manifest.appliances {
            let listed = listed[appliance.appliance] ?? Listed()
            appliances.append(try await judge(appliance, listed, workers: workers))
        }
        let cosigned = judgeTimes(statements, witnesses)
        let computed = try await compute()
        let compared = earlier.flatMap { compare($0) }
        let trust: KitReport.Trust =
            !isSigned
            ? .none
            : pins.trust == .none
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
                    origin: $0.checkpoint.origin, size: $0.size, cosigned: cosigned,
                    cosignaturesNotCounted: $0.cosignatures.count - cosigned.count, witnesses: witnesses?.witnesses.count ?? 0,
                    quorum: witnesses?.quorum ?? 0)
            }, period: manifest.period, figures: computed?.total, found: computed.map { _ in found }, statements: statements.count,
            prior: manifest.prior.count, priorUnsigned: priorUnsigned, anchors: entries.keys.count { $0.hasPrefix("anchors/") },
            strangePages: try strangePages(), takeovers: computed?.takeovers ?? [], pruned: pruned, earlier: compared, sample: drawn,
            notChecked: notChecked(compared), exitCode: findings.isEmpty ? 0 : 1)
    }

    /// nil where there is nothing to compare with.
    private mutating func compare(_ earlier: KitVerifier.Earlier) -> KitReport.Earlier? {
        if !earlier.isVerified {
            find("earlier.not_verified", "earlier", "has findings of its own: verify it by itself.")
        }
        guard let before = earlier.trace, let trace else { return nil }
        let comparison = KitComparison(before, trace)
        find(comparison.findings)
        return KitReport.Earlier(
            bundles: comparison.bundles, size: before.tree?.nodes.size, isLogShown: comparison.isLogShown, notes: comparison.notes)
    }

    /// `README.txt` and `verify.html` where they are not what this program writes.
    private func strangePages() throws(KitRefusal) -> [String] {
        var strange: [String] = []
        for (name, own) in [(KitPath.readme, KitWriter.readme), (KitPath.page, KitWriter.page)] {
            if let entry = entries[name], try zip.read(entry) != own { strange.append(name) }
        }
        return strange
    }

    /// What this kit cannot show by itself.
    private func notChecked(_ earlier: KitReport.Earlier?) -> [String] {
        var sentences: [String] = []
        if pins.trust == .none { sentences.append("whether \(manifest.key) is your provider's key (--key)") }
        if !manifest.appliances.allSatisfy({ pins.appliances[$0.appliance] != nil }) {
            sentences.append(
                "whether these keys are your boxes': compare them with what martlet-appliance status prints on each (--appliance)")
        }
        if pins.log == nil { sentences.append("whether this is the log that its witnesses know: ask one of them for its key (--log)") }
        if pins.witnesses.isEmpty {
            sentences.append("whether its witnesses are independent: the provider chose them (--witness, --quorum)")
        }
        if let earlier {
            sentences.append("whether something was left out that the earlier kit does not hold either")
            if !earlier.isLogShown {
                sentences.append("whether the log goes on from the earlier kit's checkpoint: martlet log consistency shows it")
            }
        } else {
            sentences.append(
                "whether a box, the end of a chain, or all of something was left out: only an earlier kit or receipt that somebody else "
                    + "holds shows it (--earlier)")
        }
        if !manifest.controls.controls.isEmpty { sentences.append("which checks speak to a control: that list is the provider's") }
        if entries.keys.contains(where: { $0.hasPrefix("anchors/") }) {
            sentences.append("the proofs of time in anchors/: their own tools check them")
        }
        return sentences + ["README.txt and verify.html in it: use programs that you got elsewhere"]
    }

    /// They say that it is not what the reader named; what it is can still be computed.
    private static let strange: Set<Code> = [
        "kit.untrusted_key", "kit.untrusted_appliance", "kit.appliance_missing", "log.untrusted_key",
    ]

    mutating func find(_ code: Code, _ subject: String, _ sentence: String) {
        find([KitReport.Finding(code: code, subject: subject, sentence: sentence)])
    }

    mutating func find(_ more: [KitReport.Finding]) {
        if more.contains(where: { !Self.strange.contains($0.code) }) { isWhole = false }
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
        if !pins.trust.includes(manifest.key, key) {
            isStranger = true
            find("kit.untrusted_key", KitPath.manifest, "is signed by \(manifest.key), which is not the key you named.")
        }
        let signature = if let entry = entries[KitPath.signature], entry.size == 64 { try zip.read(entry) } else { [UInt8]() }
        if !signature.isEmpty { try zip.requireChecksum(entries[KitPath.signature]!, signature) }
        guard let key, key.isValid(signature, for: bytes) else {
            isSigned = false
            return find("kit.bad_signature", KitPath.manifest, "is not signed by \(manifest.key): what it lists proves nothing.")
        }
    }

    /// The boxes' keys: one for each, for its life, and the ones that the reader named.
    private mutating func judgeKeys() {
        let chains = Dictionary(manifest.appliances.map { ($0.appliance, $0.keys.map(\.id)) }, uniquingKeysWith: { $1 })
        for (appliance, key) in pins.appliances.sorted(by: { $0.key < $1.key }) {
            let subject = appliance.description
            guard let keys = chains[appliance] else {
                find("kit.appliance_missing", subject, "is not in the kit, and you named it.")
                continue
            }
            if keys != [key] { find("kit.untrusted_appliance", subject, "does not have the key that you named.") }
        }
        for appliance in manifest.appliances where appliance.keys.count > 1 {
            find(
                "kit.second_key", appliance.appliance.description,
                "has a second key: a box has one for its life, and whoever makes another can sign what the box never saw.")
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
            case ("prior", let appliance?, 3):
                guard let first = KitPath.sequence(parts[2].prefix(12)), [".jsonl", ".sig"].contains(parts[2].dropFirst(12)) else { break }
                if parts[2].hasSuffix(".jsonl") {
                    let signatures = entries[KitPath.prior(appliance, first) + ".sig"]
                    listed[appliance, default: Listed()].prior.append((entry, signatures))
                }
                try compare(entry)
                continue
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
        find(try Self.compare(zip, entry, try zip.read(entry), manifest.files[entry.name]))
    }

    static func compare(
        _ zip: ZipReader, _ entry: ZipFormat.Entry, _ bytes: [UInt8], _ file: KitManifest.File?
    ) throws(KitRefusal) -> [KitReport.Finding] {
        guard let file else {
            return [KitReport.Finding(code: "kit.unlisted", subject: entry.name, sentence: "is not in the manifest.")]
        }
        guard file.size == bytes.count, file.digest == Digest(of: bytes) else {
            return [KitReport.Finding(code: "kit.file_changed", subject: entry.name, sentence: "is not the file that the manifest lists.")]
        }
        try zip.requireChecksum(entry, bytes)
        return []
    }
}
