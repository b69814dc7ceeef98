import Compliance
import Model
import Seal
import TransparencyLog
import Wire

/// What the provider stated, and the log.
extension KitVerification {
    /// Those that are well signed and formed, in order.
    mutating func readStatements(_ names: [String]) throws(KitRefusal) -> [OpenedStatement] {
        var statements: [OpenedStatement] = []
        let receiptKeys = manifest.receiptKeys.compactMap { keys[$0] }
        for (index, name) in names.enumerated() {
            guard name == KitPath.statement(index + 1) else {
                find("statement.misplaced", name, "does not follow the statement before it by its number.")
                continue
            }
            let text = String(decoding: try zip.read(entries[name]!), as: UTF8.self)
            do throws(EnvelopeError) {
                let opened = try OpenedStatement(opening: text, keys: receiptKeys)
                statements.append(opened)
                if let pruned = opened.pruned { self.pruned.append(pruned) }
                if let enablement = opened.enablement { self.enablement.append(enablement) }
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

    func json(_ name: String) throws(KitRefusal) -> JSONValue? {
        guard let entry = entries[name] else { return nil }
        return canonicalJSON(try zip.read(entry))
    }

    mutating func readLog(_ statements: [OpenedStatement]) throws(KitRefusal) -> KitWitnesses? {
        if let pinned = pins.log, pinned != manifest.logKey {
            find("log.untrusted_key", KitPath.manifest, "names \(manifest.logKey.text) as the log's key, which is not the key you named.")
        }
        var witnesses = try json(KitPath.witnesses).flatMap { KitWitnesses(json: $0, log: manifest.logKey) }
        trace?.quorum = witnesses?.quorum
        trace?.pruned = pruned
        if witnesses == nil { find("log.witnesses_malformed", KitPath.witnesses, "does not say whose signatures the log needs.") }
        if !pins.witnesses.isEmpty { witnesses = KitWitnesses(witnesses: pins.witnesses, quorum: pins.quorum) }
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
        let json = try json(KitPath.leaves)
        leaves = json.flatMap {
            KitLeaves(json: $0, appliances: manifest.appliances, statements: statements.count, size: checkpoint.size)
        }
        trace?.leaves = leaves
        trace?.statements = statements.enumerated().map { number, statement in
            KitTrace.Stated(
                digest: statement.digest, index: leaves?.statements[number], issued: statement.content?.issued,
                isPruned: statement.pruned != nil)
        }
        guard let leaves else {
            find("log.leaves_malformed", KitPath.leaves, "does not name one place in the log for each bundle and statement.")
            return witnesses
        }
        if entries[KitPath.seen] != nil {
            if let shown = try self.json(KitPath.seen).flatMap({ KitSeen.leaves(json: $0, size: checkpoint.size) }) {
                logged += shown
            } else {
                find("log.seen_malformed", KitPath.seen, "does not name leaves of the log.")
            }
        }
        for (number, (statement, index)) in Swift.zip(statements, leaves.statements).enumerated() {
            if let issued = statement.content?.issued { logDates.addStatement(number + 1, at: index, issued) }
            logged.append(LogLeaf(index: index, hash: LogEntry(document: statement.digest, signer: statement.key).leafHash))
        }
        return witnesses
    }

    /// The horizon against what the kit holds, and the cosignatures against both.
    /// - Returns: the cosignatures that count.
    mutating func judgeTimes(_ statements: [OpenedStatement], _ witnesses: KitWitnesses?) -> [KitReport.Cosignature] {
        let horizon = manifest.period.horizon
        let newest = statements.compactMap(\.content?.issued).reduce(newest) { max($0, $1) }
        if newest > horizon {
            find("kit.horizon", KitPath.manifest, "would be judged up to \(horizon) only, and holds what came at \(newest).")
        }
        guard let checkpoint else { return [] }
        let cosigned = checkpoint.counted(log: manifest.logKey, newest: newest, horizon: horizon)
        if let witnesses, cosigned.count < witnesses.quorum {
            find(
                "log.too_few_witnesses", KitPath.checkpoint,
                "has \(cosigned.count) signatures of witnesses that count; \(witnesses.quorum) are wanted.")
        }
        return cosigned
    }
}

extension VerifiedCheckpoint {
    /// The cosignatures that count in a kit: one for each raw key, none by the log's own, not from before the newest thing in the kit
    /// (but for five minutes), not from more than an hour after the horizon.
    func counted(log: NoteVerifier, newest: Timestamp, horizon: Timestamp) -> [KitReport.Cosignature] {
        var counted: [KitReport.Cosignature] = []
        var keys = [log.key]
        // The year 9999 ends what has an instant at all.
        let limit = min((horizon + .seconds(3_600)).milliseconds, 253_402_300_799_999)
        for proof in cosignatures where !keys.contains(proof.verifier.key) {
            guard let seconds = proof.seconds, seconds <= limit / 1_000 else { continue }
            let instant = Timestamp(milliseconds: seconds * 1_000)
            guard instant >= newest - .seconds(300) else { continue }
            keys.append(proof.verifier.key)
            counted.append(KitReport.Cosignature(name: proof.verifier.name, instant: instant))
        }
        return counted
    }
}
