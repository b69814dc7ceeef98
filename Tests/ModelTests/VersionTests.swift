import Model
import Testing

@Suite struct VersionTests {
    /// Debian Policy 5.6.12: "~~", "~~a", "~", the empty part, "a" in that order; the rest follows from its rules.
    @Test func ordersAsDebianPolicyPublishes() throws {
        let rising = [
            "1.0~~", "1.0~~a", "1.0~", "1.0~beta1", "1.0~beta1+b1", "1.0~rc1", "1.0", "1.0-1~bpo12+1", "1.0-1", "1.0-1ubuntu1", "1.0-1+b1",
            "1.0-1+deb12u1", "1.0-2",
            "1.0-10", "1.0a", "1.0a7-4", "1.0+git1", "1.0.1", "1.2.3", "1.2.10", "1.9", "1.10", "9.2p1-2+deb12u3", "9.2p1-2+deb12u10",
            "1:0.1", "2:0.0.1-1",
        ]
        let versions = try rising.map { try #require(Version($0)) }
        for (i, left) in versions.enumerated() {
            for (j, right) in versions.enumerated() {
                #expect((left < right) == (i < j), "\(left) \(right)")
                #expect((left == right) == (i == j), "\(left) \(right)")
            }
        }
    }

    @Test(
        "Versions that are equal hash alike, whatever their text",
        arguments: [
            ("1.0", "1.00"), ("1.01", "1.1"), ("0:1.2", "1.2"), ("1.0-0", "1.0"), ("1.2-01", "1.2-1"),
        ])
    func equalVersionsHashAlike(left: String, right: String) throws {
        let (a, b) = (try #require(Version(left)), try #require(Version(right)))
        #expect(a == b)
        #expect(Set([a, b]).count == 1)
        #expect(!(a < b) && !(b < a))
    }

    @Test("What is no version is refused", arguments: ["", " 1.0", "1.0 ", "1 0", "1.0\n", "é", String(repeating: "1", count: 201)])
    func refuses(text: String) { #expect(Version(text) == nil) }

    @Test func numbersOfAnyLengthCompareWithoutOverflow() throws {
        let (a, b) = (try #require(Version("20261121000000000000000000001")), try #require(Version("20261121000000000000000000002")))
        #expect(a < b)
        #expect(try #require(Version("9")) < a)
        #expect(Version(String(repeating: "9", count: 200)) != nil)
    }
}
