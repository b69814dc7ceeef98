import Seal
import TestSupport

extension JSONValue {
    static func random(depth: Int, using random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .boolean(.random(using: &random))
        case 2: return .integer(.random(in: -JSONValue.greatestInteger...JSONValue.greatestInteger, using: &random))
        // A fraction: whole numbers read back as integers.
        case 3: return .number(Double(Int.random(in: -1_000_000...1_000_000, using: &random)) + 0.5)
        case 4, 5: return .string(randomText(using: &random))
        case 6: return .array((0..<Int.random(in: 0...5, using: &random)).map { _ in Self.random(depth: depth - 1, using: &random) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                members[randomText(using: &random)] = Self.random(depth: depth - 1, using: &random)
            }
            return .object(members)
        }
    }

    static func randomText(using random: inout SeededGenerator) -> String {
        let pieces = ["a", "B", "7", "\"", "\\", "\n", "\u{1}", "\u{7f}", "é", "€", "\u{fb33}", "😀", "/", " ", "\u{2028}"]
        return (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
    }
}
