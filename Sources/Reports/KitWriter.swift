package import Compliance
package import Evidence
package import Model
package import Seal
import TransparencyLog
package import Wire

/// Who and what a kit is about; everything in it but the bundles.
package struct KitSubject: Sendable {
    package let site: SiteID
    package let organization: OrganizationID
    package let organizationName: String
    package let period: CoveragePeriod
    /// Every enrolled appliance, also one that sent nothing, with its evidence keys, retired and revoked ones too.
    package let keys: [ApplianceID: [EnrolledKey]]
    package let receipts: [SignedReceipt]
    package let receiptKeys: [VerifyingKey]
    /// In the order in which they were logged.
    package let statements: [KitStatement]
    /// What speaks to which control; what the bundles cite is added.
    package let controls: [CheckID: [ControlCitation]]
    /// Entries of the ledger from before the bundles, in order.
    package let prior: [ExpectationLedger.Entry]
    /// What says them, in ascending order of appliance and sequence, where it was not pruned.
    package let priorBundles: [VerifiedBundle]
    package let log: KitLog
    /// Anchors of the checkpoint, by their names below `anchors/`.
    package let anchors: [String: [UInt8]]

    package init(
        site: SiteID, organization: OrganizationID, organizationName: String, period: CoveragePeriod,
        keys: [ApplianceID: [EnrolledKey]], receipts: [SignedReceipt], receiptKeys: [VerifyingKey], statements: [KitStatement] = [],
        controls: [CheckID: [ControlCitation]] = [:], prior: [ExpectationLedger.Entry] = [],
        priorBundles: [VerifiedBundle] = [], log: KitLog, anchors: [String: [UInt8]] = [:]
    ) {
        self.site = site
        self.organization = organization
        self.organizationName = organizationName
        self.period = period
        self.keys = keys
        self.receipts = receipts
        self.receiptKeys = receiptKeys
        self.statements = statements
        self.controls = controls
        self.prior = prior
        self.priorBundles = priorBundles
        self.log = log
        self.anchors = anchors
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
    private let pruned: [PrunedStatement]
    private let enablement: [EnablementStatement]
    private var files: [String: KitManifest.File] = [:]
    private var finished: [Progress] = []
    private var current: Progress?
    private var chunk = KitChunk()
    /// Sizes of the log that the boxes say in these bundles to have been shown.
    package private(set) var seen: Set<Int64> = []
    private var coverage: CoverageBuilder
    private var times = ReceiptTimes([])
    private var citations: [CheckID: Set<ControlCitation>]
    /// What the newest bundle of a check cited: the next one mostly cites the same.
    private var cited: [CheckID: [ControlCitation]] = [:]

    /// - Parameter key: Central's, which signs the manifest.
    package init(path: String, subject: KitSubject, key: SigningKey) throws(KitWriteError) {
        self.subject = subject
        self.key = key
        citations = subject.controls.mapValues { Set($0) }
        var statements: [CentralStatement] = []
        var pruned: [PrunedStatement] = []
        var enablement: [EnablementStatement] = []
        for (index, statement) in subject.statements.enumerated() {
            do throws(EnvelopeError) {
                let opened = try OpenedStatement(opening: statement.envelope, keys: subject.receiptKeys)
                if let content = opened.content { statements.append(content) }
                if let gone = opened.pruned { pruned.append(gone) }
                if let change = opened.enablement { enablement.append(change) }
            } catch {
                throw .statement(index + 1, error)
            }
        }
        coverage = CoverageBuilder(site: subject.site, period: subject.period, prior: subject.prior, statements: statements)
        self.pruned = pruned
        self.enablement = enablement
        zip = try ZipWriter(path: path)
        try add(KitPath.readme, Self.readme)
        for (name, bytes) in subject.anchors.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            try add("anchors/\(name)", bytes)
        }
    }

    /// Takes the bundles in ascending order of appliance and sequence.
    package func add(_ bundle: VerifiedBundle) throws(KitWriteError) {
        let (appliance, link) = (bundle.record.origin.appliance, bundle.record.link)
        guard bundle.record.origin.site == subject.site, subject.keys[appliance] != nil, link.sequence <= KitPath.sequenceMax else {
            throw .misplaced(bundle.record.id)
        }
        if let progress = current, progress.appliance == appliance {
            guard link.sequence > progress.last else { throw .misplaced(bundle.record.id) }
            // Before `last` moves on: a chunk is named by where it begins.
            if link.sequence != progress.last + 1 || !chunk.hasRoom(for: bundle.signed) { try flush() }
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
            times = ReceiptTimes(subject.receipts.map(\.receipt).filter { $0.appliance == appliance })
        }
        if let check = bundle.record.check, cited[check] != bundle.record.controls {
            cited[check] = bundle.record.controls
            citations[check, default: []].formUnion(bundle.record.controls)
        }
        for checkpoint in bundle.record.checkpoints { seen.insert(checkpoint.size) }
        let received = times.received(link.sequence) ?? subject.period.horizon
        do throws(CoverageError) {
            try coverage.add(ChainEntry(bundle, received: received))
        } catch { throw .coverage(error) }
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
    ///
    /// - Parameter shown: what `KitSeen.places` names for the sizes in `seen`; nil where that is nothing.
    /// - Returns: the SHA-256 of the whole file, of what was written and not of what can be read there now.
    @discardableResult
    package func finish(seen shown: KitSeen? = nil) throws(KitWriteError) -> Digest {
        try flush()
        if let current { finished.append(current) }
        let controls = ControlMap(citations.mapValues { Array($0) })
        let coverage = self.coverage.finish()
        let continuity = ContinuityStatement(coverage, controls: controls, enablement: enablement)
        try add(KitPath.continuity, bytes(continuity.json(pruned: pruned)))
        try add(KitPath.coverage, coverage.canonicalBytes)
        let named = subject.keys.keys.sorted()
        let keys = [key.verifyingKey] + subject.receiptKeys + named.flatMap { subject.keys[$0]!.map(\.key) }
        var seen: Set<KeyID> = []
        for key in keys.sorted(by: { $0.id < $1.id }) where seen.insert(key.id).inserted {
            try add(KitPath.key(key.id), Array(key.pem.utf8))
        }
        try add(KitPath.ledger, bytes(coverage.ledger.json))
        let log = subject.log
        try add(KitPath.checkpoint, log.checkpoint.bytes)
        try add(KitPath.leaves, bytes(log.leaves.json))
        try add(KitPath.nodes, bytes((shown?.nodes ?? log.nodes).json))
        if let shown { try add(KitPath.seen, bytes(shown.json)) }
        try add(KitPath.witnesses, bytes(KitWitnesses(witnesses: log.witnesses, quorum: log.quorum).json(log: log.key)))
        // Their names sort behind the manifest's, which nevertheless lists them.
        var late: [(path: String, bytes: [UInt8])] = [(KitPath.population, Population(coverage, controls: controls).canonicalBytes)]
        late += try priorFiles()
        late += receiptFiles(of: named)
        late += subject.statements.enumerated().map { (KitPath.statement($0 + 1), Array($1.envelope.utf8)) }
        late.append((KitPath.page, Self.page))
        for file in late { note(file.path, file.bytes) }

        let chains = Dictionary(uniqueKeysWithValues: finished.map { ($0.appliance, $0.chain) })
        let manifest = KitManifest(
            site: subject.site, organization: subject.organization, organizationName: Self.plain(subject.organizationName),
            period: subject.period, controls: controls, prior: subject.prior, logKey: log.key,
            appliances: named.map { described($0, chains[$0]) },
            receiptKeys: subject.receiptKeys.map(\.id), files: files, key: key.verifyingKey.id)
        let bytes = bytes(manifest.json)
        try zip.add(KitPath.manifest, bytes)
        try zip.add(KitPath.signature, key.sign(bytes))
        for file in late { try zip.add(file.path, file.bytes) }
        return try zip.finish()
    }

    /// What the boxes said before the bundles here, and still stood at their begin.
    private func priorFiles() throws(KitWriteError) -> [(path: String, bytes: [UInt8])] {
        let named = Set(subject.prior.map { [$0.appliance.description, String($0.sequence)] })
        var files: [(path: String, bytes: [UInt8])] = []
        var (chunk, path, last) = (KitChunk(), "", (appliance: ApplianceID?.none, sequence: Int64(-1)))
        func flush() {
            guard chunk.count > 0 else { return }
            files += [(path + ".jsonl", chunk.lines), (path + ".sig", chunk.signatures)]
            chunk.empty()
        }
        for bundle in subject.priorBundles {
            let (appliance, sequence) = (bundle.record.origin.appliance, bundle.record.link.sequence)
            guard named.contains([appliance.description, String(sequence)]) else { continue }
            guard last.appliance.map({ $0 <= appliance }) ?? true, last.appliance != appliance || last.sequence < sequence else {
                throw .misplaced(bundle.record.id)
            }
            if last.appliance != appliance || !chunk.hasRoom(for: bundle.signed) { flush() }
            if chunk.count == 0 { path = KitPath.prior(appliance, sequence) }
            chunk.add(bundle.signed)
            last = (appliance, sequence)
        }
        flush()
        return files
    }

    /// A name from before controls were refused in one.
    private static func plain(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.map { String($0).isPlain ? $0 : "\u{fffd}" }))
    }

    static let readme = Array(readmeText.utf8)
    static let page = PackageResources.verify_html

    /// Of what holds only texts and integers within JSON's range.
    private func bytes(_ json: JSONValue) -> [UInt8] { try! json.canonicalBytes() }

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

