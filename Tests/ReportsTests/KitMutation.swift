import Compliance
import Evidence
import Model
import Seal
import TestSupport
import TransparencyLog
import Wire

@testable import Reports

/// Ways to lie with a kit: from the outside, and as somebody who holds one of the keys.
enum KitMutation: CaseIterable {
    case droppedBundle, droppedSignature, droppedLast, droppedKey, swappedBundles, editedBundle, editedSignature, resignedBundle
    case otherSite, editedManifest, resignedManifest, editedReceipt, wrongReceiptHead, movedReceipt, addedFile, strangeFile
    case cutChunk, longChunk, emptyChunk
    case insiderDrop, insiderReorder, insiderNonsense, insiderWrongHead, insiderLateKey, insiderLooseBundle, insiderShortened
    /// What only the log, the coverage or the statements show.
    case rewritten, replacedLast, backDated, gapHidden, populationShrunk, controlHidden, ledgerShortened, priorHidden, receiptsBackDated
    case horizonMoved, proofEdited, proofShortened, leavesEdited, leavesSwapped, checkpointReplaced, checkpointEdited, otherLogKey
    case cosignatureDropped, cosignatureForged, witnessesEdited, statementRemoved, statementEdited, statementForged, statementsSwapped
    case exceptionUnended, exceptionEndMoved, statementsReordered, personsAlike
    /// What the provider says of itself: the instant up to which is judged, keys, witnesses, what was expected before, names.
    case horizonEarly, secondKey, witnessTwice, cosignedAtAnotherTime, priorInvented, priorUnsigned, priorLate, priorForAnother
    case receiptDropped, namesForged, gapNamedByHand, checksumEdited
    case nonsense, nonsenseInside
    case flippedBit, truncated, appended, reordered, duplicate, traversal, absolute, bomb, compressed, noise

