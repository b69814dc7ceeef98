/// One value inside of a parsed document, without making a `JSONValue` of it: for documents that are read once.
package struct JSONElement: Sendable {
    package enum Content: Sendable {
        case null
        case boolean(Bool)
        case integer(Int64)
        case number(Double)
        case string(String)
        case array(Items)
        case object(Members)
    }

    private let tape: JSONTape
    private let index: Int

    private init(_ tape: JSONTape, _ index: Int) {
        self.tape = tape
        self.index = index
    }

    /// The whole document; parses as `JSONTape` does.
    package init(parsing bytes: [UInt8], limits: JSONLimits) throws(JSONError) {
        var isCanonical = true
        try self.init(parsing: bytes, limits: limits, isCanonical: &isCanonical)
    }

    /// - Parameter isCanonical: whether the bytes are the canonical form of what they say.
    package init(parsing bytes: [UInt8], limits: JSONLimits, isCanonical: inout Bool) throws(JSONError) {
        self.init(try JSONTape(parsing: bytes, limits: limits, isCanonical: &isCanonical), 0)
    }

    package var content: Content {
        switch tape.kind(of: index) {
        case .null: .null
        case .boolean: .boolean(tape.boolean(at: index)!)
        case .integer: .integer(tape.integer(at: index)!)
        case .number: .number(tape.number(at: index)!)
        case .string, .text: .string(tape.string(at: index)!)
        case .array: .array(Items(tape: tape, index: index))
        case .object: .object(Members(tape: tape, index: index))
        }
    }

    package var value: JSONValue { tape.value(at: index) }

    /// nil where this is not an object, or has no such member.
    package subscript(_ key: String) -> JSONElement? {
        guard tape.kind(of: index) == .object else { return nil }
        return tape.member(key, of: index).map { JSONElement(tape, $0) }
    }

    /// nil where this is not an array.
    package var items: Items? { if case .array(let items) = content { items } else { nil } }

    /// Of an array, in order.
    package struct Items: Sequence, Sendable {
        fileprivate let tape: JSONTape
        fileprivate let index: Int

        package var count: Int { tape.count(of: index) }
        package var underestimatedCount: Int { count }

        package func makeIterator() -> some IteratorProtocol<JSONElement> {
            sequence(state: index + 1) { [tape, end = tape.next(after: index)] next -> JSONElement? in
                guard next < end else { return nil }
                defer { next = tape.next(after: next) }
                return JSONElement(tape, next)
            }
        }
    }

    /// Of an object, in the order of the document.
    package struct Members: Sequence, Sendable {
        fileprivate let tape: JSONTape
        fileprivate let index: Int

        package var count: Int { tape.count(of: index) }
        package var underestimatedCount: Int { count }

        package func makeIterator() -> some IteratorProtocol<(name: String, value: JSONElement)> {
            sequence(state: index + 1) { [tape, end = tape.next(after: index)] next -> (name: String, value: JSONElement)? in
                guard next < end else { return nil }
                defer { next = tape.next(after: next) }
                return (tape.string(at: next)!, JSONElement(tape, next + 1))
            }
        }
    }
}
