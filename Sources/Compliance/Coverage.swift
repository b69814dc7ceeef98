package import Model
package import Seal

/// What was required and what was made of it, exactly.
package struct CoverageFigures: Hashable, Sendable {
    package var required = 0
    package var made = 0
    package var late = 0
    package var excepted = 0
    package var missing: [Code: Int] = [:]

    package init() {}

    package var missingCount: Int { missing.values.reduce(0, +) }

    /// Hundredths of a percent of what was required and not excepted, rounded down; nil where nothing was: that is not all.
    package var basisPoints: Int? { required > excepted ? 10_000 * (made + late) / (required - excepted) : nil }

    static func += (left: inout CoverageFigures, right: CoverageFigures) { left.add(right, times: 1) }

    mutating func add(_ other: CoverageFigures, times: Int) {
        required += other.required * times
        made += other.made * times
        late += other.late * times
        excepted += other.excepted * times
        for (code, count) in other.missing { missing[code, default: 0] += count * times }
    }
}

/// A span in which a check should have been seen and was not: missing slots that touch and have one cause.
package struct Gap: Hashable, Sendable {
    package let subject: WatchedCheck
    package let from: Timestamp
    package internal(set) var until: Timestamp
    package let cause: Code
    package internal(set) var slots: Int
}

/// Who looked when, for every day, host and check of a period: `coverage.json`. Made by `CoverageBuilder`.
package struct Coverage: Sendable {
    package static let schema = "martlet.coverage/v1"

    /// Consecutive days with the same figures.
    package struct Days: Hashable, Sendable {
        /// Since 1970.
        package let day: Int
        package internal(set) var count: Int
        package let figures: CoverageFigures
    }

    /// The slots of one length that were required, by number.
    package struct RequiredSlots: Hashable, Sendable {
        package let hours: Hour
        package internal(set) var runs: [Range<Int>]
    }

    package struct Pair: Hashable, Sendable {
        package let subject: WatchedCheck
        package let days: [Days]
        package let gaps: [Gap]
        /// Ascending by length.
        package let slots: [RequiredSlots]

        package var total: CoverageFigures { days.reduce(into: CoverageFigures()) { $0.add($1.figures, times: $1.count) } }
    }

    /// What was read of one appliance.
    package struct Read: Hashable, Sendable {
        package let appliance: ApplianceID
        package let first: Int64
        package internal(set) var last: Int64
    }

    package let site: SiteID
    package let period: CoveragePeriod
    package let ledger: ExpectationLedger
    package let statements: [CentralStatement]
    package let read: [Read]
    /// Those with a required slot, sorted by host, then check.
    package let pairs: [Pair]
    /// What retention took of the period, by appliance. Of that time nothing is required, and nothing is known.
    package let pruned: [PrunedSpan]
    /// Observed, and named by no entry of the ledger: what was expected of them is not at hand. Sorted.
    package let unexpected: [WatchedCheck]
    /// Hosts that were taken over in the period from an appliance that went on to send.
    package let takeovers: [Takeover]

    package var total: CoverageFigures { pairs.reduce(into: CoverageFigures()) { $0 += $1.total } }

    /// Canonical JSON, written without a tree: a year of a large site has a million days in it when nothing goes well.
    package var canonicalBytes: [UInt8] {
        var writer = CanonicalWriter(capacity: 256 + pairs.count * 256)
        writer.raw("{\"from\":")
        writer.timestamp(period.from)
        writer.raw(",\"horizon\":")
        writer.timestamp(period.horizon)
        writer.raw(",\"pairs\":[")
        for (index, pair) in pairs.enumerated() {
            writer.raw(index > 0 ? ",{\"check\":" : "{\"check\":")
            writer.string(pair.subject.check.description)
            writer.raw(",\"days\":[")
            for (index, days) in pair.days.enumerated() {
                writer.raw(index > 0 ? ",{\"count\":" : "{\"count\":")
                writer.integer(Int64(days.count))
                writer.raw(",\"day\":")
                writer.string(Self.text(ofDay: days.day))
                writer.raw(",")
                writer.figures(days.figures)
                writer.raw("}")
            }
            writer.raw("],\"host\":")
            writer.string(pair.subject.host.description)
            writer.raw("}")
        }
        writer.raw("],")
        if !pruned.isEmpty {
            writer.raw("\"pruned\":[")
            for (index, span) in pruned.enumerated() {
                writer.raw(index > 0 ? ",{\"appliance\":" : "{\"appliance\":")
                writer.string(span.appliance.description)
                writer.raw(",\"from\":")
                writer.timestamp(span.from)
                writer.raw(",\"lastSequence\":")
                writer.integer(span.lastSequence)
                writer.raw(",\"until\":")
                writer.timestamp(span.until)
                writer.raw("}")
            }
            writer.raw("],")
        }
        writer.raw("\"schema\":")
        writer.string(Self.schema)
        writer.raw(",\"site\":")
        writer.string(site.description)
        writer.raw(",\"until\":")
        writer.timestamp(period.until)
        writer.raw("}")
        return writer.finish()
    }

    /// `2026-01-31`.
    package static func text(ofDay day: Int) -> String { String(Timestamp(hour: day * 24).description.prefix(10)) }
}

extension CanonicalWriter {
    /// The members between `day` and `required`, in order.
    fileprivate mutating func figures(_ figures: CoverageFigures) {
        raw("\"excepted\":")
        integer(Int64(figures.excepted))
        raw(",\"late\":")
        integer(Int64(figures.late))
        raw(",\"made\":")
        integer(Int64(figures.made))
        raw(",\"missing\":{")
        for (index, (code, count)) in figures.missing.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { raw(",") }
            string(code.description)
            raw(":")
            integer(Int64(count))
        }
        raw("},\"required\":")
        integer(Int64(figures.required))
    }
}

extension CoverageFigures {
    /// For objects that have more members.
    package var json: [String: JSONValue] {
        [
            "excepted": .integer(Int64(excepted)), "late": .integer(Int64(late)), "made": .integer(Int64(made)),
            "missing": .object(Dictionary(uniqueKeysWithValues: missing.map { ($0.key.description, .integer(Int64($0.value))) })),
            "required": .integer(Int64(required)),
        ]
    }
}
