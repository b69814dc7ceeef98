import Evidence
import Model
import Seal
import TestSupport
import Testing

@Suite struct ChainVerifierTests {
    let key = SigningKey()
    let origin: Bundle.Origin
    let chain: [VerifiedBundle]

    init() throws {
        var random = SeededGenerator(seed: 11)
        origin = Samples.origin(using: &random)
        chain = try Self.chain(of: 6, origin, key, using: &random)
    }

    static func chain(
        of count: Int, _ origin: Bundle.Origin, _ key: SigningKey, after first: Digest = .genesis, using random: inout SeededGenerator
    ) throws -> [VerifiedBundle] {
        let enrolled = [EnrolledKey(key: key.verifyingKey, validFrom: Samples.now - .seconds(60), validUntil: nil)]
        var previous = first
        var chain: [VerifiedBundle] = []
        for sequence in 0..<count {
            let link = ChainLink(sequence: Int64(sequence), previous: previous)
            let sealed = try BundleSealer(key: key).seal(Samples.bundle(origin, using: &random), at: link)
            previous = sealed.digest
            chain.append(try VerifiedBundle(sealed.signed, keys: enrolled))
        }
        return chain
    }

    func faults(_ bundles: [VerifiedBundle], next: Int64 = 0, head: Digest? = nil) -> [ChainFault] {
        var verifier = ChainVerifier(site: origin.site, appliance: origin.appliance, next: next, head: head)
        return bundles.flatMap { verifier.add($0) }
    }

    @Test("A whole chain, and any tail of it, has no fault")
    func acceptsChains() {
        #expect(faults(chain) == [])
        #expect(faults(Array(chain[2...]), next: 2, head: chain[1].digest) == [])
        #expect(faults(Array(chain[2...]), next: 2) == [])
    }

    @Test("What is missing is named, at the start and in the middle")
    func findsGaps() {
        #expect(faults([chain[0], chain[1], chain[4], chain[5]]) == [.gap(from: 2, through: 3)])
        #expect(faults(Array(chain[1...])) == [.gap(from: 0, through: 0)])
    }

    @Test("A second bundle of a number is a fork, the same one again a duplicate, an earlier one out of order")
    func findsForks() throws {
        var random = SeededGenerator(seed: 12)
        let other = try Self.chain(of: 6, origin, key, using: &random)
        #expect(faults([chain[0], other[0]]) == [.fork])
        #expect(faults([chain[0], chain[0], chain[1]]) == [.duplicate])
        #expect(faults([chain[0], chain[1], chain[0], chain[2]]) == [.reordered])
        #expect(faults([chain[0], other[1]]) == [.wrongPrevious])
        #expect(faults(Array(chain[2...]), next: 2, head: other[1].digest) == [.wrongPrevious])
    }

    @Test("A first bundle that names a predecessor is not the first")
    func findsFalseStarts() throws {
        var random = SeededGenerator(seed: 13)
        #expect(faults(try Self.chain(of: 1, origin, key, after: Digest(of: [1]), using: &random)) == [.wrongPrevious])
    }

    @Test("A bundle of another site or appliance changes nothing")
    func refusesStrangers() throws {
        var random = SeededGenerator(seed: 14)
        var (elsewhere, neighbour) = (origin, origin)
        elsewhere.site = SiteID(at: Samples.now, random: &random)
        neighbour.appliance = ApplianceID(at: Samples.now, random: &random)
        let (a, b) = (try Self.chain(of: 2, elsewhere, key, using: &random), try Self.chain(of: 2, neighbour, key, using: &random))
        #expect(faults([chain[0], a[1], b[1], chain[1]]) == [.wrongSite(elsewhere.site), .wrongAppliance(neighbour.appliance)])
    }

    @Test("Past a bundle that was not verified the chain goes on, without a claim about it")
    func skips() {
        var verifier = ChainVerifier(site: origin.site, appliance: origin.appliance)
        #expect(verifier.add(chain[0]) == [])
        #expect(verifier.skip(1) == [])
        #expect(verifier.add(chain[2]) == [])
        #expect(verifier.skip(4) == [.gap(from: 3, through: 3)])
        #expect(verifier.add(chain[5]) == [])
    }
}
