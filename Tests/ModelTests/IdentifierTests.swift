import Model
import Testing

/// Random numbers that a seed repeats.
private struct Counter: RandomNumberGenerator {
    var value: UInt64
    mutating func next() -> UInt64 {
        value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return value
    }
}

@Suite struct IdentifierTests {
    @Test func identifiersReadBackAndSortByTheirTime() throws {
        var random = Counter(value: 1)
        var previous: SiteID?
        for millisecond in 0..<500 {
            let id = SiteID(at: Timestamp(milliseconds: 1_700_000_000_000 + Int64(millisecond)), random: &random)
            #expect(SiteID(id.description) == id)
            #expect(id.description.count == 31)
            if let previous { #expect(previous < id) }
            previous = id
        }
    }

    @Test func oneKindOfIdentifierDoesNotReadAsAnother() {
        let text = SiteID(at: Timestamp(milliseconds: 0)).description
        #expect(ApplianceID(text) == nil)
        #expect(SiteID("site_" + text.dropFirst(5).uppercased()) == nil)
        #expect(SiteID(String(text.dropLast())) == nil)
        #expect(SiteID(text + "0") == nil)
        #expect(SiteID(String(text.dropLast()) + "u") == nil)
        #expect(SiteID("") == nil)
    }

    @Test func thousandIdentifiersOfOneInstantDiffer() {
        let now = Timestamp(milliseconds: 1)
        #expect(Set((0..<1_000).map { _ in BundleID(at: now) }).count == 1_000)
    }

    @Test(
        "Names",
        arguments: [
            ("a", true), ("A1", true), ("front-desk", true), ("sshd.permit_root_login", true), ("1.2", true), ("", false), (".a", false),
            ("-a", false),
            ("_a", false), ("a b", false), ("a/b", false), ("é", false), ("a\n", false), (String(repeating: "a", count: 100), true),
            (String(repeating: "a", count: 101), false),
        ])
    func namesAreNarrow(text: String, isName: Bool) { #expect((HostID(text) != nil) == isName) }

    @Test func digestsHaveOneText() throws {
        let text = String(repeating: "0a", count: 32)
        #expect(Digest(text)?.description == text)
        #expect(Digest(text.uppercased()) == nil)
        #expect(Digest(String(text.dropLast(2))) == nil)
        #expect(Digest(text.dropLast() + "g") == nil)
        #expect(Digest.genesis.bytes == [UInt8](repeating: 0, count: 32))
        #expect([UInt8](hexadecimal: "abc") == nil)
    }
}
