import Compliance
import Evidence
import Model
import Seal
import TransparencyLog
import Wire

/// One appliance's receipts and chain.
extension KitVerification {
    mutating func judge(
        _ appliance: KitManifest.Appliance, _ listed: Listed, workers: Int
    ) async throws(KitRefusal) -> KitReport.Appliance {
        let enrolled = appliance.keys.compactMap { named in
            keys[named.id].map { EnrolledKey(key: $0.forMany(), validFrom: named.validFrom, validUntil: named.validUntil) }
        }
        var wanted: [Int64: [Digest]] = [:]
        var receipts: [Receipt] = []
        for (receipt, opened) in Swift.zip(listed.receipts, await open(listed.receipts, workers)) {
            judge(try opened.get(), receipt.entry, receipt.sequence, appliance, &wanted, &receipts)
        }
        let acknowledged = receipts.map(\.lastSequence).max() ?? -1
        var times = ReceiptTimes(receipts)
        var begin = appliance.chain == nil ? manifest.period.from : nil
        var withoutReceipt = 0
        let places = leaves?.runs[appliance.appliance] ?? []
        var place = 0
        let reader = KitChunkJudge(zip: zip, files: manifest.files, keys: enrolled, horizon: manifest.period.horizon, workers: workers)

        var chain = ChainVerifier(site: manifest.site, appliance: appliance.appliance, next: appliance.chain?.first ?? 0)
        var (verified, found) = (0, 0)
        var chunks = listed.chunks[...]
        var current = await reader.judge(chunks.popFirst())
        while let chunk = current {
            let following = chunks.popFirst()
            // The signatures of the next chunk are verified while this one's chain is followed.
            async let next = reader.judge(following)
            let judged = try chunk.get()
            find(judged.findings)
            found += judged.bundles.count
            for (offset, bundle) in judged.bundles.enumerated() {
                let sequence = judged.first + Int64(offset)
                // Put into words only where there is something to say.
                var name: String { KitPath.bundle(appliance.appliance, sequence) }
                let genuine: KitChunkJudge.Genuine
                switch bundle {
                case .success(let bundle) where bundle.place.link.sequence == sequence: genuine = bundle
                case .success:
                    find("kit.misplaced", name, "is a bundle of another number.")
                    for fault in chain.skip(sequence) { find(fault.code, name, fault.message) }
                    continue
                case .failure(let error):
                    find(error.code, name, error.message)
                    for fault in chain.skip(sequence) { find(fault.code, name, fault.message) }
                    continue
                }
                let faults = chain.add(genuine.place)
                if faults.isEmpty {
                    verified += 1
                    while place < places.count, places[place].sequence + places[place].count <= sequence { place += 1 }
                    let received = times.received(sequence)
                    if isWhole, place < places.count {
                        let index = places[place].index + sequence - places[place].sequence
                        logged.append(LogLeaf(index: index, hash: genuine.leaf))
                        for checkpoint in genuine.checkpoints { seen.append((name, index, checkpoint)) }
                        if let received { logDates.addBundle(sequence, of: appliance.appliance, at: index, received) }
                    }
                    if let received {
                        newest = max(newest, received)
                    } else {
                        withoutReceipt += 1
                        if sequence < acknowledged {
                            find("receipt.missing", name, "has no receipt, and later bundles have one: nothing says when it was received.")
                        }
                    }
                    begin = begin ?? received ?? manifest.period.horizon
                    judgePruned(genuine.place)
                    trace?.add(sequence, of: appliance.appliance, genuine.place.digest, received: received)
                    read(genuine, received: received, name)
                }
                for fault in faults { find(fault.code, name, fault.message) }
                for head in wanted[sequence] ?? [] where head != genuine.place.digest {
                    find("receipt.wrong_head", name, "is not the bundle that the provider's receipt names.")
                }
            }
            current = await next
        }
        try judgePrior(appliance, listed.prior, enrolled, begin: begin)
        let subject = appliance.appliance.description
        guard let named = appliance.chain else {
            if found > 0 { find("kit.wrong_count", subject, "sent something; the manifest says that it did not.") }
            return KitReport.Appliance(
                appliance: appliance.appliance, keys: appliance.keys, sequences: nil, verified: verified, withoutReceipt: withoutReceipt)
        }
        if chain.next <= named.last {
            find("chain.gap", subject, "bundles \(chain.next) to \(named.last) are missing at the end.")
        } else if chain.next == named.last + 1, let head = chain.head, head != named.head {
            find("kit.wrong_head", subject, "does not end with the bundle that the manifest names.")
        }
        if Int64(found) != named.count || chain.next > named.last + 1 {
            find("kit.wrong_count", subject, "does not have the number of bundles that the manifest names.")
        }
        return KitReport.Appliance(
            appliance: appliance.appliance, keys: appliance.keys, sequences: named.first...named.last, verified: verified,
            withoutReceipt: withoutReceipt)
    }

