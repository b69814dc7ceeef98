import Model
package import Seal
package import TransparencyLog

/// `log/seen.json`: leaves of the log by which the roots follow that the boxes were shown. Of a tree's first n leaves the root follows from
/// what is beside the way up from the last of them, so that one leaf for each size is enough.
package struct KitSeen: Sendable {
    package static let schema = "martlet.seen/v1"

    /// Ascending; none of what the kit holds itself.
    package let leaves: [LogLeaf]
    /// For these and the kit's own together.
    package let nodes: LogNodes

    package init(leaves: [LogLeaf], nodes: LogNodes) {
        self.leaves = leaves
        self.nodes = nodes
    }

    /// Which leaves there have to be.
    ///
    /// - Parameters:
    ///   - sizes: that the boxes were shown.
    ///   - own: places of what the kit holds.
    package static func places(_ sizes: Set<Int64>, besides own: [Int64], size: Int64) -> [Int64] {
        let own = Set(own)
        return sizes.filter { 0 < $0 && $0 <= size }.map { $0 - 1 }.filter { !own.contains($0) }.sorted()
    }

    var json: JSONValue {
        ["leaves": .array(leaves.map { [.integer($0.index), .string($0.hash.digest.description)] }), "schema": .string(Self.schema)]
    }

    /// nil unless they ascend and lie below `size`.
    static func leaves(json: JSONValue, size: Int64) -> [LogLeaf]? {
        guard json.object?.count == 2, json["schema"]?.string == schema, let items = json["leaves"]?.array else { return nil }
        var leaves: [LogLeaf] = []
        for item in items {
            guard let parts = item.array, parts.count == 2, let index = parts[0].integer, index > leaves.last?.index ?? -1, index < size,
                let text = parts[1].string, let bytes = [UInt8](hexadecimal: text), let hash = LogHash(bytes: bytes)
            else { return nil }
            leaves.append(LogLeaf(index: index, hash: hash))
        }
        return leaves
    }
}
