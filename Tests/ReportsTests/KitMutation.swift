import Evidence
import Model
import Seal
import Wire

@testable import Reports

/// Ways to lie with a kit: from the outside, and as somebody who holds one of the keys.
enum KitMutation: CaseIterable {
    case droppedBundle, droppedSignature, droppedLast, droppedKey, swappedBundles, editedBundle, editedSignature, resignedBundle
    case otherSite, editedManifest, resignedManifest, editedReceipt, wrongReceiptHead, addedFile, strangeFile
    case cutChunk, longChunk, emptyChunk
    case insiderDrop, insiderReorder, insiderNonsense, insiderWrongHead, insiderLateKey, insiderLooseBundle, insiderShortened
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
        case .flippedBit:
            // The checksums that unpackers use are beside ours; every other bit counts.
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

    private func flip(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
        return bytes
    }

    /// Changes one field of the first entry, before its data and in the directory (there 2 bytes further on).
    private func edit(_ bytes: [UInt8], field: Int, to value: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let directory = Int(bytes[bytes.count - 6]) | Int(bytes[bytes.count - 5]) << 8 | Int(bytes[bytes.count - 4]) << 16
        for (start, shift) in [(0, 0), (directory, 2)] {
            for (index, byte) in value.enumerated() { bytes[start + field + shift + index] = byte }
        }
        return bytes
    }
}
