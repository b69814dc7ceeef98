import Foundation

/// What somebody would do who wants a kit to say something else.
enum KitDamage {
    /// Copies the kit with one byte of one stored bundle changed.
    /// - Returns: the copy, and the name of the file that was changed, without its ending.
    static func flipOneByte(of path: String, to copy: String) throws -> (path: String, entry: String) {
        var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        // A local file header: signature, 26 bytes of which the last four are the lengths of name and extra field, name, data.
        let signature: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
        var candidates: [(name: String, data: Range<Int>)] = []
        var offset = 0
        while offset + 30 < bytes.count, Array(bytes[offset..<offset + 4]) == signature {
            func number(_ at: Int, _ width: Int) -> Int { (0..<width).reduce(0) { $0 | Int(bytes[offset + at + $1]) << (8 * $1) } }
            let start = offset + 30 + number(26, 2) + number(28, 2)
            let size = number(18, 4)
            let name = String(decoding: bytes[offset + 30..<offset + 30 + number(26, 2)], as: UTF8.self)
            if name.hasSuffix(".jsonl") { candidates.append((name, start..<start + size)) }
            offset = start + size
        }
        guard !candidates.isEmpty else { throw DemoFailure("\(path) has no bundle that could be changed") }
        let chosen = candidates[candidates.count / 2]
        // A digit of a time, half-way through: still JSON, still plausible, no longer what was signed.
        let text = Array("\"ended\":\"".utf8)
        let half = chosen.data.lowerBound + chosen.data.count / 2
        guard let place = bytes[half..<chosen.data.upperBound].firstRange(of: text)?.upperBound else {
            throw DemoFailure("\(chosen.name) has no time")
        }
        bytes[place + 3] = bytes[place + 3] == 54 ? 53 : 54
        try Data(bytes).write(to: URL(filePath: copy))
        return (copy, String(chosen.name.dropLast(".jsonl".count)))
    }
}
