import Model
import Testing

@testable import Detection

@Suite struct IncidentTrackerTests {
    let now = Timestamp(milliseconds: 1_700_000_000_000)
    var random = SystemRandomNumberGenerator()

    private func look(_ verdict: Verdict, after seconds: Int = 0, host: HostID = "h") -> Observation {
        let time = now + .seconds(seconds)
        return Observation(
            host: host, check: "c", verdict: verdict, facts: Facts(["f": .integer(Int64(seconds))]), started: time, ended: time)
    }

    @Test mutating func driftOpensOneIncidentThatCompliancePasses() throws {
        var tracker = IncidentTracker(open: [])
        guard case .opened(let opened)? = tracker.apply(look(.drift("x")), severity: .high, random: &random) else {
            return #expect(Bool(false), "not opened")
        }
        #expect(opened.state == .open && opened.opened == now && opened.severity == .high)
        guard case .updated(let same, codeChanged: false)? = tracker.apply(look(.drift("x"), after: 1), severity: .high, random: &random),
            case .updated(let other, codeChanged: true)? = tracker.apply(look(.drift("y"), after: 2), severity: .high, random: &random)
        else { return #expect(Bool(false), "not updated") }
        #expect(same.id == opened.id && other.id == opened.id && other.code == "y" && other.facts["f"] == .integer(2))
        #expect(tracker.incidents == [other])
        guard case .resolved(let resolved)? = tracker.apply(look(.compliant, after: 3), severity: .high, random: &random) else {
            return #expect(Bool(false), "not resolved")
        }
        #expect(resolved.state == .resolved && resolved.resolved == now + .seconds(3))
        #expect(tracker.incidents.isEmpty)
    }

    @Test mutating func unknownNeitherOpensNorResolves() {
        var tracker = IncidentTracker(open: [])
        #expect(tracker.apply(look(.unknown("host.timed_out")), severity: .high, random: &random) == nil)
        _ = tracker.apply(look(.drift("x"), after: 1), severity: .high, random: &random)
        let before = tracker.incidents
        guard case .unseen? = tracker.apply(look(.unknown("host.timed_out"), after: 2), severity: .high, random: &random) else {
            return #expect(Bool(false), "not unseen")
        }
        #expect(tracker.incidents == before)
    }

    @Test mutating func complianceWithoutAnIncidentAndAnOldLookChangeNothing() {
        var tracker = IncidentTracker(open: [])
        #expect(tracker.apply(look(.compliant), severity: .low, random: &random) == nil)
        _ = tracker.apply(look(.drift("x"), after: 10), severity: .low, random: &random)
        #expect(tracker.apply(look(.compliant, after: 9), severity: .low, random: &random) == nil)
        #expect(tracker.incidents.count == 1)
    }

    @Test mutating func hostsDoNotShareIncidents() {
        var tracker = IncidentTracker(open: [])
        _ = tracker.apply(look(.drift("x"), host: "a"), severity: .low, random: &random)
        #expect(tracker.apply(look(.compliant, after: 1, host: "b"), severity: .low, random: &random) == nil)
        #expect(tracker.incidents.map(\.host) == ["a"])
    }
}
