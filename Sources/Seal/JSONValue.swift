/// A JSON value as RFC 8785 sees it: numbers are IEEE 754 doubles, and integers are exact up to 2^53 - 1.
package enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// Always within ±(2^53 - 1): the parser yields `.number` beyond that, and the writer refuses.
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

extension JSONValue {
    /// 2^53 - 1.
    package static let greatestInteger: Int64 = 9_007_199_254_740_991

    package subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var integer: Int64? {
        guard case .integer(let number) = self else { return nil }
        return number
    }

    package var boolean: Bool? {
        guard case .boolean(let flag) = self else { return nil }
        return flag
    }

    package var array: [JSONValue]? {
        guard case .array(let items) = self else { return nil }
        return items
    }

    package var object: [String: JSONValue]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { $1 }))
    }
    package init(nilLiteral: ()) { self = .null }
}

/// What a reader of JSON from outside is willing to take.
package struct JSONLimits: Sendable {
    package var bytesMax: Int
    package var depthMax: Int
    package var keys: Keys

    /// Names of members.
    package enum Keys: Sendable {
        /// Any text, as RFC 8259 and RFC 8785 have it.
        case any
        /// U+0020 to U+007E. What counts as the same name outside of these depends on the reader's version of Unicode, so that
        /// two readers could see different content in one signed document.
        case printableASCII
    }

    package init(bytesMax: Int, depthMax: Int = 32, keys: Keys = .any) {
        self.bytesMax = bytesMax
        self.depthMax = depthMax
        self.keys = keys
    }

    /// For what is signed, or was meant to be.
    package static func signed(bytesMax: Int, depthMax: Int = 32) -> JSONLimits {
        JSONLimits(bytesMax: bytesMax, depthMax: depthMax, keys: .printableASCII)
    }
}

/// Why bytes are not the JSON we take.
package enum JSONError: Error, Hashable, Sendable {
    case tooLarge(bytes: Int, limit: Int)
    case tooDeep(offset: Int, limit: Int)
    case notUTF8(offset: Int)
    case syntax(offset: Int)
    case duplicateKey(String, offset: Int)
    /// Where only printable ASCII is taken as the name of a member.
    case key(offset: Int)
    /// An unpaired surrogate, which RFC 8785 forbids.
    case loneSurrogate(offset: Int)
    /// Not finite in IEEE 754, or an integer that a double cannot hold exactly.
    case number(offset: Int)
    case trailing(offset: Int)

    package var code: String {
        switch self {
        case .tooLarge: "json.too_large"
        case .tooDeep: "json.too_deep"
        case .notUTF8: "json.not_utf8"
        case .syntax: "json.syntax"
        case .duplicateKey: "json.duplicate_key"
        case .key: "json.key"
        case .loneSurrogate: "json.lone_surrogate"
        case .number: "json.number"
        case .trailing: "json.trailing"
        }
    }

    package var message: String {
        switch self {
        case .tooLarge(let bytes, let limit): "JSON refused: \(bytes) bytes, at most \(limit) are taken; nothing was read."
        case .tooDeep(let offset, let limit): "JSON refused at byte \(offset): nested deeper than \(limit); nothing was taken."
        case .notUTF8(let offset): "JSON refused at byte \(offset): not UTF-8; nothing was taken."
        case .syntax(let offset): "JSON refused at byte \(offset): not JSON; nothing was taken."
        case .duplicateKey(let key, let offset): "JSON refused at byte \(offset): key \"\(key)\" twice in one object; nothing was taken."
        case .key(let offset): "JSON refused at byte \(offset): a key that is not printable ASCII; nothing was taken."
        case .loneSurrogate(let offset): "JSON refused at byte \(offset): half a surrogate pair; nothing was taken."
        case .number(let offset): "JSON refused at byte \(offset): a number that a double cannot hold; nothing was taken."
        case .trailing(let offset): "JSON refused at byte \(offset): more than one value; nothing was taken."
        }
    }
}
