package import Evidence
package import Model

/// Hours since 1970-01-01T00:00:00Z.
package typealias Hour = Int

extension Timestamp {
    static let hourMilliseconds: Int64 = 3_600_000

    /// The hour that it lies in.
    package var hour: Hour {
        let quotient = milliseconds / Self.hourMilliseconds
        return Hour(milliseconds % Self.hourMilliseconds < 0 ? quotient - 1 : quotient)
    }

    /// The first hour that does not begin before it.
    package var hourRoundedUp: Hour { milliseconds % Self.hourMilliseconds == 0 ? hour : hour + 1 }

    package init(hour: Hour) { self.init(milliseconds: Int64(hour) * Self.hourMilliseconds) }
}

extension Int {
    /// Rounded down also below zero; `divisor` is positive.
    func flooredDivision(by divisor: Int) -> Int { self % divisor < 0 ? self / divisor - 1 : self / divisor }
}

/// How often a check has to be seen.
package struct SlotRule: Hashable, Sendable {
    /// The heartbeat: no slot is shorter, since a verdict that does not change is listed once an hour.
    package static let secondsMin: Int64 = 3_600
    package static let graceMax: Hour = 168

    /// Length of a slot.
    package let hours: Hour
    /// How long after its end a slot may still be made, late.
    package let grace: Hour
    /// How long a verdict stands for what came after it.
    package let reachSeconds: Int64

    package init(_ expected: ExpectedCheck) {
        let interval = max(expected.intervalSeconds, Self.secondsMin)
        hours = Hour((interval + 3_599) / 3_600)
        let beyond = max(0, expected.staleAfterSeconds - Int64(hours) * 3_600)
        grace = min(Self.graceMax, Hour(beyond / 3_600))
        reachSeconds = max(expected.staleAfterSeconds, Int64(hours) * 7_200)
    }

    /// What a check is named twice for, the first holds.
    static func rules(_ checks: [ExpectedCheck]) -> [CheckID: SlotRule] {
        Dictionary(checks.map { ($0.check, SlotRule($0)) }, uniquingKeysWith: { first, _ in first })
    }

    static func asksForLess(_ rules: [CheckID: SlotRule], than before: [CheckID: SlotRule]) -> Bool {
        before.contains { check, old in rules[check].map { $0.hours > old.hours || $0.grace > old.grace } ?? true }
    }
}

/// What is judged, and up to when.
package struct CoveragePeriod: Hashable, Sendable {
    package static let daysMax = 366

    package let from: Timestamp
    package let until: Timestamp
    /// A slot that may still be made late at this instant is left out.
    package let horizon: Timestamp

    /// nil unless both ends are midnights, in order, and at most 366 days apart.
    package init?(from: Timestamp, until: Timestamp, horizon: Timestamp) {
        let day: Int64 = 86_400_000
        guard from < until, from.milliseconds % day == 0, until.milliseconds % day == 0, from.milliseconds >= 0,
            until.milliseconds - from.milliseconds <= day * Int64(Self.daysMax)
        else { return nil }
        self.from = from
        self.until = until
        self.horizon = horizon
    }

    package var hours: Range<Hour> { from.hour..<until.hour }
    /// Those in which a look can matter: a slot at the end may be made late.
    var lookHours: Range<Hour> { from.hour..<(until.hour + SlotRule.graceMax) }
}

/// A span in which a check was expected in one way.
package struct Segment: Hashable, Sendable {
    package let from: Timestamp
    package let until: Timestamp
    package let rule: SlotRule
    package let watcher: ApplianceID
}
