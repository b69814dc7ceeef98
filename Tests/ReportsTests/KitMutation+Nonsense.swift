import Model
import Seal
import TestSupport

@testable import Reports

/// What anybody can do to bytes and values.
extension KitMutation {
    /// One value somewhere in it replaced, removed, added or moved.
    func nonsense(_ value: JSONValue, using random: inout SeededGenerator) -> JSONValue {
        let values: [JSONValue] = [
            .null, true, false, "", "x", -1, 0, 1, 7, 39, 40, 9_007_199_254_740_991, .number(1.5), .number(1e300), [], [[]], [:], "\u{e9}",
            "gap.silent",
            "2026-11-18T00:00:00.000Z", "2026-11-19T00:00:00.000Z", "0000-02-29T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
            "2026-02-29T00:00:00.000Z", "linux.ssh.hardening", "front-desk", "records", "martlet.gap/v1", "martlet.exception/v1",
            "martlet.x",
            "compliant", "drift", "success", "verdict", "healing", "gap", "expectation", .string(Digest.genesis.description),
        ]
        switch value {
        case .object(var members) where !members.isEmpty && Int.random(in: 0...6, using: &random) > 0:
            let key = members.keys.sorted().randomElement(using: &random)!
            if Int.random(in: 0...9, using: &random) == 0 {
                members[key] = nil
            } else {
                members[key] = nonsense(members[key]!, using: &random)
            }
            return .object(members)
        case .array(var items) where !items.isEmpty && Int.random(in: 0...6, using: &random) > 0:
            let index = items.indices.randomElement(using: &random)!
            switch Int.random(in: 0...9, using: &random) {
            case 0: items.remove(at: index)
            case 1: items.append(items[index])
            case 2: items.swapAt(index, items.startIndex)
            default: items[index] = nonsense(items[index], using: &random)
            }
            return .array(items)
        case .integer(let number) where Bool.random(using: &random): return .integer(max(-JSONValue.greatestInteger, number - 1))
        default: return values.randomElement(using: &random)!
        }
    }

    func flip(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
        return bytes
    }

    /// Changes one field of the first entry, before its data and in the directory (there 2 bytes further on).
    func edit(_ bytes: [UInt8], field: Int, to value: [UInt8]) -> [UInt8] {
        var bytes = bytes
        let directory = Int(bytes[bytes.count - 6]) | Int(bytes[bytes.count - 5]) << 8 | Int(bytes[bytes.count - 4]) << 16
        for (start, shift) in [(0, 0), (directory, 2)] {
            for (index, byte) in value.enumerated() { bytes[start + field + shift + index] = byte }
        }
        return bytes
    }
}
