import Model
import Testing
import TransparencyLog

/// Proofs against the RFC's own definition.
@Suite struct TreeTests {
    /// Leaves and roots that the Certificate Transparency projects publish.
    @Test func hashesAreThePublishedOnes() {
        let leaves: [[UInt8]] = [
            [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], [0x40, 0x41, 0x42, 0x43], Array(0x50...0x57), Array(0x60...0x6f),
        ]
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        var builder = LogBuilder()
        #expect(builder.root.digest.description == roots[0])
        for (leaf, root) in zip(leaves, roots.dropFirst()) {
            builder.append(leaf)
            #expect(builder.root.digest.description == root)
        }
    }

    @Test func everyInclusionProofUpTo300LeavesIsTheRFCsAndVerifies() throws {
        var tree = NaiveTree(numbered: 300)
        for size in 0...300 {
            let shape = TreeShape(size: Int64(size))
            let root = tree.root(size)
            for index in 0..<size {
                let proof = InclusionProof(shape.inclusion(of: Int64(index)).map { tree.hash(of: $0, size: size) })
                #expect(proof.hashes == tree.path(index, 0..<size))
                try proof.verify(
                    leaf: LogHash(bytes: tree.hash(index..<(index + 1)))!, index: Int64(index), size: Int64(size), root: root)
            }
        }
    }

    @Test func everyConsistencyProofUpTo300LeavesIsTheRFCsAndVerifies() throws {
        var tree = NaiveTree(numbered: 300)
        for size in 0...300 {
            let shape = TreeShape(size: Int64(size))
            let root = tree.root(size)
            for old in 0...size {
                let proof = ConsistencyProof(shape.consistency(from: Int64(old)).map { tree.hash(of: $0, size: size) })
                #expect(proof.hashes == tree.consistency(old, size))
                try proof.verify(oldSize: Int64(old), oldRoot: tree.root(old), newSize: Int64(size), newRoot: root)
            }
        }
    }
}
