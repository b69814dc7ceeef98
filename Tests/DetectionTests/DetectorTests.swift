import Catalog
import Conditions
import Model
import Testing

@testable import Detection

@Suite struct DetectorTests {
    let now = Timestamp(milliseconds: 1_700_000_000_000)

    private func check(_ id: CheckID, every interval: Duration = .seconds(900), platforms: [String] = ["linux"]) -> CheckDefinition {
        CheckDefinition(
            id: id, title: "t", probe: "p", platforms: platforms, severity: .low, interval: interval, staleAfter: .seconds(3_600),
            phiRisk: "none", parameters: [:], notApplicable: [], drift: [], requires: [], controls: [])
    }

    @Test func whatWasNeverSeenIsDueAtOnce() {
        let detector = Detector(checks: [check("a"), check("b")])
        let due = detector.due([.init(host: "h", platforms: ["linux"])], last: [:], at: now)
        #expect(due["h"]?.map(\.id) == ["a", "b"])
    }

    @Test func aCheckIsDueAtItsIntervalAndNotAMillisecondBefore() {
        let check = check("a")
        let detector = Detector(checks: [check])
        let interval = detector.interval(of: check, on: "h")
        let last = [Detector.Subject(host: "h", check: "a"): now]
        let targets = [Detector.Target(host: "h", platforms: ["linux"])]
        #expect(detector.due(targets, last: last, at: now + interval - .milliseconds(1)).isEmpty)
        #expect(detector.due(targets, last: last, at: now + interval)["h"]?.count == 1)
        #expect(detector.nextDue(targets, last: last, at: now) == now + interval)
    }

    @Test func jitterIsTheSameEveryTimeNeverLateAndSpreadsHosts() throws {
        let check = check("a")
        let detector = Detector(checks: [check])
        let intervals = (0..<200).map { detector.interval(of: check, on: HostID("host\($0)")!) }
        #expect(intervals == (0..<200).map { detector.interval(of: check, on: HostID("host\($0)")!) })
        #expect(intervals.allSatisfy { $0 <= .seconds(900) && $0 >= .seconds(810) })
        #expect(Set(intervals).count > 50)
    }

    @Test func aLookInTheFutureCountsAsNone() {
        let detector = Detector(checks: [check("a")])
        let last = [Detector.Subject(host: "h", check: "a"): now + .milliseconds(1)]
        #expect(detector.due([.init(host: "h", platforms: ["linux"])], last: last, at: now)["h"]?.count == 1)
    }

    @Test func onlyChecksForItsPlatformAreAskedOfAHostAndAllWhileItIsUnknown() {
        let detector = Detector(checks: [check("a", platforms: ["nixos"]), check("b", platforms: ["linux", "debian"])])
        #expect(detector.checks(for: .init(host: "h", platforms: ["linux", "debian"])).map(\.id) == ["b"])
        #expect(detector.checks(for: .init(host: "h", platforms: nil)).count == 2)
        #expect(detector.nextDue([.init(host: "h", platforms: ["windows"])], last: [:], at: now) == nil)
    }

    @Test("A repaired check is made once more five minutes later, and not again before its interval")
    func repairsAreLookedAtOnceMore() {
        let detector = Detector(checks: [check("a", every: .seconds(86_400)), check("b", every: .seconds(86_400))])
        let (a, b) = (Detector.Subject(host: "h", check: "a"), Detector.Subject(host: "h", check: "b"))
        let targets = [Detector.Target(host: "h", platforms: ["linux"])]
        let last = [a: now, b: now]
        let repaired = [a: now]
        let proof = now + Detector.relapseAfter
        #expect(detector.due(targets, last: last, repaired: repaired, at: proof - .milliseconds(1)).isEmpty)
        #expect(detector.due(targets, last: last, repaired: repaired, at: proof)["h"]?.map(\.id) == ["a"])
        #expect(detector.nextDue(targets, last: last, repaired: repaired, at: now) == proof)
        // The look that was made then is the proof, and so is any later one.
        #expect(detector.due(targets, last: [a: proof, b: now], repaired: repaired, at: proof + .seconds(3_600)).isEmpty)
        // One made before was not late enough.
        let early = [a: proof - .milliseconds(1), b: now]
        #expect(detector.due(targets, last: early, repaired: repaired, at: proof)["h"]?.map(\.id) == ["a"])
        // A check that is made more often than that is not made later for it.
        let often = Detector(checks: [check("a", every: .seconds(60))])
        #expect(often.due(targets, last: [a: now], repaired: repaired, at: now + .seconds(60))["h"]?.count == 1)
    }
}
