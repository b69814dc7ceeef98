import Model
import Testing

@Suite struct TimestampTests {
    @Test(
        "Known instants in both directions",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_000_000_000_000, "2001-09-09T01:46:40.000Z"), (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"), (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func knowsInstants(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == text)
        #expect(Timestamp(text)?.milliseconds == milliseconds)
    }

    @Test(
        "Only the one form is read, and only dates that exist",
        arguments: [
            "", "2026-11-21T02:33:00Z", "2026-11-21T02:33:00.00Z", "2026-11-21T02:33:00.0000Z", "2026-11-21 02:33:00.000Z",
            "2026-11-21T02:33:00.000z",
            "2026-11-21T02:33:00.000+00:00", "2026-02-29T00:00:00.000Z", "2100-02-29T00:00:00.000Z", "2026-04-31T00:00:00.000Z",
            "2026-00-01T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z", "2026-01-00T00:00:00.000Z", "2026-01-32T00:00:00.000Z", "2026-01-01T24:00:00.000Z",
            "2026-01-01T00:60:00.000Z",
            "2026-01-01T00:00:60.000Z", "2026-01-01T00:00:0a.000Z", "-026-01-01T00:00:00.000Z", "２026-01-01T00:00:00.00Z",
        ])
    func refusesOtherForms(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func everyDayOfEightHundredYearsGoesThereAndBackInOrder() {
        var previous = ""
        for day in stride(from: Int64(-146_097), through: 146_097, by: 1) {
            let date = CivilDate(daysSinceEpoch: day)
            let text = Timestamp(milliseconds: day * 86_400_000 + 43_200_001).description
            if date.daysSinceEpoch != day || CivilDate(year: date.year, month: date.month, day: date.day) != date || text <= previous {
                Issue.record("day \(day) is \(date)")
            }
            previous = text
        }
    }

    @Test func textsRoundTripAtRandomInstants() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let instant = Timestamp(milliseconds: Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &random))
            #expect(Timestamp(instant.description) == instant)
        }
    }

    @Test func whatNoCalendarOfOursReachesIsClamped() {
        #expect(Timestamp(milliseconds: .max).description == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: .min).description == "0000-01-01T00:00:00.000Z")
    }

    @Test func spansAddSubtractAndTruncateTowardsZero() {
        let instant = Timestamp(milliseconds: 10_000)
        #expect(instant + .seconds(1) == Timestamp(milliseconds: 11_000))
        #expect(instant - .milliseconds(10_001) == Timestamp(milliseconds: -1))
        #expect(instant - Timestamp(milliseconds: 9_500) == .milliseconds(500))
        #expect(instant + .microseconds(1_999) == Timestamp(milliseconds: 10_001))
        #expect(Duration.microseconds(-1_999).wholeMilliseconds == -1)
        #expect(Duration.milliseconds(1_999).wholeSeconds == 1)
    }
}
