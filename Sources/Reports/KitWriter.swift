package import Evidence
package import Model
package import Seal
package import Wire

/// Who and what a kit is about; everything in it but the bundles.
package struct KitSubject: Sendable {
    package let site: SiteID
    package let organization: OrganizationID
    package let organizationName: String
    package let from: Timestamp
    package let until: Timestamp
    /// Every enrolled appliance, also one that sent nothing, with its evidence keys, retired and revoked ones too.
    package let keys: [ApplianceID: [EnrolledKey]]
    package let receipts: [SignedReceipt]
    package let receiptKeys: [VerifyingKey]

    package init(
        site: SiteID, organization: OrganizationID, organizationName: String, from: Timestamp, until: Timestamp,
        keys: [ApplianceID: [EnrolledKey]], receipts: [SignedReceipt], receiptKeys: [VerifyingKey]
    ) {
        self.site = site
        self.organization = organization
        self.organizationName = organizationName
        self.from = from
        self.until = until
        self.keys = keys
        self.receipts = receipts
        self.receiptKeys = receiptKeys
    }
}

/// Writes a kit while its bundles stream by, one chunk of them at a time in memory. The same evidence makes the same bytes.
package final class KitWriter {
    private struct Progress {
        let appliance: ApplianceID
        let first: Int64
        var last: Int64
        var head: Digest
        var count: Int64

        var chain: KitManifest.Chain { KitManifest.Chain(first: first, last: last, head: head, count: count) }
    }

    private let subject: KitSubject
    private let key: SigningKey
    private let zip: ZipWriter
    private var files: [String: KitManifest.File] = [:]
    private var finished: [Progress] = []
    private var current: Progress?
    private var chunk = KitChunk()

    /// - Parameter key: Central's, which signs the manifest.
    package init(path: String, subject: KitSubject, key: SigningKey) throws(KitWriteError) {
        self.subject = subject
        self.key = key
        zip = try ZipWriter(path: path)
        try add(KitPath.readme, Array(readme.utf8))
    }

    /// Takes the bundles in ascending order of appliance and sequence.
    package func add(_ bundle: VerifiedBundle) throws(KitWriteError) {
        let (appliance, link) = (bundle.record.origin.appliance, bundle.record.link)
        guard bundle.record.origin.site == subject.site, subject.keys[appliance] != nil, link.sequence <= KitPath.sequenceMax else {
            throw .misplaced(bundle.record.id)
        }
        if let progress = current, progress.appliance == appliance {
            guard link.sequence > progress.last else { throw .misplaced(bundle.record.id) }
            if link.sequence != progress.last + 1 { try flush() }
            current?.last = link.sequence
            current?.head = bundle.digest
            current?.count += 1
        } else {
            if let progress = current {
                guard progress.appliance < appliance else { throw .misplaced(bundle.record.id) }
                try flush()
                finished.append(progress)
            }
            current = Progress(appliance: appliance, first: link.sequence, last: link.sequence, head: bundle.digest, count: 1)
        }
        if !chunk.hasRoom(for: bundle.signed) { try flush() }
        chunk.add(bundle.signed)
    }

    /// Writes the chunk that ends with the newest bundle.
    private func flush() throws(KitWriteError) {
        guard let current, chunk.count > 0 else { return }
        let first = current.last + 1 - chunk.count
        try add(KitPath.lines(current.appliance, first), chunk.lines)
        try add(KitPath.signatures(current.appliance, first), chunk.signatures)
        chunk.empty()
    }

    /// Writes keys, manifest and receipts. On return the kit is on disk under its name; before that there is none.
    /// - Returns: the SHA-256 of the whole file, of what was written and not of what can be read there now.
    @discardableResult
    package func finish() throws(KitWriteError) -> Digest {
        try flush()
        if let current { finished.append(current) }
        let named = subject.keys.keys.sorted()
        let keys = [key.verifyingKey] + subject.receiptKeys + named.flatMap { subject.keys[$0]!.map(\.key) }
        var seen: Set<KeyID> = []
        for key in keys.sorted(by: { $0.id < $1.id }) where seen.insert(key.id).inserted {
            try add(KitPath.key(key.id), Array(key.pem.utf8))
        }
        // Their names sort behind the manifest's, which nevertheless lists them.
        let receipts = receiptFiles(of: named)
        for receipt in receipts { note(receipt.path, receipt.bytes) }

        let chains = Dictionary(uniqueKeysWithValues: finished.map { ($0.appliance, $0.chain) })
        let manifest = KitManifest(
            site: subject.site, organization: subject.organization, organizationName: subject.organizationName, from: subject.from,
            until: subject.until, appliances: named.map { described($0, chains[$0]) }, receiptKeys: subject.receiptKeys.map(\.id).sorted(),
            files: files,
            key: key.id)
        // A manifest holds only texts and integers within JSON's range.
        let bytes = try! manifest.json.canonicalBytes()
        try zip.add(KitPath.manifest, bytes)
        try zip.add(KitPath.signature, key.sign(bytes))
        for receipt in receipts { try zip.add(receipt.path, receipt.bytes) }
        return try zip.finish()
    }

    /// One for each number: a repeated submission is acknowledged again, and any of its receipts says the same.
    private func receiptFiles(of appliances: [ApplianceID]) -> [(path: String, bytes: [UInt8])] {
        var texts: [String: String] = [:]
        for signed in subject.receipts {
            let receipt = signed.receipt
            guard appliances.contains(receipt.appliance), receipt.lastSequence <= KitPath.sequenceMax else { continue }
            let path = KitPath.receipt(receipt.appliance, receipt.lastSequence)
            // The smaller text, so that the same receipts in another order make the same kit.
            texts[path] = min(signed.text, texts[path] ?? signed.text)
        }
        return texts.sorted { $0.key < $1.key }.map { ($0.key, Array($0.value.utf8)) }
    }

    private func described(_ appliance: ApplianceID, _ chain: KitManifest.Chain?) -> KitManifest.Appliance {
        let keys = subject.keys[appliance]!.sorted { ($0.validFrom, $0.key.id) < ($1.validFrom, $1.key.id) }
        return KitManifest.Appliance(
            appliance: appliance, keys: keys.map { KitManifest.Key(id: $0.key.id, validFrom: $0.validFrom, validUntil: $0.validUntil) },
            chain: chain)
    }

    private func add(_ path: String, _ bytes: [UInt8]) throws(KitWriteError) {
        note(path, bytes)
        try zip.add(path, bytes)
    }

    private func note(_ path: String, _ bytes: [UInt8]) {
        files[path] = KitManifest.File(digest: Digest(of: bytes), size: Int64(bytes.count))
    }
}

