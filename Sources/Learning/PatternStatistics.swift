import Model

/// One partner's occurrences, added up as they come: what promotion asks is answered without looking at any of them again.
package struct PatternStatistics: Sendable {
    /// Beyond these an occurrence is counted in `dropped` and teaches nothing.
    package static let patternsMax = 20_000
    package static let remediesMax = 16

    package struct Entry: Hashable, Sendable {
        package let signature: PatternSignature
        package internal(set) var occurrences = 0
        package internal(set) var recoveredAlone = 0
        package internal(set) var untreated = 0
        package internal(set) var remedies: [RemedyStatistics] = []

        init(_ signature: PatternSignature) { self.signature = signature }
    }

    /// In the order in which patterns were first seen.
    package private(set) var entries: [Entry] = []
    package private(set) var dropped = 0
    /// Of the newest occurrence that was added.
    package private(set) var position: Int64 = 0
    private var places: [PatternSignature: Int] = [:]

    package init() {}

    /// - Parameter position: the occurrence's number in the store that hands them out, which only grows.
    /// - Returns: false where that position was added before: handing everything out again after a crash counts nothing twice.
    @discardableResult
    package mutating func add(_ occurrence: Occurrence, at position: Int64) -> Bool {
        guard position > self.position else { return false }
        self.position = position
        let place: Int
        if let known = places[occurrence.pattern] {
            place = known
        } else {
            guard entries.count < Self.patternsMax else {
                dropped += 1
                return true
            }
            place = entries.count
            entries.append(Entry(occurrence.pattern))
            places[occurrence.pattern] = place
        }
        if !entries[place].add(occurrence) { dropped += 1 }
        return true
    }

    package subscript(_ signature: PatternSignature) -> Entry? { places[signature].map { entries[$0] } }

    package subscript(_ key: PatternKey) -> RemedyStatistics? {
        self[key.signature]?.remedies.first { $0.remedy == key.remedy }
    }

    /// What was seen of a remedy is forgotten: after a demotion it has to show itself anew.
    mutating func forget(_ key: PatternKey) {
        guard let place = places[key.signature] else { return }
        entries[place].remedies.removeAll { $0.remedy == key.remedy }
    }

    /// What the gate says of every remedy of every pattern.
    package func judge(_ policy: LearningPolicy) -> [PromotionFigures] {
        var all: [PromotionFigures] = []
        all.reserveCapacity(entries.count)
        for entry in entries {
            for remedy in entry.remedies { all.append(PromotionFigures(entry, remedy, policy)) }
        }
        return all
    }
}

extension PatternStatistics.Entry {
    /// False where there is no room for another remedy.
    fileprivate mutating func add(_ occurrence: Occurrence) -> Bool {
        if occurrence.attempt == 1 { occurrences += 1 }
        guard let treatment = occurrence.treatment else {
            if occurrence.ending == .recoveredAlone { recoveredAlone += 1 } else { untreated += 1 }
            return true
        }
        for index in remedies.indices where remedies[index].remedy == treatment.remedy {
            remedies[index].add(occurrence, treatment)
            return true
        }
        guard remedies.count < PatternStatistics.remediesMax else { return false }
        var remedy = RemedyStatistics(treatment)
        remedy.add(occurrence, treatment)
        remedies.append(remedy)
        return true
    }
}