private let readmeText = """
    Compliance evidence: what this archive is and how to check it without us

    bundles/<appliance>/<number>.jsonl   what one appliance saw or did, as it was signed: a bundle on each line, the first is <number>
    bundles/<appliance>/<number>.sig     the appliance's Ed25519 signatures over exactly those lines, 64 bytes each, in the same order
    prior/<appliance>/<number>.jsonl     what that appliance had said before that it looks at, where its chain here does not begin with 0
    receipts/<appliance>/<number>.json   when the provider received the chain up to that number, and where it was put into the log
    statements/<number>.json             what the provider itself signed: times without evidence, exceptions, who asked and who approved
    keys/<key>.pub                       public keys
    manifest.json, manifest.sig          every file with its SHA-256, and the provider's signature over that list
    log/                                 proof that all of it stands in a public log that can only grow, and who else has signed that log
    anchors/                             proof of time for that log by others, where there is any
    ledger.json                          what had to be looked at, and from when
    coverage.json                        for every day, machine and check: how often somebody had to look, did, was late, did not; whatever
                                         was found
    continuity.json                      the same for each control; every gap by its times and cause; which machines two appliances claim
                                         ("takeovers"); which evidence is gone after its term, with the last digest ("pruned")
    population.json                      everything that a sample may be drawn from, fixed before anybody knew the sample
    verify.html                          checks this archive in a browser; open it and choose the archive. It connects to nothing

    What it says: what is here was signed by the keys that manifest.json names for the appliances, each bundle follows the one before it, and
    all of it stands in the log that the checkpoint names. A time without evidence is never counted as compliant; continuity.json names each.

    What it cannot say by itself: that these keys are those of the boxes (compare them with what `martlet-appliance status` prints on each
    box, or with what was written down when it was enrolled); that nothing was left out: a box, the end of a chain, everything (an earlier
    kit, or a receipt, that somebody else holds shows that); that the witnesses are independent (the provider chose them: name your own); nor
    that an appliance could see everything.

    0. Is this the file that you were told of? Compare what this prints with the digest that you were given with it:

       sha256sum FILE

    1. Compare the "key" in manifest.json with the key that your provider published, and the log's key in it with the one that the log's
       witnesses know, and each box's key with the box. All else rests on them. Then:

       openssl pkeyutl -verify -rawin -pubin -inkey keys/KEY.pub -sigfile manifest.sig -in manifest.json

    2. Each bundle verifies by itself with a key that the manifest lists for its appliance. The fifth of a file, say:

       sed -n 5p 000000000000.jsonl | tr -d '\\n' > bundle.json
       tail -c +257 000000000000.sig | head -c 64 > bundle.sig     # 4 times 64 bytes come before it
       openssl pkeyutl -verify -rawin -pubin -inkey keys/KEY.pub -sigfile bundle.sig -in bundle.json

    3. Each bundle names its number ("sequence") and the SHA-256 of the one before it ("previous", what `sha256sum bundle.json`
       prints): a missing, swapped or changed bundle breaks that chain.

    4. Have you kept an earlier archive of this site? `martlet verify FILE --earlier OLD` says whether this one goes on from it: nothing
       of it gone, changed or dated anew. That is the one way to see that something was left out as a whole.

    `martlet verify FILE` does all of this and computes every figure again from the bundles. So does `python3 verify_kit.py FILE`, and so
    does verify.html: three programs that share no code. To draw a sample, choose any text of 16 characters or more after you have received
    this file: `martlet verify FILE --sample 25 --nonce TEXT` names the same 25 bundles to everybody who uses that text.

    """
