import Healing
import Model
import Testing

@Suite struct MaintenanceWindowTests {
    static func at(_ text: String) -> Timestamp { Timestamp(text + ":00.000Z")! }
    static let newYork = try! TimeZoneRules(named: "America/New_York")

    @Test(
        "The start is inside, the end is outside; both ends wrap midnight",
        arguments: [
            ("22:00-04:00", "2026-01-15T02:59", false), ("22:00-04:00", "2026-01-15T03:00", true),
            ("22:00-04:00", "2026-01-15T08:59", true),
            ("22:00-04:00", "2026-01-15T09:00", false), ("01:00-02:00", "2026-01-15T06:00", true),
            ("01:00-02:00", "2026-01-15T07:00", false),
            ("00:00-24:00", "2026-01-15T05:00", true), ("00:00-24:00", "2026-01-15T04:59", true), ("22:00-00:00", "2026-01-15T04:59", true),
            ("22:00-00:00", "2026-01-15T05:00", false),
        ])
    func bounds(hours: String, instant: String, isInside: Bool) throws {
        let window = try MaintenanceWindow(hours, zone: Self.newYork)
        #expect(window.contains(Self.at(instant)) == isInside)
    }

    /// 2026-01-17 is a Saturday.
    @Test(
        "A day is the day on which the window starts",
        arguments: [
            ("2026-01-17T23:00", true), ("2026-01-18T03:00", true), ("2026-01-18T23:00", false), ("2026-01-17T03:00", false),
        ])
    func days(instant: String, isInside: Bool) throws {
        let window = try MaintenanceWindow("22:00-04:00", days: ["sat"], zone: .utc)
        #expect(window.contains(Self.at(instant)) == isInside)
    }

    @Test("The next start is strictly later, on a chosen day")
    func nextStart() throws {
        let window = try MaintenanceWindow("22:00-04:00", days: ["sat"], zone: .utc)
        #expect(window.nextStart(after: Self.at("2026-01-17T21:59")) == Self.at("2026-01-17T22:00"))
        #expect(window.nextStart(after: Self.at("2026-01-17T22:00")) == Self.at("2026-01-24T22:00"))
    }

    /// New York put its clocks forward at 2026-03-08 07:00Z and back at 2026-11-01 06:00Z.
    @Test(
        "A clock that is put forward shortens a window, or drops it; one that is put back counts the first reading",
        arguments: [
            ("02:30-04:00", "2026-03-08T06:59", false), ("02:30-04:00", "2026-03-08T07:00", true),
            ("02:30-04:00", "2026-03-08T07:59", true),
            ("02:30-04:00", "2026-03-08T08:00", false), ("01:00-02:30", "2026-03-08T06:59", true),
            ("01:00-02:30", "2026-03-08T07:00", false),
            ("02:15-02:45", "2026-03-08T07:00", false), ("02:15-02:45", "2026-03-08T07:15", false),
            ("01:15-01:45", "2026-11-01T05:15", true), ("01:15-01:45", "2026-11-01T06:15", false),
            ("00:00-01:30", "2026-11-01T05:29", true), ("00:00-01:30", "2026-11-01T05:30", false),
            ("00:00-01:30", "2026-11-01T06:15", false),
            ("01:30-05:00", "2026-11-01T05:30", true), ("01:30-05:00", "2026-11-01T06:10", true), ("01:30-05:00", "2026-11-01T09:59", true),
            ("01:30-05:00", "2026-11-01T10:00", false),
        ])
    func changes(hours: String, instant: String, isInside: Bool) throws {
        let window = try MaintenanceWindow(hours, zone: Self.newYork)
        #expect(window.contains(Self.at(instant)) == isInside)
    }

    @Test("A window inside the skipped hour next starts a day later")
    func skipped() throws {
        let window = try MaintenanceWindow("02:15-02:45", zone: Self.newYork)
        #expect(window.nextStart(after: Self.at("2026-03-08T00:00")) == Self.at("2026-03-09T06:15"))
    }

    @Test(
        "What is malformed is a configuration error",
        arguments: [
            ("", "window.hours_malformed"), ("22:00", "window.hours_malformed"), ("22:00-4:00", "window.hours_malformed"),
            ("24:00-04:00", "window.hours_malformed"), ("22:60-04:00", "window.hours_malformed"), ("22:00-25:00", "window.hours_malformed"),
            ("22:00-24:01", "window.hours_malformed"), ("22:00~04:00", "window.hours_malformed"), ("+2:00-04:00", "window.hours_malformed"),
            ("22:00-22:00", "window.empty"), ("00:00-00:00", "window.empty"),
        ])
    func malformed(hours: String, code: Code) {
        let error = #expect(throws: WindowError.self) { try MaintenanceWindow(hours, zone: .utc) }
        #expect(error?.code == code)
    }

    @Test func unknownDayIsRefused() {
        #expect(throws: WindowError.dayUnknown("Sunday")) { try MaintenanceWindow("22:00-04:00", days: ["Sunday"], zone: .utc) }
    }
}
