import Compliance
package import Evidence
package import Model
import Seal
package import TransparencyLog
import Wire

/// The proof of one bundle, taken out of a kit's common one: that it is in the log, as text that stands alone.
///
/// All leaves that the kit proves together are made again from its bundles and statements, and lead to the checkpoint's root; what else
/// there is to verify in a kit is left to `KitVerifier`.
package struct KitProof: Sendable {
    package let proof: LogProof
    /// What the log has of the bundle.
    package let entry: LogEntry
    package let log: NoteVerifier
    /// That count, by the rule for the kit's own checkpoint.
    package let cosignatures: Int
    /// How many the log wants.
    package let quorum: Int

    /// - Parameter key: that the log must have; nil takes the one that the kit names.
    /// - Throws: `KitRefusal` for what is no kit, `KitProofError`, `CheckpointError`, `ProofError`. Nothing was proven.
    package init(of name: BundleName, kit path: String, log key: NoteVerifier? = nil) throws {
        let kit = try KitFiles(path)
        let manifest = kit.manifest
        if let key, key != manifest.logKey { throw KitProofError.otherLog(manifest.logKey.text) }
        log = manifest.logKey
        guard let witnesses = try kit.json(KitPath.witnesses).flatMap({ KitWitnesses(json: $0, log: manifest.logKey) }) else {
            throw KitProofError.malformed(KitPath.witnesses)
        }
        let checkpoint = try VerifiedCheckpoint(
            kit.bytes(KitPath.checkpoint), trust: LogTrust(logKeys: [manifest.logKey], witnesses: witnesses.witnesses))
        let statements = try kit.statements()
        guard
            let places = try kit.json(KitPath.leaves).flatMap({
                KitLeaves(json: $0, appliances: manifest.appliances, statements: statements.count, size: checkpoint.size)
            })
        else { throw KitProofError.malformed(KitPath.leaves) }
        guard let nodes = try kit.json(KitPath.nodes).map({ try LogNodes(json: $0) }), nodes.size == checkpoint.size else {
            throw KitProofError.malformed(KitPath.nodes)
        }

        var newest = statements.compactMap(\.issued).max() ?? Timestamp(milliseconds: 0)
        var leaves = zip(statements.map(\.entry), places.statements).map { LogLeaf(index: $1, hash: $0.leafHash) }
        if let shown = try kit.seen(size: checkpoint.size) { leaves += shown }
        var found: (index: Int64, entry: LogEntry)?
        for appliance in manifest.appliances {
            guard appliance.chain != nil, let runs = places.runs[appliance.appliance] else { continue }
            var (next, run) = (runs[0].sequence, 0)
            var times = ReceiptTimes(try kit.receipts(of: appliance.appliance))
            try kit.forEach(of: appliance) { bundle, entry in
                guard run < runs.count else { throw KitProofError.malformed(KitPath.leaves) }
                let index = runs[run].index + next - runs[run].sequence
                leaves.append(LogLeaf(index: index, hash: entry.leafHash))
                if found == nil, Self.isNamed(name, bundle, appliance, next) { found = (index, entry) }
                if let received = times.received(next) { newest = max(newest, received) }
                next += 1
                if next == runs[run].sequence + runs[run].count { run += 1 }
            }
        }
        guard let found else { throw KitProofError.notInKit }
        leaves.sort { $0.index < $1.index }
        let path = try nodes.inclusion(of: found.index, leaves: leaves)
        _ = try VerifiedInclusion(leaf: found.entry.leafHash, index: found.index, proof: path, in: checkpoint)
        proof = LogProof(index: found.index, proof: path, note: checkpoint.note)
        entry = found.entry
        cosignatures = checkpoint.counted(log: manifest.logKey, newest: newest, horizon: manifest.period.horizon).count
        quorum = witnesses.quorum
    }

    private static func isNamed(
        _ name: BundleName, _ bundle: SignedBundle, _ appliance: KitManifest.Appliance, _ sequence: Int64
    ) -> Bool {
        switch name {
        case .place(let wanted, let number): wanted == appliance.appliance && number == sequence
        case .id(let id): holds(id.description, bundle) && Self.id(of: bundle) == id.description
        }
    }

    private static func id(of bundle: SignedBundle) -> String? {
        (try? JSONValue(parsing: bundle.bytes, limits: JSONLimits(bytesMax: 1 << 20)))?["id"]?.string
    }

    /// Spares reading each bundle of a kit for one of them.
    private static func holds(_ text: String, _ bundle: SignedBundle) -> Bool {
        let (text, bytes) = (Array(text.utf8), bundle.bytes)
        guard bytes.count >= text.count else { return false }
        return (0...(bytes.count - text.count)).contains { bytes[$0] == text[0] && bytes[$0..<($0 + text.count)].elementsEqual(text) }
    }
}

