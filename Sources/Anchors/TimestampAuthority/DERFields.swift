import SwiftASN1

/// The members of one constructed DER value, taken in order. Whatever is not as expected throws `TimestampError.malformed`.
struct DERFields {
    private var nodes: ASN1NodeCollection.Iterator
    private var upcoming: ASN1Node?

    init(_ node: ASN1Node, _ what: String, _ identifier: ASN1Identifier = .sequence) throws(TimestampError) {
        guard node.identifier == identifier, case .constructed(let children) = node.content else { throw .malformed(what) }
        nodes = children.makeIterator()
        upcoming = nodes.next()
    }

    mutating func next(_ what: String) throws(TimestampError) -> ASN1Node {
        guard let node = upcoming else { throw .malformed(what) }
        upcoming = nodes.next()
        return node
    }

    mutating func optional(_ identifier: ASN1Identifier) -> ASN1Node? {
        guard let node = upcoming, node.identifier == identifier else { return nil }
        upcoming = nodes.next()
        return node
    }

    mutating func fields(_ what: String, _ identifier: ASN1Identifier = .sequence) throws(TimestampError) -> DERFields {
        try DERFields(try next(what), what, identifier)
    }

    mutating func object<Value: DERParseable>(_ what: String, as type: Value.Type = Value.self) throws(TimestampError) -> Value {
        let node = try next(what)
        do { return try Value(derEncoded: node) } catch { throw .malformed(what) }
    }

    /// The first member of a sequence is its algorithm's name; parameters must be absent or NULL.
    mutating func algorithm(_ what: String) throws(TimestampError) -> ASN1ObjectIdentifier {
        var fields = try fields(what)
        let name = try fields.object(what, as: ASN1ObjectIdentifier.self)
        _ = fields.optional(.null)
        try fields.finish(what)
        return name
    }

    /// All that is left.
    mutating func rest() -> [ASN1Node] {
        var rest: [ASN1Node] = []
        while let node = upcoming {
            rest.append(node)
            upcoming = nodes.next()
        }
        return rest
    }

    func finish(_ what: String) throws(TimestampError) {
        guard upcoming == nil else { throw .malformed("end of \(what)") }
    }
}

extension ASN1Identifier {
    static func context(_ number: UInt) -> ASN1Identifier { ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific) }
}

func parseDER(_ bytes: ArraySlice<UInt8>, _ what: String) throws(TimestampError) -> ASN1Node {
    do { return try DER.parse(bytes) } catch { throw .malformed(what) }
}
