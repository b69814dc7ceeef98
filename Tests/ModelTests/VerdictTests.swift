import Model
import Testing

@Suite struct VerdictTests {
    let start = Timestamp(milliseconds: 1_000)

    private func observation(_ verdict: Verdict, started: Timestamp) -> Observation {
        Observation(host: "a", check: "b", verdict: verdict, facts: Facts(), started: started, ended: started + .seconds(1))
    }

    @Test(
        "Only a compliant look that began at or after the change proves it",
        arguments: [
            (Verdict.compliant, 0, true), (.compliant, 1, true), (.compliant, -1, false), (.drift("x"), 1, false),
            (.unknown("x"), 1, false),
            (.notApplicable("x"), 1, false),
        ] as [(Verdict, Int64, Bool)])
    func provesOnlyByPassing(verdict: Verdict, offset: Int64, isProof: Bool) {
        let look = observation(verdict, started: Timestamp(milliseconds: start.milliseconds + offset))
        #expect((PassingRecheck(look, after: start) != nil) == isProof)
    }

    @Test func verdictsReadBackFromWordAndCodeAndOthersAreRefused() {
        for verdict in [Verdict.compliant, .drift("a.b"), .unknown("c"), .notApplicable("d")] {
            #expect(Verdict(word: verdict.word, code: verdict.code) == verdict)
        }
        #expect(Verdict(word: "compliant", code: "x") == nil)
        #expect(Verdict(word: "drift", code: nil) == nil)
        #expect(Verdict(word: "ok", code: nil) == nil)
    }

    @Test func severitiesRise() { #expect(Severity.allCases.sorted() == [.low, .medium, .high, .critical]) }

    @Test func everyOutcomeHasItsWord() throws {
        let proof = try #require(PassingRecheck(observation(.compliant, started: start), after: start))
        let all: [Outcome] = [
            .success(proof), .failed("x"), .reverted("x"), .deferred(until: start, "x"), .alert("x"), .rejected("x"), .expired, .observed,
        ]
        #expect(Set(all.map(\.word)) == Outcome.words)
        #expect(all.filter { $0.code == nil }.map(\.word) == ["success", "observed"])
    }

    @Test func aFactIsAValueOrUnknownAndNeverBoth() {
        var facts = Facts(["a": .integer(1)], unknowns: ["a": "x", "b": "y"])
        #expect(facts["a"] == .integer(1) && facts.unknowns["a"] == nil)
        facts.markUnknown("a", "z")
        #expect(facts["a"] == nil && facts.unknowns["a"] == "z")
        facts["b"] = .boolean(true)
        #expect(facts.unknowns["b"] == nil)
        facts.merge(Facts(["a": .integer(2)], unknowns: ["b": "w"]))
        #expect(facts["a"] == .integer(2) && facts["b"] == nil && facts.unknowns == ["b": "w"])
    }
}
