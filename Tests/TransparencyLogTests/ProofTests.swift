import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

/// What is not so is not proven.
@Suite struct ProofMutationTests {
    @Test(arguments: [1, 2, 3, 7, 8, 11, 64, 255, 300])
    func anyOtherInclusionProofFails(size: Int) async throws {
        let log = SampleLog(size: size)
        let reader = log.reader
        for index in Set([0, size / 3, size - 1]).map(Int64.init) {
            let leaf = LogEntry.numbered(Int(index)).leafHash
            let hashes = try await reader.inclusionProof(of: index).hashes
            func fails(_ proof: [LogHash], index: Int64 = index, size: Int64 = Int64(size), leaf: LogHash = leaf) {
                #expect(throws: ProofError.self) {
                    try InclusionProof(proof).verify(leaf: leaf, index: index, size: size, root: log.batch.root)
                }
            }
            for position in hashes.indices {
                for bit in 0..<256 { fails(hashes.flipping(bit, at: position)) }
                var fewer = hashes
                fewer.remove(at: position)
                fails(fewer)
                fails(hashes.repeating(position))
                if position > 0, hashes[position] != hashes[position - 1] {
                    var swapped = hashes
                    swapped.swapAt(position, position - 1)
                    fails(swapped)
                }
            }
            fails(hashes + [.empty])
            fails([.empty] + hashes)
            fails(hashes, leaf: [leaf].flipping(77, at: 0)[0])
            // Neither size nor place may differ, but where the tree's shape makes no difference to this leaf's path.
            for other in [index - 1, index + 1, index ^ 2, Int64.max, Int64.min] where other != index { fails(hashes, index: other) }
            for other in [0, -1, Int64(size) * 4, Int64.max] as [Int64] where other != Int64(size) { fails(hashes, size: other) }
        }
    }

    @Test(arguments: [(1, 2), (2, 3), (3, 7), (4, 8), (6, 8), (8, 300), (100, 256), (255, 300), (256, 300)])
    func anyOtherConsistencyProofFails(old: Int, new: Int) async throws {
        let log = SampleLog(size: new)
        let oldRoot = SampleLog(size: old).batch.root
        let hashes = try await log.reader.consistencyProof(from: Int64(old)).hashes
        func fails(
            _ proof: [LogHash], old: Int64 = Int64(old), new: Int64 = Int64(new), oldRoot: LogHash = oldRoot,
            newRoot: LogHash = log.batch.root
        ) {
            #expect(throws: ProofError.self) {
                try ConsistencyProof(proof).verify(oldSize: old, oldRoot: oldRoot, newSize: new, newRoot: newRoot)
            }
        }
        for position in hashes.indices {
            for bit in 0..<256 { fails(hashes.flipping(bit, at: position)) }
            var fewer = hashes
            fewer.remove(at: position)
            fails(fewer)
        }
        fails(hashes + [.empty])
        fails([.empty] + hashes)
        fails([])
        fails(hashes, old: Int64(new), new: Int64(old))
        fails(hashes, old: 0)
        fails(hashes, old: -1)
        fails(hashes, new: Int64.max)
        fails(hashes, oldRoot: [oldRoot].flipping(3, at: 0)[0])
        fails(hashes, newRoot: [log.batch.root].flipping(3, at: 0)[0])
        fails(hashes, oldRoot: log.batch.root, newRoot: oldRoot)
    }

    @Test func theLargestSizesDoNotOverflow() throws {
        let path = [LogHash](repeating: .empty, count: 63)
        _ = try InclusionProof(path).root(leaf: .empty, index: 0, size: .max)
        _ = try InclusionProof(Array(path.dropLast())).root(leaf: .empty, index: .max - 1, size: .max)
        #expect(throws: ProofError.wrongLength) { try InclusionProof(path + path).root(leaf: .empty, index: 0, size: .max) }
        #expect(throws: ProofError.wrongLength) { try InclusionProof([]).root(leaf: .empty, index: .max - 1, size: .max) }
        #expect(throws: ProofError.self) {
            try ConsistencyProof(path).verify(oldSize: .max - 1, oldRoot: .empty, newSize: .max, newRoot: .empty)
        }
        #expect(TreeShape(size: .max).inclusion(of: .max - 1).count == 62)
        #expect(TreeShape(size: .max).height == 63)
        #expect(TreeShape(size: .max).consistency(from: 1 << 62).count == 1)
    }

    @Test func fromNothingEverythingFollows() throws {
        let root = LogHash.leaf([1])
        try ConsistencyProof([]).verify(oldSize: 0, oldRoot: .empty, newSize: 1, newRoot: root)
        try ConsistencyProof([]).verify(oldSize: 1, oldRoot: root, newSize: 1, newRoot: root)
        #expect(throws: ProofError.wrongLength) {
            try ConsistencyProof([root]).verify(oldSize: 0, oldRoot: .empty, newSize: 1, newRoot: root)
        }
        #expect(throws: ProofError.wrongRoot) { try ConsistencyProof([]).verify(oldSize: 0, oldRoot: root, newSize: 1, newRoot: root) }
        #expect(throws: ProofError.wrongRoot) { try ConsistencyProof([]).verify(oldSize: 0, oldRoot: .empty, newSize: 0, newRoot: root) }
    }
}

