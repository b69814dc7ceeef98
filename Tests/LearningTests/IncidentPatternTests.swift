import Learning
import Model
import Seal
import Testing

@Suite struct IncidentPatternTests {
    @Test func theSignatureIsTheDigestOfTheDocumentedText() throws {
        let pattern = try #require(SmallCatalog().pattern())
        let text = """
            {"check":"area.check.c0","code":"svc.inactive","facts":[\
            {"is":"holds","when":{"equals":false,"fact":"svc.active"}},\
            {"is":"fails","when":{"fact":"svc.restarts","greater":{"parameter":"restartsMax"}}}\
            ],"platform":"debian","schema":"martlet.pattern/v1"}
            """
        #expect(String(decoding: try pattern.json.canonicalBytes(), as: UTF8.self) == text)
        #expect(pattern.signature.description == "ptrn_" + Digest(of: Array(text.utf8)).description)
        #expect(PatternSignature(pattern.signature.description) == pattern.signature)
        #expect(PatternSignature("ptrn_00") == nil)
    }

    @Test func whatNoConditionCanTellApartIsOnePattern() throws {
        let small = try SmallCatalog()
        func pattern(restarts: Int64, banner: String) -> IncidentPattern? {
            small.pattern(
                facts: Facts(["svc.active": .boolean(false), "svc.restarts": .integer(restarts), "svc.banner": .string(banner)]))
        }
        let (one, other) = (pattern(restarts: 1, banner: "front"), pattern(restarts: 5, banner: "back"))
        #expect(one == other)
    }

    @Test func whatAConditionTellsApartIsTwo() throws {
        let small = try SmallCatalog()
        let patterns = [
            small.pattern(), small.pattern(1), small.pattern(code: "svc.restarts"), small.pattern(platforms: ["linux", "ubuntu"]),
            small.pattern(facts: Facts(["svc.active": .boolean(false), "svc.restarts": .integer(6)])),
            small.pattern(facts: Facts(["svc.active": .boolean(false)], unknowns: ["svc.restarts": "probe.timeout"])),
        ]
        #expect(Set(patterns.map { $0?.signature }).count == patterns.count)
    }

    @Test func platformsAreTheNarrowestInWhateverOrder() throws {
        let small = try SmallCatalog()
        #expect(small.pattern(platforms: ["debian", "linux", "vax"])?.platform == "debian")
        #expect(small.pattern(platforms: ["linux"])?.platform == "linux")
    }

    @Test func fromAnUnknownPlatformOrCodeNothingIsLearned() throws {
        let small = try SmallCatalog()
        #expect(small.pattern(platforms: ["vax"]) == nil)
        #expect(small.pattern(platforms: []) == nil)
        #expect(small.pattern(code: "svc.other") == nil)
    }
}