    func apply(to original: KitParts, of sample: KitSample, using random: inout SeededGenerator) throws -> [UInt8] {
        var parts = original
        let names = parts.bundleNames
        // Neither the first nor the last of a chain, where a loss looks different.
        let name = names[[1, 2, 5, 8, 13, 16, 21].randomElement(using: &random)!]
        let signature = name.replacing("bundle.json", with: "bundle.sig")
        let receipt = parts.receiptNames.randomElement(using: &random)!
        switch self {
        case .droppedBundle:
            parts[name] = nil
            parts[signature] = nil
        case .droppedSignature: parts[signature] = nil
        case .droppedLast:
            parts[names[11]] = nil
            parts[names[11].replacing("bundle.json", with: "bundle.sig")] = nil
        case .droppedKey: parts[parts.files.map(\.name).filter { $0.hasPrefix("keys/") }.randomElement(using: &random)!] = nil
        case .swappedBundles:
            let other = names[names.firstIndex(of: name)! + 1]
            let otherSignature = other.replacing("bundle.json", with: "bundle.sig")
            (parts[name], parts[other]) = (parts[other], parts[name])
            (parts[signature], parts[otherSignature]) = (parts[otherSignature], parts[signature])
        case .editedBundle: parts[name] = flip(parts[name]!, using: &random)
        case .editedSignature: parts[signature] = flip(parts[signature]!, using: &random)
        case .resignedBundle: parts[signature] = SigningKey().sign(parts[name]!)
        case .otherSite:
            let bundle = KitSample.bundle(SiteID(at: sample.now, random: &random), sample.appliances[0], 2, at: sample.now, using: &random)
            let sealed = try BundleSealer(key: sample.evidenceKey).seal(bundle, at: ChainLink(sequence: 2, previous: Digest(of: [9])))
                .signed
            parts[names[2]] = sealed.bytes
            parts[names[2].replacing("bundle.json", with: "bundle.sig")] = sealed.signature
            if Bool.random(using: &random) { try parts.relist(with: sample.central) }
        case .editedManifest:
            let old = parts["manifest.sig"]
            try parts.relist(with: sample.central) { $0["organization"] = ["id": $0["organization"]!["id"]!, "name": "Someone Else"] }
            parts["manifest.sig"] = old
        case .resignedManifest: try parts.relist(with: SigningKey())
        case .editedReceipt:
            parts[receipt] = flip(parts[receipt]!, using: &random)
            if Bool.random(using: &random) { try parts.relist(with: sample.central) }
        case .wrongReceiptHead:
            let genuine = sample.subject.receipts[0].receipt
            let forged = Receipt(
                site: sample.site, appliance: genuine.appliance, firstSequence: 0, lastSequence: genuine.lastSequence,
                head: Digest(of: [8]), received: sample.now, logged: genuine.logged)
            parts[parts.receiptNames[0]] = Array(SignedReceipt(signing: forged, with: sample.receiptKey).text.utf8)
            try parts.relist(with: sample.central)
        case .movedReceipt:
            // It promised a place in the log that is not the one shown.
            try parts.reseal(receipt, with: sample.receiptKey) { members in
                var runs = members["logged"]!.array!
                let index = runs.indices.randomElement(using: &random)!
                var run = runs[index].object!
                run["index"] = .integer(run["index"]!.integer! + [-1, 1, 40].randomElement(using: &random)!)
                runs[index] = .object(run)
                members["logged"] = .array(runs)
            }
            try parts.relist(with: sample.central)
        case .addedFile: parts["keys/key_0123456789abcdef.pub"] = [1, 2, 3]
        case .strangeFile:
            parts[
                ["extra.txt", "bundles/x", "bundles/\(sample.appliances[0])/000000000001/more", "keys", "README.txt.exe"].randomElement(
                    using: &random)!] = []
            if Bool.random(using: &random) { try parts.relist(with: sample.central) }
        case .insiderDrop:
            parts[name] = nil
            parts[signature] = nil
            try parts.relist(with: sample.central)
        case .insiderReorder:
            let other = names[names.firstIndex(of: name)! + 1]
            (parts[name], parts[other]) = (parts[other], parts[name])
            let otherSignature = other.replacing("bundle.json", with: "bundle.sig")
            (parts[signature], parts[otherSignature]) = (parts[otherSignature], parts[signature])
            try parts.relist(with: sample.central)
        case .insiderNonsense:
            var members = try JSONValue(parsing: parts[name]!, limits: JSONLimits(bytesMax: 1 << 20)).object!
            let key = members.keys.sorted().randomElement(using: &random)!
            let values: [JSONValue?] = [
                nil, .null, true, "", "x", -1, .number(1.5), .number(1e300), [], [[[[[[[[[]]]]]]]]], [:], ["values": [:], "unknown": [:]],
                ["word": "success", "code": nil],
            ]
            members[key] = values.randomElement(using: &random)!
            // Where the edit is harmless (a null made null), this is not.
            members["schema"] =
                members["schema"] == "martlet.evidence/v1" && key != "schema" && Bool.random(using: &random)
                ? "martlet.evidence/v1" : "martlet.evidence/v0"
            if try JSONValue.object(members).canonicalBytes() == parts[name]! { members["schema"] = "martlet.evidence/v0" }
            let bytes = try JSONValue.object(members).canonicalBytes()
            parts[name] = bytes
            parts[signature] = sample.evidenceKey.sign(bytes)
            if Bool.random(using: &random) { try parts.relist(with: sample.central) }
        case .insiderWrongHead:
            try parts.relist(with: sample.central) {
                var appliances = $0["appliances"]!.array!
                var first = appliances[0].object!
                first["head"] = .string(Digest(of: [7]).description)
                appliances[0] = .object(first)
                $0["appliances"] = .array(appliances)
            }
        case .insiderLateKey:
            let late = sample.now + .milliseconds(Int.random(in: 300_100...400_000, using: &random))
            try parts.relist(with: sample.central) {
                var appliances = $0["appliances"]!.array!
                var first = appliances[0].object!
                first["keys"] = [
                    ["id": .string(sample.evidenceKey.id.description), "validFrom": .string(late.description), "validUntil": nil]
                ]
                appliances[0] = .object(first)
                $0["appliances"] = .array(appliances)
            }
        case .insiderLooseBundle:
            let bytes = [parts[name]! + [0x20], Array(parts[name]!.dropLast()), parts[name]! + parts[name]!].randomElement(using: &random)!
            parts[name] = bytes
            parts[signature] = sample.evidenceKey.sign(bytes)
            try parts.relist(with: sample.central)
        case .insiderShortened:
            // The newest bundle is hidden and the manifest says so; only the provider's receipt still knows of it.
            parts[names.last!] = nil
            parts[names.last!.replacing("bundle.json", with: "bundle.sig")] = nil
            let head = Digest(of: parts[names[names.count - 2]]!)
            try parts.relist(with: sample.central) {
                var appliances = $0["appliances"]!.array!
                var last = appliances[1].object!
                last["last"] = .integer(last["last"]!.integer! - 1)
                last["count"] = .integer(last["count"]!.integer! - 1)
                last["head"] = .string(head.description)
                appliances[1] = .object(last)
                $0["appliances"] = .array(appliances)
            }
        case .rewritten:
            // Whoever holds every key but the log's tells another story from some bundle on.
            let place = Int.random(in: 1..<11, using: &random)
            try parts.rechain(from: place, of: sample) { members in
                members["note"] = "nothing happened"
                members["attested"] = []
            }
        case .replacedLast: try parts.rechain(from: 11, of: sample) { $0["note"] = "another" }
        case .backDated:
            try parts.rechain(from: Int.random(in: 1..<11, using: &random), of: sample) { members in
                for key in ["started", "ended", "observed"] {
                    members[key] = .string((sample.now - .seconds(86_400 * 3)).description)
                }
            }
        case .gapHidden:
            let name = ["coverage.json", "continuity.json"].randomElement(using: &random)!
            let text = String(decoding: parts[name]!, as: UTF8.self)
            // Nothing is missing any more.
            parts[name] = Array(text.replacing(#/"missing":\{[^}]+\}/#, with: "\"missing\":{}").utf8)
            try parts.relist(with: sample.central)
        case .populationShrunk:
            try parts.edit("population.json") { members in
                let key = ["slots", "bundles", "controls"].randomElement(using: &random)!
                members[key] = .array(members[key]!.array!.dropLast())
            }
            try parts.relist(with: sample.central)
        case .controlHidden: try parts.relist(with: sample.central) { $0["controls"] = .array($0["controls"]!.array!.dropLast()) }
        case .ledgerShortened:
            try parts.edit("ledger.json") { $0["entries"] = .array($0["entries"]!.array!.dropLast()) }
            try parts.relist(with: sample.central)
        case .priorHidden: try parts.relist(with: sample.central) { $0["prior"] = [] }
        case .receiptsBackDated:
            for name in parts.receiptNames {
                let earlier = (sample.now - .seconds(86_400 * 9)).description
                try parts.reseal(name, with: sample.receiptKey) { $0["received"] = .string(earlier) }
            }
            try parts.relist(with: sample.central)
        case .horizonMoved:
            try parts.relist(with: sample.central) {
                var period = $0["period"]!.object!
                period["horizon"] = .string((sample.now + .seconds(Int.random(in: -90_000...90_000, using: &random))).description)
                $0["period"] = .object(period)
            }
        case .proofEdited, .proofShortened:
            try parts.edit("log/nodes.json") { members in
                var nodes = members["nodes"]!.array!
                let index = nodes.indices.randomElement(using: &random)!
                if self == .proofShortened {
                    if Bool.random(using: &random) { nodes.remove(at: index) } else { nodes.append(nodes[index]) }
                } else {
                    var node = nodes[index].array!
                    switch Int.random(in: 0...2, using: &random) {
                    case 0: node[0] = .integer((node[0].integer! + 1) % 64)
                    case 1: node[1] = .integer(node[1].integer! ^ 1)
                    default: node[2] = .string(Digest(of: [UInt8.random(in: 0...255, using: &random)]).description)
                    }
                    nodes[index] = .array(node)
                }
                members["nodes"] = .array(nodes)
            }
            try parts.relist(with: sample.central)
        case .leavesEdited:
            try parts.edit("log/leaves.json") { members in
                var statements = members["statements"]!.array!
                let index = statements.indices.randomElement(using: &random)!
                statements[index] = .integer(Int64.random(in: -1...60, using: &random) &* 2 + 1)
                if Bool.random(using: &random) { statements.swapAt(0, 2) }
                members["statements"] = .array(statements)
                let genuine = sample.subject.log.leaves.statements.map { JSONValue.integer($0) }
                if members["statements"] == .array(genuine) { members["statements"] = [] }
            }
            try parts.relist(with: sample.central)
        case .leavesSwapped:
            try parts.edit("log/leaves.json") { members in
                var appliances = members["appliances"]!.array!
                var runs = appliances[0]["runs"]!.array!
                let (one, two) = (runs[0].array!, runs[1].array!)
                runs[0] = .array([one[0], two[1], one[2]])
                runs[1] = .array([two[0], one[1], two[2]])
                appliances[0] = ["appliance": appliances[0]["appliance"]!, "runs": .array(runs)]
                members["appliances"] = .array(appliances)
            }
            try parts.relist(with: sample.central)
        case .checkpointReplaced:
            // Another history, well signed by the log; no witness has seen it.
            let other = try Checkpoint(
                origin: "log.example/1", size: Int64.random(in: 0...90, using: &random) + 1,
                root: LogHash(Digest(of: [UInt8.random(in: 0...255, using: &random)])))
            let log = try NoteSigner(name: "log.example/1", key: sample.logKey)
            let witness = try NoteSigner(name: "witness.example", algorithm: .cosignature, key: sample.witnessKey)
            let signers = Bool.random(using: &random) ? [log] : [log, witness]
            parts["log/checkpoint"] = try SignedNote(text: other.text, signers: signers, at: sample.now).bytes
            try parts.relist(with: sample.central)
        case .checkpointEdited:
            parts["log/checkpoint"] = flip(parts["log/checkpoint"]!, using: &random)
            try parts.relist(with: sample.central)
        case .otherLogKey:
            let other = try NoteVerifier(name: "log.example/1", key: SigningKey().verifyingKey).text
            try parts.edit("log/witnesses.json") { $0["log"] = .string(other) }
            try parts.relist(with: sample.central) { $0["log"] = ["key": .string(other)] }
        case .cosignatureDropped, .cosignatureForged:
            var lines = String(decoding: parts["log/checkpoint"]!, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
            if self == .cosignatureDropped {
                lines.remove(at: lines.count - 2)
            } else {
                let stranger = try NoteSigner(name: "witness.example", algorithm: .cosignature, key: SigningKey())
                lines[lines.count - 2] = stranger.sign(Array("other".utf8), at: sample.now).line.dropLast()
            }
            parts["log/checkpoint"] = Array(lines.joined(separator: "\n").utf8)
            try parts.relist(with: sample.central)
        case .witnessesEdited:
            try parts.edit("log/witnesses.json") { members in
                members["quorum"] = [2, -1, JSONValue.number(1.5), "1", nil].randomElement(using: &random)!
            }
            try parts.relist(with: sample.central)
        case .statementRemoved:
            parts[KitPath.statement(Int.random(in: 1...4, using: &random))] = nil
            try parts.relist(with: sample.central)
        case .statementEdited:
            try parts.reseal(KitPath.statement(Int.random(in: 1...4, using: &random)), with: sample.receiptKey) { members in
                members["issued"] = .string((sample.now + .seconds(86_400 * 20)).description)
            }
            try parts.relist(with: sample.central)
        case .statementForged:
            let stranger = Bool.random(using: &random) ? SigningKey() : sample.evidenceKey
            try parts.reseal(KitPath.statement(Int.random(in: 1...4, using: &random)), with: stranger) { _ in }
            try parts.relist(with: sample.central)
        case .statementsSwapped:
            let names = [KitPath.statement(1), KitPath.statement(2)]
            (parts[names[0]], parts[names[1]]) = (parts[names[1]], parts[names[0]])
            try parts.relist(with: sample.central)
        case .exceptionUnended, .exceptionEndMoved:
            // The later statement of the same name ends the first one early; no longer, or at another time.
            try parts.reseal(KitPath.statement(2), with: sample.receiptKey) { members in
                if self == .exceptionUnended {
                    members["id"] = "another"
                } else {
                    let hours = [-30, -13, -12, -1, 1, 2, 6, 11, 13, 30].randomElement(using: &random)!
                    let end = Timestamp(members["issued"]!.string!)! + .seconds(3_600 * hours)
                    members["issued"] = .string(end.description)
                }
            }
            try parts.relist(with: sample.central)
        case .statementsReordered:
            // Each in its place of the log, and numbered the other way round: what ended would begin again.
            let names = [KitPath.statement(1), KitPath.statement(2)]
            (parts[names[0]], parts[names[1]]) = (parts[names[1]], parts[names[0]])
            try parts.edit("log/leaves.json") { members in
                var statements = members["statements"]!.array!
                statements.swapAt(0, 1)
                members["statements"] = .array(statements)
            }
            try parts.relist(with: sample.central)
        case .personsAlike:
            let name = [" alice", "Alice", "ALICE  ", "", " ", "bo\u{202e}b"].randomElement(using: &random)!
            try parts.reseal(KitPath.statement(1), with: sample.receiptKey) { $0["approvedBy"] = .string(name) }
            try parts.relist(with: sample.central)
        case .horizonEarly:
            try parts.relist(with: sample.central) {
                var period = $0["period"]!.object!
                let from = Timestamp(period["from"]!.string!)!
                let hours = [-100_000_000, -1, 0, 1, 30, 70].randomElement(using: &random)!
                period["horizon"] = hours < -1 ? "0000-01-01T00:00:00.000Z" : .string((from + .seconds(3_600 * hours)).description)
                $0["period"] = .object(period)
            }
        case .secondKey:
            let forger = SigningKey()
            parts["keys/\(forger.id).pub"] = Array(forger.verifyingKey.pem.utf8)
            parts[signature] = forger.sign(parts[name]!)
            try parts.editAppliance(0, with: sample.central) {
                $0["keys"] = .array(
                    $0["keys"]!.array! + [
                        ["id": .string(forger.id.description), "validFrom": .string(sample.now.description), "validUntil": nil]
                    ])
            }
        case .witnessTwice, .cosignedAtAnotherTime:
            let isTwice = self == .witnessTwice
            let log = try NoteSigner(name: "log.example/1", key: sample.logKey)
            let key = isTwice && Bool.random(using: &random) ? sample.logKey : sample.witnessKey
            let names = isTwice ? ["auditor.example", "university.example"] : ["witness.example"]
            let signers = try names.map { try NoteSigner(name: $0, algorithm: .cosignature, key: key) }
            let text = try SignedNote(parts["log/checkpoint"]!).text
            let times: [Int64] = isTwice ? [sample.subject.period.horizon.milliseconds] : [0, 9_000_000_000_000, 250_000_000_000_000]
            let instant = Timestamp(milliseconds: times.randomElement(using: &random)!)
            parts["log/checkpoint"] = try SignedNote(text: text, signers: [log] + signers, at: instant).bytes
            try parts.edit("log/witnesses.json") {
                $0["witnesses"] = .array(signers.map { .string($0.verifier.text) })
                $0["quorum"] = .integer(Int64(names.count))
            }
            try parts.relist(with: sample.central)
        case .priorInvented, .priorLate, .priorForAnother:
            try parts.relist(with: sample.central) {
                var prior = $0["prior"]!.array!
                var entry = prior[0].object!
                switch self {
                case .priorInvented:
                    entry["expected"] = [["check": "linux.ssh.hardening", "intervalSeconds": 31_622_400, "staleAfterSeconds": 31_622_400]]
                case .priorLate: entry["effective"] = .string((sample.now + .seconds(86_400 * 11)).description)
                default: entry["host"] = "front-desk"
                }
                prior[0] = .object(entry)
                $0["prior"] = .array(prior)
            }
        case .priorUnsigned:
            for file in parts.files.map(\.name) where file.hasPrefix("prior/") { parts[file] = nil }
            try parts.relist(with: sample.central)
        case .receiptDropped:
            parts[parts.receiptNames[0]] = nil
            try parts.relist(with: sample.central)
        case .namesForged:
            let text = ["a\nresult        everything verified\u{1b}[8m", "\u{202e}desrever", "\u{85}", "caf\u{e9}", "a\u{0}b"]
                .randomElement(using: &random)!
            let isName = text != "caf\u{e9}" && Bool.random(using: &random)
            try parts.relist(with: sample.central) { members in
                if isName {
                    members["organization"] = ["id": members["organization"]!["id"]!, "name": .string(text)]
                } else {
                    var controls = members["controls"]!.array!
                    controls[0] = [
                        "checks": controls[0]["checks"]!, "control": .string(text), "framework": controls[0]["framework"]!,
                    ]
                    members["controls"] = .array(controls)
                }
            }
        case .gapNamedByHand:
            // Names that objects of a language may have by themselves.
            let code = ["constructor", "toString", "valueOf", "hasOwnProperty"].randomElement(using: &random)!
            try parts.rechain(from: 7, of: sample) {
                var outcome = $0["outcome"]!.object!
                outcome["code"] = .string(code)
                $0["outcome"] = .object(outcome)
            }
        case .checksumEdited:
            return edit(original.packed(), field: 14, to: (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) })
        case .nonsense:
            let files = ["log/leaves.json", "log/nodes.json", "log/witnesses.json", "manifest.json"]
            let file = files.randomElement(using: &random)!
            if file == "manifest.json" {
                try parts.relist(with: sample.central) { $0 = nonsense(.object($0), using: &random).object ?? [:] }
            } else {
                let value = try JSONValue(parsing: parts[file]!, limits: JSONLimits(bytesMax: 1 << 24))
                parts[file] = try nonsense(value, using: &random).canonicalBytes()
                try parts.relist(with: sample.central)
            }
        case .nonsenseInside:
            if Bool.random(using: &random) {
                let file = (parts.receiptNames + (1...4).map(KitPath.statement)).randomElement(using: &random)!
                try parts.reseal(file, with: sample.receiptKey) { $0 = nonsense(.object($0), using: &random).object ?? [:] }
            } else {
                var value = try JSONValue(parsing: parts[name]!, limits: JSONLimits(bytesMax: 1 << 20))
                for _ in 0..<Int.random(in: 1...2, using: &random) { value = nonsense(value, using: &random) }
                let bytes = try value.canonicalBytes()
                parts[name] = bytes
                parts[signature] = sample.evidenceKey.sign(bytes)
            }
            try parts.relist(with: sample.central)
        case .flippedBit:
            return flip(original.packed(), using: &random)
        case .truncated:
            let bytes = parts.packed()
            return Array(bytes[..<Int.random(in: 0..<bytes.count, using: &random)])
        case .appended: return parts.packed() + [UInt8](repeating: 0, count: Int.random(in: 1...100, using: &random))
        case .reordered:
            var files = parts.collapsed
            files.swapAt(3, Int.random(in: 4..<files.count, using: &random))
            return KitParts.packed(files)
        case .duplicate:
            var files = parts.collapsed
            let index = files.indices.randomElement(using: &random)!
            files.insert((files[index].name, [1]), at: index + Int.random(in: 0...1, using: &random))
            return KitParts.packed(files)
        case .cutChunk, .longChunk, .emptyChunk:
            var files = parts.collapsed
            let index = files.firstIndex { $0.name.hasSuffix(".jsonl") }!
            switch self {
            case .cutChunk: files[index].bytes.removeLast(Int.random(in: 1...200, using: &random))
            case .longChunk: files[index].bytes += [UInt8](repeating: 10, count: Int.random(in: 1...2_000, using: &random))
            default: (files[index].bytes, files[index + 1].bytes) = ([], [])
            }
            return try parts.relisted(files, with: sample.central)
        case .traversal:
            parts[["../etc/passwd", "bundles/../../x", "a//b", "./x", "keys/..", "x/", "a\\b", "é"].randomElement(using: &random)!] = [1]
        case .absolute: parts["/etc/passwd"] = [1]
        case .bomb: return edit(parts.packed(), field: 20, to: [0xff, 0xff, 0xff, 0x7f])
        case .compressed: return edit(parts.packed(), field: 8, to: [8, 0])
        case .noise: return (0..<Int.random(in: 0...2_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        return parts.packed()
    }

    /// May leave everything as good as it was: what matters is that readers agree.
    var mayBeHarmless: Bool {
        switch self {
        case .nonsense, .nonsenseInside, .horizonMoved, .gapHidden: true
        default: false
        }
    }
}
