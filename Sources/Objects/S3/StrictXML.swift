/// The part of XML that S3 servers answer with: elements, text, the five named and the numbered characters.
///
/// No document type, so no entities to expand; no CDATA, comments or instructions either, which no S3 server sends. Attributes and prefixes
/// are passed over. One pass over the bytes, bounded by the limits. Foundation's parser would bring libxml2, with all that it can do.
package struct StrictXML {
    package struct Element: Sendable {
        /// Without its prefix.
        package let name: String
        /// All text directly inside, references resolved.
        package fileprivate(set) var text = ""
        package fileprivate(set) var children: [Element] = []

        package subscript(_ name: String) -> Element? { children.first { $0.name == name } }
        package func all(_ name: String) -> [Element] { children.filter { $0.name == name } }
    }

    package struct Limits: Sendable {
        package var depthMax = 16
        package var elementsMax = 50_000
        package init(depthMax: Int = 16, elementsMax: Int = 50_000) {
            self.depthMax = depthMax
            self.elementsMax = elementsMax
        }
    }

    /// What is not taken, and at which byte.
    package struct Fault: Error, Hashable, Sendable {
        package let what: String
        package let offset: Int
    }

    private let bytes: [UInt8]
    private let limits: Limits
    private var position = 0
    private var elementCount = 0

    package static func parse(_ bytes: [UInt8], limits: Limits = Limits()) throws(Fault) -> Element {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw Fault(what: "not UTF-8", offset: 0) }
        var reader = StrictXML(bytes: bytes, limits: limits)
        return try reader.document()
    }

    private init(bytes: [UInt8], limits: Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    private mutating func document() throws(Fault) -> Element {
        _ = take("\u{feff}")
        if take("<?xml") {
            while !take("?>") {
                guard position < bytes.count, bytes[position] != UInt8(ascii: "<") else { throw fault("declaration without end") }
                position += 1
            }
        }
        skipSpace()
        guard take("<") else { throw fault("no element") }
        let root = try element(depth: 1)
        skipSpace()
        guard position == bytes.count else { throw fault("more than one element") }
        return root
    }

    /// After its `<`.
    private mutating func element(depth: Int) throws(Fault) -> Element {
        elementCount += 1
        guard depth <= limits.depthMax else { throw fault("nested deeper than \(limits.depthMax)") }
        guard elementCount <= limits.elementsMax else { throw fault("more than \(limits.elementsMax) elements") }
        let fullName = try name()
        var made = Element(name: fullName.split(separator: ":").last.map(String.init) ?? fullName)
        if try attributes() { return made }
        var text: [UInt8] = []
        while true {
            guard position < bytes.count else { throw fault("<\(fullName)> without end") }
            switch bytes[position] {
            case UInt8(ascii: "<"):
                position += 1
                if take("/") {
                    guard try name() == fullName else { throw fault("<\(fullName)> closed by another name") }
                    skipSpace()
                    guard take(">") else { throw fault("closing tag without end") }
                    made.text = String(decoding: text, as: UTF8.self)
                    return made
                }
                made.children.append(try element(depth: depth + 1))
            case UInt8(ascii: "&"):
                position += 1
                text += String(try reference()).utf8
            case let byte:
                guard byte >= 32 || byte == 9 || byte == 10 || byte == 13 else { throw fault("control character") }
                text.append(byte)
                position += 1
            }
        }
    }

    /// - Returns: whether the element is empty (`/>`).
    private mutating func attributes() throws(Fault) -> Bool {
        while true {
            let hadSpace = skipSpace()
            if take("/>") { return true }
            if take(">") { return false }
            guard hadSpace else { throw fault("no white space before an attribute") }
            _ = try name()
            guard take("="), position < bytes.count else { throw fault("attribute without value") }
            let quote = bytes[position]
            guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { throw fault("attribute without quotes") }
            repeat {
                position += 1
                guard position < bytes.count, bytes[position] != UInt8(ascii: "<") else { throw fault("attribute without end") }
            } while bytes[position] != quote
            position += 1
        }
    }

    private mutating func name() throws(Fault) -> String {
        let start = position
        scan: while position < bytes.count, position - start < 100 {
            switch bytes[position] {
            case 65...90, 97...122, UInt8(ascii: "_"): position += 1
            case 48...57, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"):
                guard position > start else { break scan }
                position += 1
            default: break scan
            }
        }
        guard position > start else { throw fault("no name") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// After its `&`.
    private mutating func reference() throws(Fault) -> Character {
        for (text, character): (String, Character) in [("lt;", "<"), ("gt;", ">"), ("amp;", "&"), ("quot;", "\""), ("apos;", "'")]
        where take(text) { return character }
        guard take("#") else { throw fault("unknown reference") }
        let radix: UInt32 = take("x") ? 16 : 10
        var value: UInt32 = 0
        var digits = 0
        while position < bytes.count, bytes[position] != UInt8(ascii: ";") {
            guard digits < 7, let digit = Character(UnicodeScalar(bytes[position])).hexDigitValue, digit < radix else {
                throw fault("unknown reference")
            }
            value = value * radix + UInt32(digit)
            digits += 1
            position += 1
        }
        guard take(";"), digits > 0, let scalar = UnicodeScalar(value), value >= 32 || value == 9 || value == 10 || value == 13 else {
            throw fault("unknown reference")
        }
        return Character(scalar)
    }

    private mutating func take(_ text: String) -> Bool {
        let wanted = text.utf8
        guard bytes.count - position >= wanted.count, bytes[position..<position + wanted.count].elementsEqual(wanted) else { return false }
        position += wanted.count
        return true
    }

    @discardableResult
    private mutating func skipSpace() -> Bool {
        let start = position
        while position < bytes.count, [9, 10, 13, 32].contains(bytes[position]) { position += 1 }
        return position > start
    }

    private func fault(_ what: String) -> Fault { Fault(what: what, offset: position) }
}
