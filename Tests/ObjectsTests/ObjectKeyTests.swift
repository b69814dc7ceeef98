import Objects
import Testing

@Suite struct ObjectKeyTests {
    @Test(arguments: ["a", "log/tile/0/x001/067.p/12", "A-Z_a.z/0.9", "..a", String(repeating: "x", count: 128)])
    func takesSegmentsOfPlainCharacters(text: String) {
        #expect(ObjectKey(text)?.description == text)
    }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a/...", "a b", "a\\b", "a\0b", "ä", "a?b", "a%2fb", "a\nb",
        String(repeating: "x", count: 129), Array(repeating: "x", count: 17).joined(separator: "/"),
        Array(repeating: String(repeating: "x", count: 128), count: 4).joined(separator: "/") + "/x",
    ])
    func refusesWhatCouldLeaveItsPlace(text: String) {
        #expect(ObjectKey(text) == nil)
    }

    @Test func prefixesAreWholeSegments() {
        #expect(ObjectPrefix("")?.description == "")
        #expect(ObjectPrefix("log/tile/")?.description == "log/tile/")
        for text in ["/", "log", "log//", "../", "log/../"] { #expect(ObjectPrefix(text) == nil) }
    }

    @Test func sortsByBytesNotByAlphabet() throws {
        let sorted = try ["a/b", "a-b", "a.b", "aB", "ab", "a"].map { try #require(ObjectKey($0)) }.sorted().map(\.description)
        #expect(sorted == ["a", "a-b", "a.b", "a/b", "aB", "ab"])
    }
}