extension Array {
    /// With this element twice.
    func repeating(_ position: Int) -> [Element] { Array(self[...position]) + Array(self[position...]) }
}

extension [LogHash] {
    func flipping(_ bit: Int, at position: Int) -> [LogHash] {
        var bytes = self[position].bytes
        bytes[bit / 8] ^= 1 << (bit % 8)
        var flipped = self
        flipped[position] = LogHash(bytes: bytes)!
        return flipped
    }
}

/// C2SP tlog-proof.
@Suite struct LogProofTests {
    let signer = try! NoteSigner(name: "log.example/1", key: SigningKey())
    var trust: LogTrust { LogTrust(logKeys: [signer.verifier]) }

    func sample(extra: [UInt8]? = nil) async throws -> LogProof {
        let log = SampleLog(size: 300)
        let checkpoint = try Checkpoint(origin: "log.example/1", size: 300, root: log.batch.root)
        let note = try SignedNote(text: checkpoint.text, signers: [signer], at: Timestamp(milliseconds: 0))
        return LogProof(index: 17, proof: try await log.reader.inclusionProof(of: 17), note: note, extra: extra)
    }

    @Test(arguments: [nil, [], [1, 2, 3]] as [[UInt8]?])
    func aProofReadsBackAndVerifies(extra: [UInt8]?) async throws {
        let proof = try await sample(extra: extra)
        let read = try LogProof(proof.bytes)
        #expect(read == proof)
        let verified = try read.verify(leaf: LogEntry.numbered(17).leafHash, trust: trust)
        #expect(verified.index == 17 && verified.checkpoint.size == 300)
        #expect(throws: ProofError.wrongRoot) { try read.verify(leaf: LogEntry.numbered(18).leafHash, trust: trust) }
        let stranger = LogTrust(logKeys: [try NoteVerifier(name: "log.example/1", key: SigningKey().verifyingKey)])
        #expect(throws: CheckpointError.note(.unknownKeys)) { try read.verify(leaf: LogEntry.numbered(17).leafHash, trust: stranger) }
    }

    @Test func everyFlippedBitFails() async throws {
        let bytes = try await sample().bytes
        let leaf = LogEntry.numbered(17).leafHash
        for position in bytes.indices {
            var flipped = bytes
            flipped[position] ^= 1 << (position % 8)
            #expect(throws: (any Error).self) { try LogProof(flipped).verify(leaf: leaf, trust: trust) }
        }
    }

    @Test func whatIsNoProofIsRefused() async throws {
        let text = String(decoding: try await sample().bytes, as: UTF8.self)
        let header = "c2sp.org/tlog-proof@v1\n"
        for bad in [
            "", header, String(text.dropFirst()), text.replacing("@v1", with: "@v2"), text.replacing("index 17", with: "index 017"),
            text.replacing("index 17", with: "index -1"), text.replacing("index 17\n", with: ""),
            text.replacing("index 17", with: "extra \nindex 17 "),
            text.replacing("index", with: "extra ====\nindex"),
            header + "index 0\n" + String(repeating: "\(LogHash.empty)\n", count: 65) + "\n",
            header + "index 0\n\(LogHash.empty)", String(text.dropLast()),
        ] {
            #expect(throws: ProofError.self, "\(bad.prefix(80))") { try LogProof(Array(bad.utf8)) }
        }
    }
}

