import Synchronization

/// Room for the nodes of a document, handed from one tape to the next. Whoever reads thousands of documents spares the allocator a block
/// of some kilobytes for each, which would cost it more than all the small ones.
package final class JSONMemory: Sendable {
    /// More room than this is not kept.
    private static let nodesMax = 65_536

    private let spare = Mutex<[JSONTape.Node]>([])

    package init() {}

    func take() -> [JSONTape.Node] {
        var nodes = spare.withLock { spare in
            defer { spare = [] }
            return spare
        }
        nodes.removeAll(keepingCapacity: true)
        return nodes
    }

    func give(_ nodes: [JSONTape.Node]) {
        if nodes.capacity <= Self.nodesMax { spare.withLock { $0 = nodes } }
    }
}

/// JSON as a flat list of nodes over the bytes it was read from.
///
/// Whoever reads many documents once (evidence, mostly) takes the members it knows straight out of it; a `JSONValue` would
/// cost a dictionary for each object and a `String` for each name.
package final class JSONTape: Sendable {
    enum Kind: UInt8 {
        case null, boolean, integer, number
        /// Stands in the bytes as it is.
        case string
        /// Had escapes.
        case text
        /// Of nodes, one after the other.
        case array
        /// Of pairs of nodes: a name, which is a string or text, and its value.
        case object
    }

    struct Node {
        let kind: Kind
        /// Index of the node after this one and all that is inside of it; of a name, that after its value too.
        var next: UInt32
        /// The value of a boolean or number; where a string starts, and how many bytes it has; where a text starts, and its index
        /// in `texts`; the number of items or members.
        var payload: UInt64

        init(_ kind: Kind, next: Int, payload: UInt64 = 0) {
            self.kind = kind
            self.next = UInt32(next)
            self.payload = payload
        }

        init(_ kind: Kind, next: Int, at offset: Int, _ number: Int) {
            self.init(kind, next: next, payload: UInt64(offset) << 32 | UInt64(number))
        }

        var offset: Int { Int(payload >> 32) }
        var number: Int { Int(payload & 0xffff_ffff) }
    }

    /// The largest document: offsets and numbers of nodes have 32 bits.
    static let bytesMax = Int(Int32.max)

    private let bytes: [UInt8]
    private let nodes: [Node]
    private let texts: [String]
    private let memory: JSONMemory?

    static let null = JSONTape(bytes: [], nodes: [Node(.null, next: 1)], texts: [])

    init(bytes: [UInt8], nodes: [Node], texts: [String], memory: JSONMemory? = nil) {
        self.bytes = bytes
        self.nodes = nodes
        self.texts = texts
        self.memory = memory
    }

    deinit { memory?.give(nodes) }

    /// For whoever reads a whole document in one go.
    func withNodes<Result>(_ body: (UnsafeBufferPointer<Node>, UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        nodes.withUnsafeBufferPointer { nodes in bytes.withUnsafeBufferPointer { body(nodes, $0) } }
    }

    // MARK: Nodes, by index; the whole document is node 0

    func kind(of index: Int) -> Kind { nodes[index].kind }

    func boolean(at index: Int) -> Bool? { nodes[index].kind == .boolean ? nodes[index].payload == 1 : nil }

    func integer(at index: Int) -> Int64? { nodes[index].kind == .integer ? Int64(bitPattern: nodes[index].payload) : nil }

    func number(at index: Int) -> Double? { nodes[index].kind == .number ? Double(bitPattern: nodes[index].payload) : nil }

    func string(at index: Int) -> String? {
        nodes[index].kind == .text ? texts[nodes[index].number] : withText(at: index) { String(decoding: $0, as: UTF8.self) }
    }

    /// The number of items of an array or members of an object.
    func count(of index: Int) -> Int { Int(nodes[index].payload) }

    /// Index of what follows a node and all that is inside of it; of the next name, where it is a name.
    func next(after index: Int) -> Int { Int(nodes[index].next) }

    /// Indexes of an object's names; each value stands behind its name.
    func names(of index: Int) -> [Int] {
        var names: [Int] = []
        names.reserveCapacity(count(of: index))
        var name = index + 1
        while name < nodes[index].next {
            names.append(name)
            name = Int(nodes[name].next)
        }
        return names
    }

    /// Where a node stands, for messages: `attested[3].verdict`; empty for the whole document.
    func path(of index: Int) -> String {
        var path = ""
        var node = 0
        while node < index {
            var (child, number) = (node + 1, 0)
            while next(after: child) <= index {
                child = next(after: child)
                number += 1
            }
            if kind(of: node) == .object {
                path += (path.isEmpty ? "" : ".") + string(at: child)!
                node = child + 1
            } else {
                path += "[\(number)]"
                node = child
            }
        }
        return path
    }

    /// Index of the value of that name.
    ///
    /// - Parameter start: a name of the object at which to begin looking. What was written in one order is mostly read in it.
    func member(_ key: String, of index: Int, from start: Int? = nil) -> Int? {
        var key = key
        return key.withUTF8 { key in
            bytes.withUnsafeBufferPointer { bytes in
                nodes.withUnsafeBufferPointer { nodes in
                    let (first, end) = (index + 1, Int(nodes[index].next))
                    func find(in names: Range<Int>) -> Int? {
                        var name = names.lowerBound
                        while name < names.upperBound {
                            let node = nodes[name]
                            if isEqual(node, key, bytes) { return name + 1 }
                            name = Int(node.next)
                        }
                        return nil
                    }
                    guard let start else { return find(in: first..<end) }
                    return find(in: start..<end) ?? find(in: first..<start)
                }
            }
        }
    }

    private func isEqual(_ name: Node, _ key: UnsafeBufferPointer<UInt8>, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard name.kind == .string else { return texts[name.number].utf8.elementsEqual(key) }
        guard name.number == key.count else { return false }
        // Most names of one length differ in their first byte: calling `memcmp` would cost more than this.
        for position in key.indices where bytes[name.offset + position] != key[position] { return false }
        return true
    }

    /// What `body` makes of a string's or text's bytes, where they stand; nil for all else.
    func withText<Result>(at index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        let node = nodes[index]
        switch node.kind {
        case .string:
            return bytes.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[node.offset..<(node.offset + node.number)])) }
        case .text:
            var text = texts[node.number]
            return text.withUTF8(body)
        default: return nil
        }
    }

    /// As the parser bounds the depth, so does this.
    func value(at index: Int) -> JSONValue {
        let node = nodes[index]
        switch node.kind {
        case .null: return .null
        case .boolean: return .boolean(node.payload == 1)
        case .integer: return .integer(Int64(bitPattern: node.payload))
        case .number: return .number(Double(bitPattern: node.payload))
        case .string, .text: return .string(string(at: index)!)
        case .array:
            var items: [JSONValue] = []
            items.reserveCapacity(count(of: index))
            var item = index + 1
            while item < node.next {
                items.append(value(at: item))
                item = Int(nodes[item].next)
            }
            return .array(items)
        case .object:
            var members = [String: JSONValue](minimumCapacity: count(of: index))
            var name = index + 1
            while name < node.next {
                members[string(at: name)!] = value(at: name + 1)
                name = Int(nodes[name].next)
            }
            return .object(members)
        }
    }
}
