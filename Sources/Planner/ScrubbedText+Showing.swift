package import Redaction

extension ScrubbedText {
    /// For people, where the words are a stranger's: printable ASCII without markup; everything else as `\u{...}`. At most `bytesMax` bytes.
    package func escaped(bytesMax: Int = 1_000) -> String {
        var text = ""
        for scalar in description.unicodeScalars {
            let isPlain = (32...126).contains(scalar.value) && !"<>&\"'`\\".unicodeScalars.contains(scalar)
            let piece = isPlain ? String(scalar) : "\\u{\(String(scalar.value, radix: 16))}"
            guard text.utf8.count + piece.utf8.count <= bytesMax else { break }
            text += piece
        }
        return text
    }

    /// Whole characters, at most `bytesMax` bytes of them; three dots say that there was more.
    func cut(bytesMax: Int) -> String {
        guard description.utf8.count > bytesMax else { return description }
        var text = ""
        var count = 0
        for scalar in description.unicodeScalars {
            count += String(scalar).utf8.count
            if count > bytesMax { break }
            text.unicodeScalars.append(scalar)
        }
        return text + "..."
    }
}
