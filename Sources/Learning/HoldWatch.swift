package import Model

/// Waits whether a repair lasts: a drift that comes back to the same host within the hold period was not repaired, however well
/// its re-check passed. So a host that flaps teaches nothing good.
package struct HoldWatch: Sendable {
    /// Repairs that wait at once. Beyond it a repair is not waited for and teaches nothing.
    package static let waitingMax = 100_000

    private struct Place: Hashable {
        let pattern: PatternSignature
        let host: HostKey
    }

    private let period: Duration
    private var waiting: [Place: Occurrence] = [:]
    /// In the order of arrival; an entry whose occurrence has left `waiting` is skipped.
    private var queue: [(place: Place, evidence: BundleID)] = []
    private var head = 0

    package init(period: Duration) { self.period = period }

    package var count: Int { waiting.count }

    /// A drift was seen, whether treated later or not: what had repaired it before did not hold.
    package mutating func drifted(_ pattern: PatternSignature, on host: HostKey, at now: Timestamp) -> Occurrence? {
        guard let before = waiting.removeValue(forKey: Place(pattern: pattern, host: host)) else { return nil }
        return now - before.ended < period ? before.recurred : before
    }

    /// - Returns: the occurrence at once, if it has not to wait; nil while it waits.
    package mutating func take(_ occurrence: Occurrence) -> Occurrence? {
        guard occurrence.ending == .held else { return occurrence }
        let place = Place(pattern: occurrence.pattern, host: occurrence.host)
        guard waiting.count < Self.waitingMax || waiting[place] != nil else { return nil }
        // Two repairs without a drift between them: one of the two reports is late, and the first is not sure to have held.
        let before = waiting.updateValue(occurrence, forKey: place)
        queue.append((place, occurrence.evidence))
        return before?.recurred
    }

    /// Those whose period is over, oldest first.
    package mutating func settle(at now: Timestamp) -> [Occurrence] {
        var held: [Occurrence] = []
        while head < queue.count {
            let (place, evidence) = queue[head]
            if let occurrence = waiting[place], occurrence.evidence == evidence {
                guard now - occurrence.ended >= period else { break }
                waiting[place] = nil
                held.append(occurrence)
            }
            head += 1
        }
        if head > 1_024, head * 2 > queue.count {
            queue.removeFirst(head)
            head = 0
        }
        return held
    }
}
