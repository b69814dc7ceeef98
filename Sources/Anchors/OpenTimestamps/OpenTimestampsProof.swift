package import Model

/// A `.ots` file: a SHA-256 digest and what is known about its age.
package struct OpenTimestampsProof: Equatable, Sendable {
    package let digest: Digest
    package private(set) var tree: ProofTree

    package init(digest: Digest, tree: ProofTree) {
        self.digest = digest
        self.tree = tree
    }

    /// Ours: an upgraded proof of four calendars has about 6 KiB.
    package static let bytesMax = 256 << 10

    private static let magic: [UInt8] = Array("\0OpenTimestamps\0\0Proof\0".utf8) + [0xbf, 0x89, 0xe2, 0xe8, 0x84, 0xe8, 0x92, 0x94]
    private static let version: UInt64 = 1

    /// - Parameter expected: the digest that the proof must be about; nil takes any.
    package init(parsing bytes: [UInt8], about expected: Digest? = nil) throws(ProofError) {
        guard bytes.count <= Self.bytesMax else { throw .tooLong(what: "the proof", limit: Self.bytesMax) }
        guard bytes.starts(with: Self.magic) else { throw .notAProof }
        var reader = ProofReader(bytes.dropFirst(Self.magic.count))
        let version = try reader.number()
        guard version == Self.version else { throw .unsupportedVersion(version) }
        let kind = try reader.byte()
        guard kind == ProofOperation.sha256.tag else { throw .unsupportedDigest(tag: kind) }
        digest = Digest(bytes: try reader.bytes(32))!
        guard expected == nil || digest == expected else { throw .otherDigest }
        tree = try ProofTree(from: &reader, message: digest.bytes)
        try reader.finish()
    }

    /// The file. Reading it back gives an equal value, and what was read is written byte for byte.
    package var bytes: [UInt8] {
        var bytes = Self.magic
        bytes.append(number: Self.version)
        bytes.append(ProofOperation.sha256.tag)
        bytes.append(contentsOf: digest.bytes)
        tree.write(to: &bytes)
        return bytes
    }

    package var attestations: [AttestedMessage] { tree.attestations(from: digest.bytes) }

    /// Adds what a calendar knows about `message`.
    ///
    /// - Throws: when the result would pass a limit of the format; then nothing was added.
    package mutating func merge(_ other: ProofTree, about message: [UInt8]) throws(ProofError) {
        var merged = self
        merged.tree.merge(other, about: message, from: digest.bytes)
        _ = try OpenTimestampsProof(parsing: merged.bytes)
        self = merged
    }

    /// Drops attestations that a block has shown to be false; keeps them all when nothing else would be left.
    package mutating func remove(_ refuted: Set<AttestedMessage>) {
        if let kept = tree.removing(refuted, from: digest.bytes) { tree = kept }
    }
}
