import Compliance
import Model
import Testing

@Suite struct SampleTests {
    private let nonce = "drawn from an urn by the auditor"
    private var population: [Coverage.Read] { get throws { try CoverageTests.coverage([CoverageTests().chain(seen: 0..<24)]).read } }

    private func draw(_ count: Int, nonce: String? = nil, root: Digest = .genesis) throws -> [Int64] {
        var sample = try #require(Sample(nonce: nonce ?? self.nonce, root: root))
        return sample.draw(count, from: try population).map(\.sequence)
    }

    @Test func everyBundleIsDrawnOnceAndThenNoMore() throws {
        #expect(try draw(1_000).sorted() == (0...24).map(Int64.init))
        #expect(try draw(0).isEmpty && draw(-1).isEmpty)
    }

    @Test func aSmallerSampleIsTheBeginOfALargerOne() throws {
        #expect(try draw(5) == Array(try draw(20).prefix(5)))
    }

    @Test func theNonceAndTheRootDecide() throws {
        let other = try #require(Digest(bytes: [UInt8](repeating: 1, count: 32)))
        #expect(try draw(8) != draw(8, root: other) && draw(8) != draw(8, nonce: nonce + "."))
    }

    @Test("A nonce has 16 to 200 bytes", arguments: [(15, false), (16, true), (200, true), (201, false)])
    func nonceLength(bytes: Int, isOne: Bool) {
        #expect((Sample(nonce: String(repeating: "n", count: bytes), root: .genesis) != nil) == isOne)
    }
}
