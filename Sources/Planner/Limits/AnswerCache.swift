package import Model
import Seal

/// Answers by pattern. What is kept is the model's call, not the choice: it is read again, against what is offered now.
package struct AnswerCache: Sendable {
    /// Answers of one site are not given to another.
    package struct Key: Hashable, Sendable {
        let site: SiteID
        let pattern: Digest
    }

    private struct Entry {
        let call: ModelCall
        let at: Timestamp
        let number: Int
    }

    package let entriesMax: Int
    /// Exactly this old is still given.
    package let ageMax: Duration
    private var entries: [Key: Entry] = [:]
    private var next = 0
    package var count: Int { entries.count }

    package init(entriesMax: Int, ageMax: Duration) {
        self.entriesMax = entriesMax
        self.ageMax = ageMax
    }

    package func call(_ key: Key, at now: Timestamp) -> ModelCall? {
        // From the future: the clock was put back, and the true age is not known.
        guard let entry = entries[key], entry.at <= now, now - entry.at <= ageMax else { return nil }
        return entry.call
    }

    package mutating func keep(_ call: ModelCall, _ key: Key, at now: Timestamp) {
        guard entriesMax > 0 else { return }
        entries[key] = Entry(call: call, at: now, number: next)
        next += 1
        if entries.count > entriesMax, let oldest = entries.min(by: { $0.value.number < $1.value.number })?.key { entries[oldest] = nil }
    }

    package mutating func forget(_ key: Key) { entries[key] = nil }
}
