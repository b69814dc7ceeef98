import Evidence
import Model
package import Seal
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

/// Checks a kit offline: manifest, every digest, every signature on all cores, every chain, every receipt. Needs a few
/// megabytes besides the manifest, however large the kit is. `scripts/verify_kit.py` does the same without sharing code.
package struct KitVerifier: Sendable {
    private let trust: KitTrust
    private let workers: Int

    package init(trust: KitTrust, workers: Int) {
        self.trust = trust
        self.workers = max(workers, 1)
    }

    package func verify(_ path: String) async -> KitReport {
        do throws(KitRefusal) {
            var run = try KitVerification(path: path, trust: trust)
            return try await run.report(workers: workers)
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

    mutating func report(workers: Int) async throws(KitRefusal) -> KitReport {
        let listed = try sortEntries()
        for name in manifest.files.keys.sorted() where entries[name] == nil {
            find("kit.file_missing", name, "is in the manifest but not in the kit.")
        }
        var appliances: [KitReport.Appliance] = []
        for appliance in manifest.appliances {
            let listed = listed[appliance.appliance] ?? Listed()
            appliances.append(try await judge(appliance, listed, workers: workers))
        }
        let trust: KitReport.Trust =
            !isSigned
            ? .none
            : self.trust == .none
                ? .unpinned(manifest.key)
                : isStranger ? .stranger(manifest.key) : .pinned(manifest.key)
        return KitReport(
            findings: findings, findingsOmitted: findingsOmitted, appliances: appliances, site: manifest.site,
            organizationName: manifest.organizationName, trust: trust, exitCode: findings.isEmpty ? 0 : 1)
    }

    private mutating func find(_ code: Code, _ subject: String, _ sentence: String) {
        find([KitReport.Finding(code: code, subject: subject, sentence: sentence)])
    }

    private mutating func find(_ more: [KitReport.Finding]) {
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
    private mutating func sortEntries() throws(KitRefusal) -> [ApplianceID: Listed] {
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
            case ("keys", _, 2) where parts[1].hasSuffix(".pub") && KeyID(String(parts[1].dropLast(4))) != nil,
                ("README.txt", _, 1):
                try compare(entry)
                continue
            default: break
            }
            find("kit.unknown_entry", entry.name, "has no place in a kit; it was not looked at.")
            try compare(entry)
        }
        return listed
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
        for receipt in listed.receipts { try judge(receipt.entry, receipt.sequence, appliance, &wanted) }

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
                if faults.isEmpty { verified += 1 }
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

    private mutating func judge(
        _ entry: ZipFormat.Entry, _ sequence: Int64, _ appliance: KitManifest.Appliance, _ wanted: inout [Int64: [Digest]]
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
