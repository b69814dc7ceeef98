import Compliance
import Evidence
import Model
import Testing

@Suite struct MissedSlotsTests {
    private func isMissed(look: Double?, from: Double, until: Double, every hours: Int64 = 1) -> Bool {
        let check = CoverageTests.ssh.check
        return MissedSlots.any(
            of: [ExpectedCheck(check: check, intervalSeconds: hours * 3_600, staleAfterSeconds: 3_600)],
            looks: look.map { [check: CoverageTests.instant($0)] } ?? [:], from: CoverageTests.instant(from),
            until: CoverageTests.instant(until))
    }

    @Test func aSlotThatEndedWithoutALookWasMissed() {
        #expect(isMissed(look: 2.5, from: 2.6, until: 4.0))
        #expect(!isMissed(look: 2.5, from: 2.6, until: 3.99))
        // The slot in which it began was not seen before it began.
        #expect(isMissed(look: 1.9, from: 2.1, until: 3.0))
        #expect(isMissed(look: nil, from: 2.1, until: 3.0))
        #expect(!isMissed(look: nil, from: 2.1, until: 2.9))
        // A daily check seen at noon lost nothing by a night.
        #expect(!isMissed(look: 12, from: 23, until: 30, every: 24))
        #expect(isMissed(look: 12, from: 23, until: 48, every: 24))
    }

    @Test func nothingExpectedIsNothingMissed() {
        #expect(!MissedSlots.any(of: [], looks: [:], from: CoverageTests.instant(0), until: CoverageTests.instant(100)))
    }
}