/// One proof for many leaves.
@Suite struct LogNodesTests {
    func leaves(_ indices: [Int64]) -> [LogLeaf] {
        indices.map { LogLeaf(index: $0, hash: LogEntry.numbered(Int($0)).leafHash) }
    }

    @Test func everySetOfLeavesOfSmallTreesGivesTheRootWithTheFewestNodes() async throws {
        for size in 0...9 {
            let log = SampleLog(size: size)
            let reader = log.reader
            for set in 0..<(1 << size) {
                let indices = (0..<size).filter { set >> $0 & 1 == 1 }.map(Int64.init)
                let nodes = try await reader.nodes(for: indices)
                #expect(try nodes.root(leaves: leaves(indices)) == log.batch.root)
                #expect(nodes.nodes.map(\.place) == nodes.nodes.map(\.place).sorted())
                #expect(nodes.nodes.count == fewest(indices, size: size))
                for index in indices {
                    #expect(try nodes.inclusion(of: index, leaves: leaves(indices)) == (try await reader.inclusionProof(of: index)))
                }
            }
        }
    }

    /// The largest subtrees without a chosen leaf, by the RFC's recursion.
    func fewest(_ indices: [Int64], size: Int) -> Int {
        func count(_ range: Range<Int>) -> Int {
            guard indices.contains(where: { range.contains(Int($0)) }) else { return range.isEmpty ? 0 : 1 }
            guard range.count > 1 else { return 0 }
            let middle = range.lowerBound + NaiveTree.split(range.count)
            return count(range.lowerBound..<middle) + count(middle..<range.upperBound)
        }
        return count(0..<size)
    }

    @Test(arguments: [300, 1_000, 70_000])
    func randomSetsOfLargerTreesGiveTheRoot(size: Int) async throws {
        let log = size == 70_000 ? .large : SampleLog(size: size)
        let reader = log.reader
        var random = SeededGenerator(seed: UInt64(size))
        for count in [1, 2, 10, 200] {
            var indices = Set((0..<count).map { _ in Int64.random(in: 0..<Int64(size), using: &random) }).sorted()
            if count == 200 { indices = Set(indices + Array(Int64(size) - 50..<Int64(size))).sorted() }
            let nodes = try await reader.nodes(for: indices)
            #expect(try nodes.root(leaves: leaves(indices)) == log.batch.root)
            #expect(try LogNodes(json: nodes.json) == nodes)
            if count == 1 {
                #expect(nodes.nodes.map(\.hash) == (try await reader.inclusionProof(of: indices[0])).hashes)
            }
            // Each leaf's own proof comes out of the common one.
            for index in [indices[0], indices[indices.count / 2], indices[indices.count - 1]] {
                #expect(try nodes.inclusion(of: index, leaves: leaves(indices)) == (try await reader.inclusionProof(of: index)))
            }
            #expect(throws: ProofError.self) { try nodes.inclusion(of: Int64(size), leaves: leaves(indices)) }
        }
    }

