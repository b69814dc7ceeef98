package import Model

/// An incident's JSON with every field checked as `Incident(json:)` checks it, and no value made of any: what a decision needs is
/// read where it stands.
package struct IncidentText: Sendable {
    private let tape: JSONTape
    /// Nodes of `tape`.
    private let check, code, values, unknown: Int
    /// Of check and code: equal where they are.
    package let key: UInt64

    /// nil for whatever is not written in the usual form, which may be right all the same: ask `Incident(json:)` then.
    package init?(_ tape: JSONTape) {
        let places = tape.withNodes { nodes, bytes in Scan(nodes: nodes, bytes: bytes).places() }
        guard let places else { return nil }
        self.tape = tape
        (check, code, values, unknown, key) = (places.check, places.code, places.values, places.unknown, places.key)
    }

    /// Whether these are the incident's check and code.
    package func isAbout(check: [UInt8], code: [UInt8]) -> Bool {
        tape.withNodes { nodes, bytes in
            Scan.equal(bytes, nodes[self.check], check) && Scan.equal(bytes, nodes[self.code], code)
        }
    }

    package enum IntegerFact: Hashable, Sendable {
        case absent
        case integer(Int64)
        /// It is there, and something else.
        case other
        case unknown(Code)
    }

    package func integer(_ name: [UInt8]) -> IntegerFact {
        tape.withNodes { nodes, bytes in
            let scan = Scan(nodes: nodes, bytes: bytes)
            if let node = scan.member(name, of: values) {
                return nodes[node].kind == .integer ? .integer(Int64(bitPattern: nodes[node].payload)) : .other
            }
            guard let node = scan.member(name, of: unknown) else { return .absent }
            let text = UnsafeBufferPointer(rebasing: bytes[nodes[node].offset..<(nodes[node].offset + nodes[node].number)])
            return Code(String(decoding: text, as: UTF8.self)).map { .unknown($0) } ?? .other
        }
    }

    package func facts() throws(FieldError) -> Facts { try Facts(reading: ObjectReader(tape).object("facts")) }

    package static func key(check: [UInt8], code: [UInt8]) -> UInt64 {
        check.withUnsafeBufferPointer { check in code.withUnsafeBufferPointer { Scan.key(check, $0) } }
    }
}

extension Incident {
    /// Every field from a tape; what `IncidentText` would not read in its way.
    package init(_ tape: JSONTape) throws(FieldError) { try self.init(reading: ObjectReader(tape)) }
}

/// One pass over the nodes of an incident. The buffers are never kept past the call that handed them in.
private struct Scan {
    let nodes: UnsafeBufferPointer<JSONTape.Node>
    let bytes: UnsafeBufferPointer<UInt8>

    struct Places {
        var check = 0, code = 0, values = 0, unknown = 0
        var key: UInt64 = 0
    }

    func places() -> Places? {
        guard let root = nodes.first, root.kind == .object else { return nil }
        var places = Places()
        var facts = 0
        // Of seven members; the parser has refused any that is there twice.
        var found = 0
        var name = 1
        while name < root.next {
            guard nodes[name].kind == .string else { return nil }
            let (key, node) = (text(name), name + 1)
            let value = nodes[node]
            switch key.count {
            case 2 where Self.equal(key, "id"):
                guard value.kind == .string, TextForm.isIncidentID(text(node)) else { return nil }
                found += 1
            case 4 where Self.equal(key, "host"):
                guard isName(node) else { return nil }
                found += 1
            case 4 where Self.equal(key, "code"):
                guard isName(node) else { return nil }
                places.code = node
                found += 1
            case 5 where Self.equal(key, "check"):
                guard isName(node) else { return nil }
                places.check = node
                found += 1
            case 5 where Self.equal(key, "facts"):
                guard value.kind == .object else { return nil }
                facts = node
                found += 1
            case 6 where Self.equal(key, "opened"):
                guard value.kind == .string, Timestamp(utf8: text(node)) != nil else { return nil }
                found += 1
            case 8 where Self.equal(key, "severity"):
                guard value.kind == .string, isSeverity(text(node)) else { return nil }
                found += 1
            default: break
            }
            name = Int(nodes[name].next)
        }
        guard found == 7, readFacts(facts, &places) else { return nil }
        places.key = Self.key(text(places.check), text(places.code))
        return places
    }

