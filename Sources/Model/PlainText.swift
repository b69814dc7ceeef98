/// What a text from outside may hold before it is printed, compared or signed.
extension StringProtocol {
    /// Neither controls nor what turns the direction of writing or ends a line: such a text could forge lines of a report.
    package var isPlain: Bool { unicodeScalars.allSatisfy(\.isPlain) }

    /// At least one of U+0020 to U+007E: one name in every version of Unicode.
    package var isPrintableASCII: Bool { !isEmpty && utf8.allSatisfy { (0x20...0x7e).contains($0) } }

    /// For a terminal: whatever is not plain as `\u{1b}`.
    package var printable: String {
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.isPlain {
                text.append(scalar)
            } else {
                text.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".unicodeScalars)
            }
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    fileprivate var isPlain: Bool {
        switch value {
        case 0x00...0x1f, 0x7f...0x9f, 0x61c, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069: false
        default: true
        }
    }
}