    /// What is gone ends where the chain begins, if it does: that bundle names the last one's digest.
    private mutating func judgePruned(_ place: ChainPlace) {
        let before = pruned.filter { $0.appliance == place.appliance && $0.lastSequence + 1 == place.link.sequence }
        if before.contains(where: { $0.lastDigest != place.link.previous }) {
            find(
                "kit.pruned", KitPath.bundle(place.appliance, place.link.sequence),
                "follows another bundle than the one that is said to be gone after its term.")
        }
    }

    /// What was expected before the chain's begin here: said by the box itself, or pruned; and not later than that begin.
    private mutating func judgePrior(
        _ appliance: KitManifest.Appliance, _ files: [(lines: ZipFormat.Entry, signatures: ZipFormat.Entry?)], _ keys: [EnrolledKey],
        begin: Timestamp?
    ) throws(KitRefusal) {
        let subject = appliance.appliance.description
        var entries: [Int64: ExpectationLedger.Entry] = [:]
        for entry in manifest.prior where entry.appliance == appliance.appliance { entries[entry.sequence] = entry }
        if let begin, entries.values.contains(where: { $0.effective > begin + .seconds(300) }) {
            find("kit.prior", subject, "is said to have expected something before its chain's begin here, and the date is later.")
        }
        for file in files {
            let signatures = if let entry = file.signatures { try zip.read(entry) } else { [UInt8]() }
            guard let bundles = KitChunk.bundles(lines: try zip.read(file.lines), signatures: signatures) else {
                find(
                    "kit.chunk_malformed", file.lines.name,
                    "has not a signature for each of its lines; none of its bundles was looked at.")
                continue
            }
            for bundle in bundles {
                do throws(BundleError) {
                    let record = try VerifiedBundle(bundle, keys: keys).record
                    let entry = entries.removeValue(forKey: record.link.sequence)
                    let said = ExpectationLedger.Entry(
                        appliance: record.origin.appliance, sequence: record.link.sequence, host: record.host,
                        effective: entry?.effective ?? record.ended, expected: record.expected)
                    if record.kind != .expectation || record.origin.site != manifest.site || said != entry {
                        find(
                            "kit.prior", file.lines.name,
                            "holds bundle \(record.link.sequence), which is not what the manifest says of it.")
                    }
                } catch {
                    find(error.code, file.lines.name, error.message)
                }
            }
        }
        priorUnsigned += entries.count
        let gone = pruned.filter { $0.appliance == appliance.appliance }.map(\.lastSequence).max() ?? -1
        if entries.keys.contains(where: { $0 > gone }) {
            find(
                "kit.prior", subject,
                "is said to have expected something before its chain's begin here, and the kit does not hold its word.")
        }
    }

    /// For what was seen, and which controls it speaks to.
    private mutating func read(_ bundle: KitChunkJudge.Genuine, received: Timestamp?, _ name: @autoclosure () -> String) {
        guard isWhole else { return }
        found.add(bundle.entry)
        var entry = bundle.entry
        if let received { entry.received = received }
        do throws(CoverageError) { try coverage?.add(entry) } catch {
            find(error.code, name(), error.message)
        }
        if !citations.include(bundle.controls, by: bundle.check) {
            find("population.control_missing", name(), "speaks to a control for which the manifest does not name its check.")
        }
    }

    private typealias OpenedReceipt = Result<Receipt, EnvelopeError>

    /// On all cores, as there may be one for every hundred bundles.
    private func open(
        _ receipts: [(sequence: Int64, entry: ZipFormat.Entry)], _ workers: Int
    ) async -> [Result<OpenedReceipt, KitRefusal>] {
        let zip = zip
        let signers = manifest.receiptKeys.compactMap { keys[$0] }
        return await BundleVerifier(workers: workers).judge(receipts) { receipt, _ in
            Result { () throws(KitRefusal) in
                let text = String(decoding: try zip.read(receipt.entry), as: UTF8.self)
                return OpenedReceipt { () throws(EnvelopeError) in try SignedReceipt(opening: text, keys: signers).receipt }
            }
        }
    }

    private mutating func judge(
        _ opened: OpenedReceipt, _ entry: ZipFormat.Entry, _ sequence: Int64, _ appliance: KitManifest.Appliance,
        _ wanted: inout [Int64: [Digest]], _ receipts: inout [Receipt]
    ) {
        do throws(EnvelopeError) {
            let receipt = try opened.get()
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
}