    /// `Facts(reading:)` for the kinds that nearly all facts are of.
    private func readFacts(_ facts: Int, _ places: inout Places) -> Bool {
        guard nodes[facts].payload == 2 else { return false }
        var name = facts + 1
        while name < nodes[facts].next {
            guard nodes[name].kind == .string, nodes[name + 1].kind == .object else { return false }
            let key = text(name)
            if key.count == 6, Self.equal(key, "values") {
                places.values = name + 1
            } else if key.count == 7, Self.equal(key, "unknown") {
                places.unknown = name + 1
            } else {
                return false
            }
            name = Int(nodes[name].next)
        }
        let (values, unknown) = (nodes[places.values], nodes[places.unknown])
        guard places.values > 0, places.unknown > 0, values.payload + unknown.payload <= UInt64(Facts.namesMax) else { return false }
        name = places.values + 1
        while name < values.next {
            guard isName(name), isPlainValue(name + 1) else { return false }
            name = Int(nodes[name].next)
        }
        name = places.unknown + 1
        while name < unknown.next {
            guard isName(name), isName(name + 1), member(text(name), of: places.values) == nil else { return false }
            name = Int(nodes[name].next)
        }
        return true
    }

    private func isPlainValue(_ node: Int) -> Bool {
        let value = nodes[node]
        switch value.kind {
        case .integer, .boolean: return true
        case .string: return value.number <= TypedValue.textBytesMax
        case .array:
            guard value.payload <= UInt64(TypedValue.elementsMax) else { return false }
            var item = node + 1
            while item < value.next {
                guard nodes[item].kind == .string || nodes[item].kind == .text else { return false }
                item = Int(nodes[item].next)
            }
            return true
        // Instants and versions, texts with escapes: rare enough for the other way.
        case .null, .number, .text, .object: return false
        }
    }

    private func isName(_ node: Int) -> Bool { nodes[node].kind == .string && TextForm.isName(text(node)) }

    private func isSeverity(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        switch text.count {
        case 3: Self.equal(text, "low")
        case 4: Self.equal(text, "high")
        case 6: Self.equal(text, "medium")
        case 8: Self.equal(text, "critical")
        default: false
        }
    }

    /// Node of the value of that name.
    func member(_ key: [UInt8], of object: Int) -> Int? { key.withUnsafeBufferPointer { member($0, of: object) } }

    func member(_ key: UnsafeBufferPointer<UInt8>, of object: Int) -> Int? {
        var name = object + 1
        while name < nodes[object].next {
            if nodes[name].number == key.count, Self.equal(text(name), key) { return name + 1 }
            name = Int(nodes[name].next)
        }
        return nil
    }

    /// - Precondition: the node is of kind `string`.
    private func text(_ node: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: bytes[nodes[node].offset..<(nodes[node].offset + nodes[node].number)])
    }

    private static func equal(_ left: UnsafeBufferPointer<UInt8>, _ right: StaticString) -> Bool {
        equal(left, UnsafeBufferPointer(start: right.utf8Start, count: right.utf8CodeUnitCount))
    }

    private static func equal(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }

    static func equal(_ bytes: UnsafeBufferPointer<UInt8>, _ node: JSONTape.Node, _ text: [UInt8]) -> Bool {
        text.withUnsafeBufferPointer { equal(UnsafeBufferPointer(rebasing: bytes[node.offset..<(node.offset + node.number)]), $0) }
    }

    /// Of texts that whoever makes rules chooses, so that nothing is gained by finding two with one key; equal texts are compared too.
    static func key(_ check: UnsafeBufferPointer<UInt8>, _ code: UnsafeBufferPointer<UInt8>) -> UInt64 {
        mixed(code, mixed(check, 0x9e37_79b9_7f4a_7c15))
    }

    private static func mixed(_ text: UnsafeBufferPointer<UInt8>, _ start: UInt64) -> UInt64 {
        var key = start ^ UInt64(text.count)
        var index = 0
        while index + 8 <= text.count {
            key = fold(key, UnsafeRawPointer(text.baseAddress! + index).loadUnaligned(as: UInt64.self))
            index += 8
        }
        var rest: UInt64 = 0
        while index < text.count {
            rest = rest << 8 | UInt64(text[index])
            index += 1
        }
        return fold(key, rest)
    }

    private static func fold(_ key: UInt64, _ word: UInt64) -> UInt64 {
        let product = (key ^ word).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low
    }
}
