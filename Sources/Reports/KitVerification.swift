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
    private let trust: KitTrust
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
    var coverage: CoverageBuilder?
    var citations = KitCitations()

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
    struct Listed {
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
        let computed = try await compute()
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

    mutating func find(_ code: Code, _ subject: String, _ sentence: String) {
        find([KitReport.Finding(code: code, subject: subject, sentence: sentence)])
    }

    mutating func find(_ more: [KitReport.Finding]) {
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
        find(Self.compare(entry, try zip.read(entry), manifest.files[entry.name]))
    }

    static func compare(_ entry: ZipFormat.Entry, _ bytes: [UInt8], _ file: KitManifest.File?) -> [KitReport.Finding] {
        guard let file else {
            return [KitReport.Finding(code: "kit.unlisted", subject: entry.name, sentence: "is not in the manifest.")]
        }
        guard file.size == bytes.count, file.digest == Digest(of: bytes) else {
            return [KitReport.Finding(code: "kit.file_changed", subject: entry.name, sentence: "is not the file that the manifest lists.")]
        }
        return []
    }
}
