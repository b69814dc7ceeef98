import Model

/// A time in which one (host, check) had to be seen.
struct Slot: Hashable, Sendable {
    let hours: Range<Hour>
    var grace: Hour
    /// Of the first segment that it touches.
    let watcher: ApplianceID
    /// Whether it lies in one segment. One that is cut by a change of the rule has an hour of grace, since the change may come at its end.
    fileprivate var isWhole: Bool
}

extension [Segment] {
    /// Segments less than this apart are one watch: a host that is removed and at once added again is not away.
    private static let breakMin: Duration = .seconds(3_600)

    /// Required slots by begin, then length: those that touch a segment of their length and in which the check was expected throughout.
    ///
    /// - Precondition: one (host, check), ascending by begin.
    func slots(in period: CoveragePeriod) -> [Slot] {
        var slots: [Slot] = []
        var place = 0
        while place < count {
            let from = self[place].from
            var (end, until) = (place + 1, self[place].until)
            while end < count, self[end].from - until < Self.breakMin {
                until = Swift.max(until, self[end].until)
                end += 1
            }
            let span =
                Swift.max(
                    from.hourRoundedUp, period.from.hour)..<Swift.max(
                    from.hourRoundedUp, period.from.hour, Swift.min(until.hour, period.until.hour))
            for segment in self[place..<end] { segment.append(to: &slots, in: span) }
            place = end
        }
        if count > 1 { slots = Self.merged(slots) }
        let horizon = period.horizon.hour
        return slots.compactMap { slot in
            var slot = slot
            if !slot.isWhole { slot.grace = Swift.max(slot.grace, 1) }
            return slot.hours.upperBound + slot.grace <= horizon ? slot : nil
        }
    }

    /// A slot that several segments touch counts by the least grace of theirs.
    private static func merged(_ slots: [Slot]) -> [Slot] {
        let order = slots.indices.sorted {
            let (left, right) = (slots[$0].hours, slots[$1].hours)
            return (left.lowerBound, left.upperBound, $0) < (right.lowerBound, right.upperBound, $1)
        }
        var merged: [Slot] = []
        merged.reserveCapacity(slots.count)
        for index in order {
            if let last = merged.last, last.hours == slots[index].hours {
                merged[merged.count - 1].grace = Swift.min(last.grace, slots[index].grace)
                merged[merged.count - 1].isWhole = last.isWhole || slots[index].isWhole
            } else {
                merged.append(slots[index])
            }
        }
        return merged
    }
}

extension Segment {
    /// Slot k is the hours [k·L, (k+1)·L).
    fileprivate func append(to slots: inout [Slot], in span: Range<Hour>) {
        let length = rule.hours
        var number = Swift.max(from.hour.flooredDivision(by: length), -(-span.lowerBound).flooredDivision(by: length))
        while number * length < until.hourRoundedUp, (number + 1) * length <= span.upperBound {
            let hours = number * length..<(number + 1) * length
            let isWhole = from <= Timestamp(hour: hours.lowerBound) && Timestamp(hour: hours.upperBound) <= until
            slots.append(Slot(hours: hours, grace: rule.grace, watcher: watcher, isWhole: isWhole))
            number += 1
        }
    }
}
