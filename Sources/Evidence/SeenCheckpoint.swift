import Seal

/// A signed checkpoint of a transparency log as an appliance was shown it, with the log's own signatures alone.
///
/// Of one form, in which nothing is said but numbers: so it stands in evidence as it is, and no scrubber may touch it. Whether the signature
/// is the log's is for who has its key to say. `docs/formats/evidence.md`.
package struct SeenCheckpoint: Hashable, Sendable {
    package static let bytesMax = 2_048
    /// In one bundle: what was cosigned and what was refused.
    package static let countMax = 2
    private static let signaturesMax = 2
    /// The four bytes of a key's hash and 64 of Ed25519.
    private static let signatureBytes = 68

    package let text: String
    /// Entries of the log, at most 2^53 - 1.
    package let size: Int64

    /// nil unless it is origin, size and root, and below them one or two signatures by a key of the origin's name.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.bytesMax else { return nil }
        let lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
        guard (6...(5 + Self.signaturesMax)).contains(lines.count), lines[3].isEmpty, lines[lines.count - 1].isEmpty else { return nil }
        let origin = lines[0]
        guard (1...200).contains(origin.count), origin.allSatisfy({ (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "+") }) else {
            return nil
        }
        guard (1...16).contains(lines[1].count), lines[1].allSatisfy({ (48...57).contains($0) }), lines[1] == [48] || lines[1][0] != 48,
            let size = Int64(String(decoding: lines[1], as: UTF8.self)), size <= JSONValue.greatestInteger,
            [UInt8](base64: String(decoding: lines[2], as: UTF8.self))?.count == 32
        else { return nil }
        let prefix = Array("\u{2014} ".utf8) + origin + [0x20]
        for line in lines[4..<(lines.count - 1)] {
            guard line.starts(with: prefix),
                [UInt8](base64: String(decoding: line.dropFirst(prefix.count), as: UTF8.self))?.count == Self.signatureBytes
            else { return nil }
        }
        self.text = text
        self.size = size
    }

    /// Without what others have signed; nil for what is no such checkpoint.
    package init?(note: String) {
        let lines = note.utf8.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
        guard lines.count >= 6 else { return nil }
        let prefix = Array("\u{2014} ".utf8) + lines[0] + [0x20]
        let kept = lines[..<4] + lines[4...].filter { $0.starts(with: prefix) }.prefix(Self.signaturesMax)
        self.init(kept.map { String(decoding: $0, as: UTF8.self) + "\n" }.joined())
    }
}
