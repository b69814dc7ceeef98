package import Model

/// Why a JSON object from outside is not the message it should be.
package enum FieldError: Error, Hashable, Sendable {
    case missing(String)
    case wrongType(String, expected: String)
    case outOfRange(String, expected: String)
    case unknown(String)

    package var code: String {
        switch self {
        case .missing: "field.missing"
        case .wrongType: "field.type"
        case .outOfRange: "field.value"
        case .unknown: "field.unknown"
        }
    }

    package var message: String {
        switch self {
        case .missing(let path): "field \(path) is missing; nothing was taken."
        case .wrongType(let path, let expected): "field \(path) is not \(expected); nothing was taken."
        case .outOfRange(let path, let expected): "field \(path) is not \(expected); nothing was taken."
        case .unknown(let path): "field \(path) is not known here; nothing was taken."
        }
    }
}

/// The name behind the member that was read last.
private final class Cursor {
    var name: Int?
}

/// Reads typed members out of one JSON object, each with its limit. An absent member and `null` are the same.
package struct ObjectReader {
    /// One value in it: itself, or a node of `tape`.
    enum Element {
        case value(JSONValue)
        case node(Int)
    }

    /// The object's members; nil where it is node `object` of `tape`.
    private let members: [String: JSONValue]?
    private let tape: JSONTape
    private let object: Int
    /// Only of a whole document: records have dozens of members.
    private let cursor: Cursor?
    /// Where the object stands; empty where it is on a tape, which tells it when a message needs it.
    private let place: String

    package init(_ value: JSONValue, at path: String = "") throws(FieldError) {
        try self.init(.value(value), in: .null, at: path)
    }

    /// A whole document, without making a `JSONValue` of it.
    package init(_ tape: JSONTape) throws(FieldError) {
        try self.init(.node(0), in: tape, at: "", cursor: Cursor())
    }

    private init(
        _ element: Element, in tape: JSONTape, at place: @autoclosure () -> String, cursor: Cursor? = nil
    ) throws(FieldError) {
        switch element {
        case .value(.object(let members)): (self.members, object, self.place) = (members, 0, place())
        case .node(let node) where tape.kind(of: node) == .object: (members, object, self.place) = (nil, node, "")
        case .value: throw Self.noObject(place())
        case .node(let node): throw Self.noObject(tape.path(of: node))
        }
        self.cursor = cursor
        self.tape = tape
    }

    private static func noObject(_ path: String) -> FieldError { .wrongType(path.isEmpty ? "(whole)" : path, expected: "an object") }

    /// The object's own path; empty for a whole document.
    private var here: String { members == nil ? tape.path(of: object) : place }

    package func path(_ key: String) -> String {
        let here = here
        return here.isEmpty ? key : "\(here).\(key)"
    }

    package func has(_ key: String) -> Bool { element(key) != nil }

    package func optional(_ key: String) -> JSONValue? { element(key).map(value) }

    package func required(_ key: String) throws(FieldError) -> JSONValue { value(try requiredElement(key)) }

    private func element(_ key: String) -> Element? {
        guard let members else { return node(key).map { .node($0) } }
        guard let value = members[key] else { return nil }
        if case .null = value { return nil }
        return .value(value)
    }

    private func node(_ key: String) -> Int? {
        guard let node = tape.member(key, of: object, from: cursor?.name) else { return nil }
        cursor?.name = tape.next(after: node - 1)
        return tape.kind(of: node) == .null ? nil : node
    }

    private func requiredElement(_ key: String) throws(FieldError) -> Element {
        guard let element = element(key) else { throw .missing(path(key)) }
        return element
    }

    func value(_ element: Element) -> JSONValue {
        switch element {
        case .value(let value): value
        case .node(let node): tape.value(at: node)
        }
    }

    /// The number of members.
    package var count: Int { members?.count ?? tape.count(of: object) }

    /// Names of all members.
    package var keys: [String] {
        members.map { Array($0.keys) } ?? tape.names(of: object).map { tape.string(at: $0)! }
    }

    /// All members.
    package var all: [(key: String, value: JSONValue)] {
        members?.map { ($0.key, $0.value) } ?? tape.names(of: object).map { (tape.string(at: $0)!, tape.value(at: $0 + 1)) }
    }

    /// Calls `body` with each member: its name as text, and what it is for `value(_:)`.
    func forEachMember(_ body: (String, Element) throws(FieldError) -> Void) throws(FieldError) {
        if let members {
            for (name, value) in members { try body(name, .value(value)) }
            return
        }
        var name = object + 1
        let end = tape.next(after: object)
        while name < end {
            try body(tape.string(at: name)!, .node(name + 1))
            name = tape.next(after: name)
        }
    }

    /// For messages in which an unknown member could mean a condition that we would ignore.
    package func refuseUnknown(except known: Set<String>) throws(FieldError) {
        if let stranger = keys.filter({ !known.contains($0) }).min() { throw .unknown(path(stranger)) }
    }

    package func string(_ key: String, bytesMax: Int) throws(FieldError) -> String {
        try text(requiredElement(key), key, bytesMax: bytesMax)
    }

    package func optionalString(_ key: String, bytesMax: Int) throws(FieldError) -> String? {
        guard let element = element(key) else { return nil }
        return try text(element, key, bytesMax: bytesMax)
    }

    private func text(_ element: Element, _ key: String, bytesMax: Int) throws(FieldError) -> String {
        let text: String?
        switch element {
        case .value(let value): text = value.string
        case .node(let node): text = tape.string(at: node)
        }
        guard let text else { throw .wrongType(path(key), expected: "a string") }
        guard text.utf8.count <= bytesMax else { throw .outOfRange(path(key), expected: "at most \(bytesMax) bytes") }
        return text
    }

    package func integer(
        _ key: String, in range: ClosedRange<Int64> = -JSONValue.greatestInteger...JSONValue.greatestInteger
    ) throws(FieldError) -> Int64 {
        guard let number = try optionalInteger(key, in: range) else { throw .missing(path(key)) }
        return number
    }

    package func optionalInteger(
        _ key: String, in range: ClosedRange<Int64> = -JSONValue.greatestInteger...JSONValue.greatestInteger
    ) throws(FieldError) -> Int64? {
        guard let element = element(key) else { return nil }
        let integer: Int64?
        switch element {
        case .value(let value): integer = value.integer
        case .node(let node): integer = tape.integer(at: node)
        }
        guard let number = integer else { throw .wrongType(path(key), expected: "an integer") }
        guard range.contains(number) else {
            throw .outOfRange(path(key), expected: "within \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    package func boolean(_ key: String) throws(FieldError) -> Bool {
        guard let flag = try required(key).boolean else { throw .wrongType(path(key), expected: "true or false") }
        return flag
    }

    package func instant(_ key: String) throws(FieldError) -> Timestamp {
        guard let instant = try bytes(of: key, countMax: 24, Timestamp.init(utf8:)) else {
            throw .outOfRange(path(key), expected: "an instant such as 2026-01-31T09:30:00.000Z")
        }
        return instant
    }

    package func optionalInstant(_ key: String) throws(FieldError) -> Timestamp? {
        element(key) == nil ? nil : try instant(key)
    }

    package func digest(_ key: String) throws(FieldError) -> Digest {
        guard let digest = try bytes(of: key, countMax: 64, Digest.init(utf8:)) else {
            throw .outOfRange(path(key), expected: "a digest")
        }
        return digest
    }

    /// What `body` makes of a string's bytes, without making a `String` of them.
    private func bytes<Result>(
        of key: String, countMax: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result?
    ) throws(FieldError) -> Result? {
        guard members == nil else {
            var text = try string(key, bytesMax: countMax)
            return text.withUTF8(body)
        }
        guard let node = node(key) else { throw .missing(path(key)) }
        let read = tape.withText(at: node) { (isShort: $0.count <= countMax, result: $0.count <= countMax ? body($0) : nil) }
        guard let read else { throw .wrongType(path(key), expected: "a string") }
        guard read.isShort else { throw .outOfRange(path(key), expected: "at most \(countMax) bytes") }
        return read.result
    }

    /// An identifier, name or anything else that has one text.
    package func parsed<Value: LosslessStringConvertible>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value {
        guard let value = Value(try string(key, bytesMax: 200)) else { throw malformed(key, type) }
        return value
    }

    package func optionalParsed<Value: LosslessStringConvertible>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(FieldError) -> Value? {
        guard let text = try optionalString(key, bytesMax: 200) else { return nil }
        guard let value = Value(text) else { throw malformed(key, type) }
        return value
    }

    /// A word of a closed set.
    package func word<Value: RawRepresentable<String>>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value {
        guard let value = Value(rawValue: try string(key, bytesMax: 100)) else { throw strange(key, type) }
        return value
    }

    package func optionalWord<Value: RawRepresentable<String>>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(FieldError) -> Value? {
        guard let text = try optionalString(key, bytesMax: 100) else { return nil }
        guard let value = Value(rawValue: text) else { throw strange(key, type) }
        return value
    }

    package func malformed(_ key: String, _ type: Any.Type) -> FieldError { .outOfRange(path(key), expected: "a well-formed \(type)") }

    package func strange(_ key: String, _ type: Any.Type) -> FieldError { .outOfRange(path(key), expected: "one of the words for \(type)") }

    /// Base 64.
    package func bytes(_ key: String, count: ClosedRange<Int>) throws(FieldError) -> [UInt8] {
        guard let bytes = [UInt8](base64: try string(key, bytesMax: (count.upperBound + 2) / 3 * 4)) else {
            throw .outOfRange(path(key), expected: "base 64")
        }
        guard count.contains(bytes.count) else {
            throw .outOfRange(path(key), expected: "\(count.lowerBound)...\(count.upperBound) bytes")
        }
        return bytes
    }

    package func array(_ key: String, countMax: Int) throws(FieldError) -> [JSONValue] {
        guard let items = try required(key).array else { throw .wrongType(path(key), expected: "an array") }
        guard items.count <= countMax else { throw .outOfRange(path(key), expected: "at most \(countMax) items") }
        return items
    }

    /// How many items a list has; 0 where there is none.
    package func itemCount(_ key: String) -> Int {
        switch element(key) {
        case .value(.array(let values)): values.count
        case .node(let node) where tape.kind(of: node) == .array: tape.count(of: node)
        default: 0
        }
    }

    /// Objects of an array, each with its own reader.
    package func objects(_ key: String, countMax: Int) throws(FieldError) -> [ObjectReader] {
        var readers: [ObjectReader] = []
        try forEachObject(key, countMax: countMax) { (reader) in readers.append(reader) }
        return readers
    }

    /// Calls `body` with a reader for each of an array's objects.
    package func forEachObject(
        _ key: String, countMax: Int, _ body: (ObjectReader) throws(FieldError) -> Void
    ) throws(FieldError) {
        func limit(_ count: Int) throws(FieldError) {
            guard count <= countMax else { throw .outOfRange(path(key), expected: "at most \(countMax) items") }
        }
        switch try requiredElement(key) {
        case .value(.array(let values)):
            try limit(values.count)
            let list = path(key)
            for (index, value) in values.enumerated() { try body(ObjectReader(.value(value), in: tape, at: "\(list)[\(index)]")) }
        case .node(let list) where tape.kind(of: list) == .array:
            try limit(tape.count(of: list))
            let end = tape.next(after: list)
            var node = list + 1
            while node < end {
                try body(ObjectReader(.node(node), in: tape, at: ""))
                node = tape.next(after: node)
            }
        default: throw .wrongType(path(key), expected: "an array")
        }
    }

    package func strings(_ key: String, countMax: Int, bytesMax: Int) throws(FieldError) -> [String] {
        var texts: [String] = []
        for (index, item) in try array(key, countMax: countMax).enumerated() {
            guard let text = item.string else { throw .wrongType("\(path(key))[\(index)]", expected: "a string") }
            guard text.utf8.count <= bytesMax else {
                throw .outOfRange("\(path(key))[\(index)]", expected: "at most \(bytesMax) bytes")
            }
            texts.append(text)
        }
        return texts
    }

    package func object(_ key: String) throws(FieldError) -> ObjectReader {
        guard let object = try optionalObject(key) else { throw .missing(path(key)) }
        return object
    }

    package func optionalObject(_ key: String) throws(FieldError) -> ObjectReader? {
        guard let element = element(key) else { return nil }
        return try ObjectReader(element, in: tape, at: path(key))
    }
}
