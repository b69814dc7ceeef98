import Model
import Testing

@testable import Laboratory

/// The auditor would see it if a limit were broken: at each limit nothing, just beyond it the code.
@Suite struct LimitAuditorTests {
    private let setup = SimulationSetup(hosts: 20, days: 1, seed: 1)
    /// At night.
    private let now = SimulationSetup.start

    private func truth(
        isClinical: Bool = false, mayBeRepaired: Bool = true, isPaused: Bool = false, isEvidenceGone: Bool = false,
        isClockOff: Bool = false, isUnapproved: Bool = false
    ) -> LimitAuditor.Truth {
        LimitAuditor.Truth(
            isClinical: isClinical, mayBeRepaired: mayBeRepaired, isPaused: isPaused, isEvidenceGone: isEvidenceGone,
            isClockOff: isClockOff, isUnapproved: isUnapproved)
    }

    private func began(
        _ auditor: inout LimitAuditor, on subject: Int = 0, host: Int = 0, disturbing: Bool = false, _ truth: LimitAuditor.Truth,
        after seconds: Int64 = 0
    ) -> [Code] {
        auditor.began(
            subject, on: host, disturbing: disturbing, cooldown: .zero, attemptsMax: 3, truth: truth, at: now + .seconds(seconds))
    }

    @Test func eachTruthThatForbidsActingHasItsCode() {
        for (forbidding, disturbing, code) in [
            (truth(isClinical: true), false, "harm.clinical_device"), (truth(mayBeRepaired: false), false, "harm.not_to_be_repaired"),
            (truth(isPaused: true), false, "harm.paused"), (truth(isEvidenceGone: true), false, "harm.no_evidence"),
            (truth(isClockOff: true), true, "harm.clock_off"), (truth(isUnapproved: true), false, "harm.not_approved"),
        ] as [(LimitAuditor.Truth, Bool, Code)] {
            var auditor = LimitAuditor(setup, subjects: 4)
            #expect(began(&auditor, disturbing: disturbing, forbidding) == [code])
        }
        var auditor = LimitAuditor(setup, subjects: 4)
        #expect(began(&auditor, disturbing: true, truth()) == [])
        #expect(began(&auditor, host: 1, disturbing: true, truth(), after: 12 * 3_600) == ["harm.outside_window"])
    }

    @Test func cooldownFlappingAndLoadAreCountedToTheSecond() {
        var auditor = LimitAuditor(setup, subjects: 4)
        #expect(began(&auditor, truth()) == [])
        #expect(began(&auditor, on: 1, truth()) == ["harm.host_busy"])
        auditor.ended(0, on: 0, passed: false, at: now + .seconds(10))
        #expect(began(&auditor, truth(), after: 609) == ["harm.cooldown"])
        auditor.ended(0, on: 0, passed: false, at: now + .seconds(700))
        #expect(began(&auditor, truth(), after: 1_300) == [])

        for minute in 0..<4 { auditor.opened(3, at: now + .seconds(3_000 + Int64(minute) * 60)) }
        #expect(began(&auditor, on: 3, host: 5, truth(), after: 3_200) == ["harm.flapping"])
        #expect(began(&auditor, on: 3, host: 6, truth(), after: 4_800) == ["harm.blast_radius"])
    }

    @Test func theThirtyFirstRepairInAnHourIsOneTooMany() {
        var auditor = LimitAuditor(setup, subjects: 40)
        for number in 0..<30 {
            #expect(began(&auditor, on: number, truth(), after: Int64(number) * 60) == [])
            auditor.ended(number, on: 0, passed: true, at: now + .seconds(Int64(number) * 60 + 10))
        }
        #expect(began(&auditor, on: 30, truth(), after: 1_800) == ["harm.budget"])
        auditor.ended(30, on: 0, passed: true, at: now + .seconds(1_801))
        // Those of the first two minutes have left the hour.
        #expect(began(&auditor, on: 31, truth(), after: 3_661) == [])
    }

    @Test func theFourthAttemptAtOneOpeningIsOneTooMany() {
        var auditor = LimitAuditor(setup, subjects: 4)
        auditor.opened(0, at: now)
        for number in 0..<4 {
            #expect(began(&auditor, truth(), after: Int64(number) * 700) == (number < 3 ? [] : ["harm.attempts"]))
            auditor.ended(0, on: 0, passed: false, at: now + .seconds(Int64(number) * 700 + 10))
        }
        auditor.opened(0, at: now + .seconds(2_800))
        #expect(began(&auditor, truth(), after: 2_800) == [])
    }

    @Test func theSeventhRepairInADayIsOneTooManyAndOnlyThoseThatPassedCount() {
        var auditor = LimitAuditor(setup, subjects: 4)
        for number in 0..<11 {
            let begin = Int64(number) * 3_600
            auditor.opened(0, at: now + .seconds(begin))
            #expect(began(&auditor, truth(), after: begin) == [])
            auditor.ended(0, on: 0, passed: number % 2 == 0, at: now + .seconds(begin + 10))
        }
        auditor.opened(0, at: now + .seconds(86_409))
        #expect(began(&auditor, truth(), after: 86_409) == ["harm.daily"])
        auditor.ended(0, on: 0, passed: false, at: now + .seconds(86_409))
        // The first has left the day.
        auditor.opened(0, at: now + .seconds(87_009))
        #expect(began(&auditor, truth(), after: 87_010) == [])
    }
}
