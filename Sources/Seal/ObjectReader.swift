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

/// Reads typed members out of one JSON object, each with its limit. An absent member and `null` are the same.
package struct ObjectReader {
    /// One value in it: itself, or a node of `tape`.
    private enum Element {
        case value(JSONValue)
        case node(Int)
    }

    /// The object is in `members`, or node `object` of `tape` where there is one.
    private let members: [String: JSONValue]
    private let tape: JSONTape?
    private let object: Int
    private let parent: String
    /// Position in the list at `parent`; put into words only when a message needs it.
    private let index: Int?

    package init(_ value: JSONValue, at path: String = "") throws(FieldError) {
        try self.init(.value(value), in: nil, at: path, index: nil)
    }

    /// A whole document, without making a `JSONValue` of it.
    package init(_ tape: JSONTape) throws(FieldError) { try self.init(.node(0), in: tape, at: "", index: nil) }

    private init(_ element: Element, in tape: JSONTape?, at parent: String, index: Int?) throws(FieldError) {
        self.parent = parent
        self.index = index
        self.tape = tape
        switch element {
        case .value(.object(let members)): (self.members, object) = (members, 0)
        case .node(let node) where tape?.kind(of: node) == .object: (members, object) = ([:], node)
        default: throw .wrongType(parent.isEmpty ? "(whole)" : index.map { "\(parent)[\($0)]" } ?? parent, expected: "an object")
        }
    }

    package func path(_ key: String) -> String {
        if let index { return "\(parent)[\(index)].\(key)" }
        return parent.isEmpty ? key : "\(parent).\(key)"
    }

    package func has(_ key: String) -> Bool { element(key) != nil }

    package func optional(_ key: String) -> JSONValue? { element(key).map(value) }

    package func required(_ key: String) throws(FieldError) -> JSONValue { value(try requiredElement(key)) }

    private func element(_ key: String) -> Element? {
        if let tape {
            guard let node = tape.member(key, of: object), tape.kind(of: node) != .null else { return nil }
            return .node(node)
        }
        guard let value = members[key] else { return nil }
        if case .null = value { return nil }
        return .value(value)
    }

    private func requiredElement(_ key: String) throws(FieldError) -> Element {
        guard let element = element(key) else { throw .missing(path(key)) }
        return element
    }

    private func value(_ element: Element) -> JSONValue {
        switch element {
        case .value(let value): value
        case .node(let node): tape!.value(at: node)
        }
    }

    /// The number of members.
    package var count: Int { tape?.count(of: object) ?? members.count }

    /// Names of all members.
    package var keys: [String] {
        if let tape { return tape.names(of: object).map { tape.string(at: $0)! } }
        return Array(members.keys)
    }

    /// All members.
    package var all: [(key: String, value: JSONValue)] {
        if let tape { return tape.names(of: object).map { (tape.string(at: $0)!, tape.value(at: $0 + 1)) } }
        return members.map { ($0.key, $0.value) }
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
        case .node(let node): text = tape!.string(at: node)
        }
        guard let text else { throw .wrongType(path(key), expected: "a string") }
        guard text.utf8.count <= bytesMax else { throw .outOfRange(path(key), expected: "at most \(bytesMax) bytes") }
        return text
    }

    package func integer(
        _ key: String, in range: ClosedRange<Int64> = -JSONValue.greatestInteger...JSONValue.greatestInteger
    ) throws(FieldError) -> Int64 {
        guard let number = try required(key).integer else { throw .wrongType(path(key), expected: "an integer") }
        guard range.contains(number) else {
            throw .outOfRange(path(key), expected: "within \(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    package func optionalInteger(
        _ key: String, in range: ClosedRange<Int64> = -JSONValue.greatestInteger...JSONValue.greatestInteger
    ) throws(FieldError) -> Int64? {
        element(key) == nil ? nil : try integer(key, in: range)
    }

    package func boolean(_ key: String) throws(FieldError) -> Bool {
        guard let flag = try required(key).boolean else { throw .wrongType(path(key), expected: "true or false") }
        return flag
    }

    package func instant(_ key: String) throws(FieldError) -> Timestamp {
        guard let instant = Timestamp(try string(key, bytesMax: 24)) else {
            throw .outOfRange(path(key), expected: "an instant such as 2026-01-31T09:30:00.000Z")
        }
        return instant
    }

    package func optionalInstant(_ key: String) throws(FieldError) -> Timestamp? {
        element(key) == nil ? nil : try instant(key)
    }

    /// An identifier, name, digest or anything else that has one text.
    package func parsed<Value: LosslessStringConvertible>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value {
        guard let value = try optionalParsed(key, as: type) else { throw .missing(path(key)) }
        return value
    }

    package func optionalParsed<Value: LosslessStringConvertible>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(FieldError) -> Value? {
        guard let text = try optionalString(key, bytesMax: 200) else { return nil }
        guard let value = Value(text) else { throw .outOfRange(path(key), expected: "a well-formed \(type)") }
        return value
    }

    /// A word of a closed set.
    package func word<Value: RawRepresentable<String>>(_ key: String, as type: Value.Type = Value.self) throws(FieldError) -> Value {
        guard let value = Value(rawValue: try string(key, bytesMax: 100)) else {
            throw .outOfRange(path(key), expected: "one of the words for \(type)")
        }
        return value
    }

    package func optionalWord<Value: RawRepresentable<String>>(
        _ key: String, as type: Value.Type = Value.self
    ) throws(FieldError) -> Value? {
        element(key) == nil ? nil : try word(key, as: type)
    }

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

    /// Objects of an array, each with its own reader.
    package func objects(_ key: String, countMax: Int) throws(FieldError) -> [ObjectReader] {
        let element = try requiredElement(key)
        let items: [Element]
        switch element {
        case .value(.array(let values)): items = values.map { .value($0) }
        case .node(let node) where tape?.kind(of: node) == .array: items = tape!.items(of: node).map { .node($0) }
        default: throw .wrongType(path(key), expected: "an array")
        }
        guard items.count <= countMax else { throw .outOfRange(path(key), expected: "at most \(countMax) items") }
        let path = path(key)
        var readers: [ObjectReader] = []
        readers.reserveCapacity(items.count)
        for (index, item) in items.enumerated() { readers.append(try ObjectReader(item, in: tape, at: path, index: index)) }
        return readers
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
        try ObjectReader(requiredElement(key), in: tape, at: path(key), index: nil)
    }
}
