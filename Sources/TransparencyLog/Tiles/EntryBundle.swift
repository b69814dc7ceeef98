/// 1 to 256 entries side by side, each after its length in two bytes, big endian (C2SP tlog-tiles).
package enum EntryBundle {
    package static let entryBytesMax = 65_535

    package static func append(_ entry: [UInt8], to bundle: inout [UInt8]) {
        entry.withUnsafeBytes { append($0, to: &bundle) }
    }

    static func append(_ entry: UnsafeRawBufferPointer, to bundle: inout [UInt8]) {
        precondition(entry.count <= entryBytesMax, "an entry of \(entry.count) bytes")
        bundle.append(UInt8(entry.count >> 8))
        bundle.append(UInt8(entry.count & 255))
        bundle.append(contentsOf: entry)
    }

    /// - Returns: exactly `path.width` entries.
    package static func entries(_ bytes: [UInt8], at path: TilePath) throws(TileError) -> [ArraySlice<UInt8>] {
        var entries: [ArraySlice<UInt8>] = []
        entries.reserveCapacity(path.width)
        var position = 0
        while position < bytes.count {
            guard entries.count < path.width, bytes.count - position >= 2 else { throw .malformed(path) }
            let count = Int(bytes[position]) << 8 | Int(bytes[position + 1])
            position += 2
            guard bytes.count - position >= count else { throw .malformed(path) }
            entries.append(bytes[position..<(position + count)])
            position += count
        }
        guard entries.count == path.width else { throw .malformed(path) }
        return entries
    }
}