    @Test func anyOtherSetOfNodesFails() async throws {
        let log = SampleLog(size: 300)
        let indices: [Int64] = [3, 4, 77, 256, 299]
        let good = try await log.reader.nodes(for: indices)
        let leaves = leaves(indices)
        func fails(_ nodes: [LogNode], size: Int64 = 300, leaves: [LogLeaf] = leaves, at line: Int = #line) {
            #expect((try? LogNodes(size: size, nodes: nodes).root(leaves: leaves)) != log.batch.root, "\(line)")
        }
        for position in good.nodes.indices {
            var nodes = good.nodes
            nodes.remove(at: position)
            fails(nodes)
            nodes = good.nodes
            nodes[position] = LogNode(place: nodes[position].place, hash: [nodes[position].hash].flipping(9, at: 0)[0])
            fails(nodes)
            fails(good.nodes.repeating(position))
            // A node below one that is there, or beside the tree.
            let place = good.nodes[position].place
            for other in [
                TreeNode(level: max(0, place.level - 1), index: place.index * 2), TreeNode(level: place.level + 1, index: place.index >> 1),
                TreeNode(level: place.level, index: place.index + 1_000_000), TreeNode(level: place.level, index: -1),
                TreeNode(level: 63, index: 0), TreeNode(level: place.level, index: .max),
            ] {
                fails((good.nodes + [LogNode(place: other, hash: .empty)]).sorted { $0.place < $1.place })
                fails(good.nodes + [LogNode(place: other, hash: .empty)])
            }
        }
        for position in leaves.indices {
            var fewer = leaves
            fewer.remove(at: position)
            fails(good.nodes, leaves: fewer)
            fails(good.nodes, leaves: leaves.repeating(position))
        }
        fails(good.nodes, leaves: leaves.reversed())
        fails(good.nodes, leaves: [LogLeaf(index: -1, hash: .empty)] + leaves)
        fails(good.nodes, leaves: leaves + [LogLeaf(index: 300, hash: .empty)])
        for size in [0, 1, 100, 600, Int64.max] { fails(good.nodes, size: size) }
        // The root alone proves nothing of a leaf.
        fails([LogNode(place: TreeNode(level: 9, index: 0), hash: log.batch.root)])
        #expect(throws: ProofError.wrongLength) {
            try LogNodes(size: 300, nodes: [LogNode(place: TreeNode(level: 9, index: 0), hash: log.batch.root)]).root(leaves: leaves)
        }
    }

    @Test func leavesOutOfOrderOrOutsideAreRefused() throws {
        for leaves in [[-1], [5], [1, 1], [2, 1]] as [[Int64]] {
            #expect(throws: ProofError.self) { try LogNodes.needed(for: leaves, size: 5) }
        }
        #expect(try LogNodes.needed(for: [0], size: 3) == [TreeNode(level: 0, index: 1), TreeNode(level: 1, index: 1)])
        #expect(try LogNodes.needed(for: [], size: 5) == [TreeNode(level: 3, index: 0)])
        #expect(try LogNodes.needed(for: [], size: 0).isEmpty)
    }

    @Test(arguments: [
        "{}", "[]", #"{"size":1}"#, #"{"size":-1,"nodes":[]}"#, #"{"size":1,"nodes":[],"x":1}"#, #"{"size":1,"nodes":[[0,0]]}"#,
        #"{"size":1,"nodes":[[64,0,"00"]]}"#, #"{"size":1,"nodes":[[0,-1,"00"]]}"#, #"{"size":1,"nodes":[[0,0,"00"]]}"#,
        #"{"size":1,"nodes":[{}]}"#,
    ])
    func otherJSONIsRefused(text: String) throws {
        let json = try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1_000))
        #expect(throws: ProofError.self) { try LogNodes(json: json) }
    }

    @Test func onlyTheCheckpointsRootMakesVerifiedLeaves() async throws {
        let signer = try NoteSigner(name: "log", key: SigningKey())
        let log = SampleLog(size: 20)
        func checkpoint(_ root: LogHash) throws -> VerifiedCheckpoint {
            let text = try Checkpoint(origin: "log", size: 20, root: root).text
            return try VerifiedCheckpoint(
                SignedNote(text: text, signers: [signer], at: Timestamp(milliseconds: 0)), trust: LogTrust(logKeys: [signer.verifier]))
        }
        let nodes = try await log.reader.nodes(for: [2, 9])
        #expect(try VerifiedLeaves(leaves([2, 9]), nodes: nodes, in: checkpoint(log.batch.root)).leaves == leaves([2, 9]))
        #expect(throws: ProofError.wrongRoot) { try VerifiedLeaves(leaves([2, 9]), nodes: nodes, in: checkpoint(.empty)) }
        #expect(throws: ProofError.self) { try VerifiedLeaves(leaves([2, 8]), nodes: nodes, in: checkpoint(log.batch.root)) }
    }
}