/// Why there is no proof of a bundle in a kit.
package enum KitProofError: Error, Hashable, Sendable {
    case notInKit
    case otherLog(String)
    case malformed(String)

    package var code: Code {
        switch self {
        case .notInKit: "kit.proof.not_in_kit"
        case .otherLog: "log.untrusted_key"
        case .malformed: "kit.proof.malformed"
        }
    }

    package var message: String {
        switch self {
        case .notInKit: "no bundle of this name is in the kit; nothing was proven. A bundle is named by bndl_… or appl_…/number."
        case .otherLog(let key): "the kit names \(key) as the log's key, which is not the key you named; nothing was proven."
        case .malformed(let name): "\(name) of the kit is not in its form; nothing was proven. martlet verify says more."
        }
    }
}

/// A kit's files, read one by one.
private struct KitFiles {
    private let zip: ZipReader
    private let entries: [String: ZipFormat.Entry]
    let manifest: KitManifest

    init(_ path: String) throws {
        zip = try ZipReader(path: path)
        entries = Dictionary(zip.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        guard let entry = entries[KitPath.manifest] else { throw KitRefusal.noManifest }
        let value = try JSONValue(parsing: zip.read(entry), limits: .signed(bytesMax: KitManifest.bytesMax, depthMax: 8))
        do throws(FieldError) { manifest = try KitManifest(json: value) } catch { throw KitRefusal.manifestMalformed(error.message) }
    }

    func bytes(_ name: String) throws -> [UInt8] {
        guard let entry = entries[name] else { throw KitProofError.malformed(name) }
        return try zip.read(entry)
    }

    /// nil where there is nothing.
    func seen(size: Int64) throws -> [LogLeaf]? {
        guard entries[KitPath.seen] != nil else { return nil }
        guard let leaves = try json(KitPath.seen).flatMap({ KitSeen.leaves(json: $0, size: size) }) else {
            throw KitProofError.malformed(KitPath.seen)
        }
        return leaves
    }

    func json(_ name: String) throws -> JSONValue? { canonicalJSON(try bytes(name)) }

    func key(_ id: KeyID) throws -> VerifyingKey {
        guard let key = VerifyingKey(pem: String(decoding: try bytes(KitPath.key(id)), as: UTF8.self)), key.id == id else {
            throw KitProofError.malformed(KitPath.key(id))
        }
        return key
    }

    func statements() throws -> [(entry: LogEntry, issued: Timestamp?)] {
        let keys = try manifest.receiptKeys.map(key)
        var entries: [(entry: LogEntry, issued: Timestamp?)] = []
        while let entry = self.entries[KitPath.statement(entries.count + 1)] {
            let opened = try OpenedStatement(opening: String(decoding: try zip.read(entry), as: UTF8.self), keys: keys)
            entries.append((LogEntry(document: opened.digest, signer: opened.key), opened.content?.issued))
        }
        return entries
    }

    /// Those that are of this appliance and well signed; what else is there `KitVerifier` names.
    func receipts(of appliance: ApplianceID) throws -> [Receipt] {
        let keys = try manifest.receiptKeys.map(key)
        let prefix = "receipts/\(appliance)/"
        return try entries.keys.filter { $0.hasPrefix(prefix) }.compactMap { name in
            let text = String(decoding: try bytes(name), as: UTF8.self)
            guard let receipt = (try? SignedReceipt(opening: text, keys: keys))?.receipt else { return nil }
            return receipt.site == manifest.site && receipt.appliance == appliance ? receipt : nil
        }
    }

    /// Each bundle of an appliance in order, with what the log has of it.
    func forEach(of appliance: KitManifest.Appliance, _ body: (SignedBundle, LogEntry) throws -> Void) throws {
        let keys = try appliance.keys.map { try key($0.id) }
        guard !keys.isEmpty else { throw KitProofError.malformed(KitPath.manifest) }
        let signers = keys.map { Digest(of: $0.bytes) }
        let prefix = "bundles/\(appliance.appliance)/"
        for name in entries.keys.filter({ $0.hasPrefix(prefix) && $0.hasSuffix(".jsonl") }).sorted() {
            let signatures = try bytes(name.dropLast("jsonl".count) + "sig")
            guard let bundles = KitChunk.bundles(lines: try bytes(name), signatures: signatures) else {
                throw KitProofError.malformed(name)
            }
            for bundle in bundles {
                // Nearly always there is one; with another than the bundle's own the root does not follow.
                let signer = keys.count == 1 ? 0 : keys.firstIndex { $0.isValid(bundle.signature, for: bundle.bytes) } ?? 0
                try body(bundle, LogEntry(document: Digest(of: bundle.bytes), signerDigest: signers[signer]))
            }
        }
    }
}