private let readme = """
    Compliance evidence: what this archive is and how to check it without us

    bundles/<appliance>/<number>.jsonl   what one appliance saw or did, as it was signed: a bundle on each line, the first is <number>
    bundles/<appliance>/<number>.sig     the appliance's Ed25519 signatures over exactly those lines, 64 bytes each, in the same order
    keys/<key>.pub                       public keys
    receipts/<appliance>/<number>.json   when the provider received the chain up to that number
    manifest.json, manifest.sig          every file with its SHA-256, and the provider's signature over that list

    0. Is this the file that you were told of? Compare what this prints with the digest that you were given with it:

       sha256sum FILE

    1. Compare the "key" in manifest.json with the key that your provider published. All else rests on it. Then:

       openssl pkeyutl -verify -rawin -pubin -inkey keys/KEY.pub -sigfile manifest.sig -in manifest.json

    2. Each bundle verifies by itself with a key that the manifest lists for its appliance. The fifth of a file, say:

       sed -n 5p 000000000000.jsonl | tr -d '\\n' > bundle.json
       tail -c +257 000000000000.sig | head -c 64 > bundle.sig     # 4 times 64 bytes come before it
       openssl pkeyutl -verify -rawin -pubin -inkey keys/KEY.pub -sigfile bundle.sig -in bundle.json

    3. Each bundle names its number ("sequence") and the SHA-256 of the one before it ("previous", what `sha256sum bundle.json`
       prints): a missing, swapped or changed bundle breaks that chain.

    `martlet verify FILE` does all of this, and so does `python3 verify_kit.py FILE`, which shares no code with it.

    """
