import Crypto
import Model
import Seal
import TransparencyLog

/// One core: growing the log against the hashing alone that RFC 6962 demands for it; checking proofs.
enum LogBenchmark {
    static func run() async throws -> [Line] {
        let count = 200_000
        let signer = Digest(of: [1])
        let entries = (0..<count).map { LogEntry(document: Digest(of: Array("document \($0)".utf8)), signerDigest: signer) }
        var expected = LogBuilder()
        let batch = expected.batch(entries)
        let tiles = Tiles(batch.resources)
        let reader = TileReader(size: batch.size, root: batch.root, source: tiles)
        let proofs = try await withProofs(of: (0..<1_000).map { Int64($0 * 199) }, reader, entries)
        let old = Int64(count / 3)
        let oldRoot = try await reader.root(ofFirst: old)
        let consistency = try await reader.consistencyProof(from: old)
        let sparse = Array(stride(from: 0, to: count, by: 7))
        let nodes = try await reader.nodes(for: sparse.map(Int64.init))
        let leaves = sparse.map { LogLeaf(index: Int64($0), hash: entries[$0].leafHash) }
        let note = try checkpoint(batch)
        var message = [UInt8](repeating: 0, count: 65)

        let figures = try measure([
            Measurement("build", operations: count) {
                var builder = LogBuilder()
                for start in stride(from: 0, to: count, by: 5_000) {
                    precondition(!builder.batch(entries[start..<(start + 5_000)]).resources.isEmpty)
                }
                precondition(builder.root == batch.root, "another root")
            },
            Measurement("hashing", operations: count) {
                // A leaf and, but for one in all, a node for each entry: 65 bytes each.
                for _ in 0..<(2 * count) {
                    var function = SHA256()
                    message.withUnsafeBytes { function.update(bufferPointer: $0) }
                    message[0] &+= function.finalize().withUnsafeBytes { $0[0] }
                }
            },
            Measurement("inclusion", operations: proofs.count) {
                for proof in proofs {
                    try proof.proof.verify(leaf: proof.leaf, index: proof.index, size: batch.size, root: batch.root)
                }
            },
            Measurement("consistency", operations: 1_000) {
                for _ in 0..<1_000 {
                    try consistency.verify(oldSize: old, oldRoot: oldRoot, newSize: batch.size, newRoot: batch.root)
                }
            },
            Measurement("multiproof", operations: leaves.count) {
                let root = try nodes.root(leaves: leaves)
                precondition(root == batch.root, "another root")
            },
            Measurement("checkpoint", operations: 500) {
                for _ in 0..<500 { _ = try VerifiedCheckpoint(note.bytes, trust: note.trust) }
            },
        ])
        return [
            Line(
                what: "leaves into the log: hashed, tiled, bundled, one core", value: "\(figures[0].rate.readable)/s",
                peer: "hashing alone \(figures[1].rate.readable)/s: \((figures[0].rate / figures[1].rate).readable)",
                isReached: figures[0].rate >= 1_000_000),
            Line(
                what: "inclusion proofs verified (\(count) leaves)", value: "\(figures[2].rate.readable)/s", peer: "",
                isReached: figures[2].rate >= 50_000),
            Line(what: "consistency proofs verified", value: "\(figures[3].rate.readable)/s", peer: "", isReached: nil),
            Line(
                what: "leaves of one proof for \(leaves.count)", value: "\(figures[4].rate.readable)/s",
                peer: "\(nodes.nodes.count) nodes", isReached: figures[4].rate >= 200_000),
            Line(what: "checkpoints read and verified", value: "\(figures[5].rate.readable)/s", peer: "", isReached: nil),
        ]
    }

    private static func checkpoint(_ batch: LogBatch) throws -> (bytes: [UInt8], trust: LogTrust) {
        let signer = try NoteSigner(name: "log.example/1", key: SigningKey())
        let text = try Checkpoint(origin: "log.example/1", size: batch.size, root: batch.root).text
        let note = try SignedNote(text: text, signers: [signer], at: Samples.now)
        return (note.bytes, LogTrust(logKeys: [signer.verifier]))
    }

    private static func withProofs(
        of indices: [Int64], _ reader: TileReader, _ entries: [LogEntry]
    ) async throws -> [(index: Int64, leaf: LogHash, proof: InclusionProof)] {
        var proofs: [(index: Int64, leaf: LogHash, proof: InclusionProof)] = []
        for index in indices {
            proofs.append((index, entries[Int(index)].leafHash, try await reader.inclusionProof(of: index)))
        }
        return proofs
    }

    private struct Tiles: TileSource {
        struct Missing: Error {}
        private let tiles: [TilePath: [UInt8]]

        init(_ resources: [LogResource]) { tiles = Dictionary(uniqueKeysWithValues: resources.map { ($0.path, $0.bytes) }) }

        func tile(_ path: TilePath) async throws -> [UInt8] {
            guard let bytes = tiles[path] else { throw Missing() }
            return bytes
        }
    }
}
