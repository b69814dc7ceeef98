package import Model

/// When disruptive work may run: the same hours on chosen days, by the site's clock on the wall.
///
/// Starts are inside, ends are outside. An end at or before the start lies on the next day (`22:00-04:00`), and the day
/// named is the one on which the window starts; `00:00-24:00` is a whole day. A window is the time between two instants:
/// where the clock shows an end twice (put back) its first showing counts, and where it never shows it (put forward) the
/// moment of the change does. So a window that lies wholly inside the skipped hour does not occur that day.
package struct MaintenanceWindow: Hashable, Sendable {
    package enum Weekday: String, Hashable, Sendable, CaseIterable {
        case sunday = "sun", monday = "mon", tuesday = "tue", wednesday = "wed", thursday = "thu", friday = "fri", saturday = "sat"
    }

    /// Minutes after midnight: 0...1439, and 0...1440.
    private let start: Int64
    private let end: Int64
    package let days: Set<Weekday>
    package let zone: TimeZoneRules

    /// - Parameters:
    ///   - hours: `HH:MM-HH:MM`, 24-hour, both digits written.
    ///   - days: `mon` … `sun`; empty means every day.
    package init(_ hours: String, days names: [String] = [], zone: TimeZoneRules) throws(WindowError) {
        let bytes = Array(hours.utf8)
        guard bytes.count == 11, bytes[5] == UInt8(ascii: "-"), let start = Self.minutes(bytes[0..<5]),
            let end = Self.minutes(bytes[6...]), start < 1_440
        else { throw .hoursMalformed(hours) }
        guard start != end % 1_440 || end == 1_440 else { throw .empty(hours) }
        var days: Set<Weekday> = []
        for name in names {
            guard let day = Weekday(rawValue: name) else { throw .dayUnknown(name) }
            days.insert(day)
        }
        self.start = start
        self.end = end
        self.days = days.isEmpty ? Set(Weekday.allCases) : days
        self.zone = zone
    }

    package func contains(_ now: Timestamp) -> Bool {
        let today = localDay(of: now)
        return (today - 2...today + 1).contains { day in
            guard let span = span(startingOn: day) else { return false }
            return span.contains(now)
        }
    }

    /// The next beginning strictly after `now`, also when `now` lies in a window.
    package func nextStart(after now: Timestamp) -> Timestamp {
        let today = localDay(of: now)
        for day in (today - 2)...(today + 60) {
            if let span = span(startingOn: day), span.lowerBound > now { return span.lowerBound }
        }
        // Only a zone that skips the same hour on the same weekday for two months gets here; the day after is asked again.
        return now + .seconds(86_400)
    }

    /// nil where that day has none: not a chosen day, or skipped by a clock put forward.
    private func span(startingOn day: Int64) -> Range<Timestamp>? {
        // 1970-01-01 was a Thursday.
        guard days.contains(Weekday.allCases[Int(((day + 4) % 7 + 7) % 7)]) else { return nil }
        let lasts = end > start ? end : end + 1_440
        let first = zone.second(ofLocal: day * 86_400 + start * 60)
        let last = zone.second(ofLocal: day * 86_400 + lasts * 60)
        guard first < last else { return nil }
        return Timestamp(milliseconds: first * 1_000)..<Timestamp(milliseconds: last * 1_000)
    }

    private func localDay(of now: Timestamp) -> Int64 {
        let local = now.milliseconds + zone.offset(at: now) * 1_000
        return local >= 0 ? local / 86_400_000 : (local - 86_399_999) / 86_400_000
    }

    private static func minutes(_ text: ArraySlice<UInt8>) -> Int64? {
        let bytes = Array(text)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"),
            [0, 1, 3, 4].allSatisfy({ (48...57).contains(bytes[$0]) })
        else { return nil }
        let (hour, minute) = (Int64(bytes[0] - 48) * 10 + Int64(bytes[1] - 48), Int64(bytes[3] - 48) * 10 + Int64(bytes[4] - 48))
        guard minute < 60, hour < 24 || (hour == 24 && minute == 0) else { return nil }
        return hour * 60 + minute
    }
}

/// Why a maintenance window is not one. Configuration errors: the appliance does not start with them.
package enum WindowError: Error, Hashable, Sendable {
    case hoursMalformed(String)
    /// Start and end are the same minute, which could mean never or always.
    case empty(String)
    case dayUnknown(String)
    case zoneUnknown(String)
    case zoneMalformed(String)

    package var code: Code {
        switch self {
        case .hoursMalformed: "window.hours_malformed"
        case .empty: "window.empty"
        case .dayUnknown: "window.day_unknown"
        case .zoneUnknown: "window.zone_unknown"
        case .zoneMalformed: "window.zone_malformed"
        }
    }

    package var message: String {
        switch self {
        case .hoursMalformed(let text): "maintenance window \"\(text)\" refused: not HH:MM-HH:MM; write for example 22:00-04:00."
        case .empty(let text): "maintenance window \"\(text)\" refused: it starts where it ends; for a whole day write 00:00-24:00."
        case .dayUnknown(let text): "maintenance window refused: \"\(text)\" is no day; use mon, tue, wed, thu, fri, sat, sun."
        case .zoneUnknown(let name): "time zone \"\(name)\" refused: no such file in zoneinfo; use an IANA name such as America/Chicago."
        case .zoneMalformed(let name): "time zone \"\(name)\" refused: its zoneinfo file is not TZif version 2 or later; reinstall tzdata."
        }
    }
}
