import Model

/// Judges the slots of one (host, check).
struct PairBuilder {
    /// A gap statement that speaks of it.
    struct Statement {
        let watcher: ApplianceID?
        let hours: Range<Hour>
        let code: Int
    }

    private let subject: WatchedCheck
    private let period: CoveragePeriod
    private let marks: HourMarks?
    private let layers: [HourCodes]
    private let statements: [Statement]
    private let exceptions: [Range<Timestamp>]
    private let codes: [Code]
    private let unknown: Int

    private var days: [Coverage.Days] = []
    private var gaps: [Gap] = []
    private var slots: [Coverage.RequiredSlots] = []
    /// The day that is being filled.
    private var day = 0
    private var figures = CoverageFigures()
    /// What Central said of the watcher of the slot before.
    private var said: (watcher: ApplianceID, codes: HourCodes?)?

    init(
        _ subject: WatchedCheck, period: CoveragePeriod, marks: HourMarks?, layers: [HourCodes], statements: [Statement],
        exceptions: [Range<Timestamp>], codes: [Code], unknown: Int
    ) {
        self.subject = subject
        self.period = period
        self.marks = marks
        self.layers = layers
        self.statements = statements
        self.exceptions = exceptions
        self.codes = codes
        self.unknown = unknown
    }

    /// - Precondition: slots come by begin, then length.
    mutating func add(_ slot: Slot) {
        let hours = slot.hours
        keep(hours.lowerBound / hours.count, hours: hours.count)
        begin(day: hours.lowerBound / 24)
        figures.required += 1
        if marks?.contains(anyOf: hours) ?? false {
            figures.made += 1
        } else if slot.grace > 0, marks?.contains(anyOf: hours.upperBound..<(hours.upperBound + slot.grace)) ?? false {
            figures.late += 1
        } else {
            let (from, until) = (Timestamp(hour: hours.lowerBound), Timestamp(hour: hours.upperBound))
            if exceptions.contains(where: { $0.lowerBound <= from && until <= $0.upperBound }) {
                figures.excepted += 1
            } else {
                if said?.watcher != slot.watcher { said = (slot.watcher, statements(for: slot.watcher)) }
                miss(from, until, cause(of: hours, said?.codes))
            }
        }
    }

    private func cause(of hours: Range<Hour>, _ central: HourCodes?) -> Code {
        for layer in layers {
            if let code = layer.last(in: hours) { return codes[code] }
        }
        return codes[central?.last(in: hours) ?? unknown]
    }

    private func statements(for watcher: ApplianceID) -> HourCodes? {
        var codes: HourCodes?
        for statement in statements where statement.watcher.map({ $0 == watcher }) ?? true {
            codes = codes ?? HourCodes()
            codes!.insert(statement.hours, statement.code)
        }
        return codes
    }

    private mutating func miss(_ from: Timestamp, _ until: Timestamp, _ cause: Code) {
        figures.missing[cause, default: 0] += 1
        if let last = gaps.last, last.until == from, last.cause == cause {
            gaps[gaps.count - 1].until = until
            gaps[gaps.count - 1].slots += 1
        } else {
            gaps.append(Gap(subject: subject, from: from, until: until, cause: cause, slots: 1))
        }
    }

    private mutating func keep(_ number: Int, hours: Hour) {
        let numbers = number..<(number + 1)
        guard let index = slots.firstIndex(where: { $0.hours == hours }) else {
            slots.append(Coverage.RequiredSlots(hours: hours, runs: [numbers]))
            return
        }
        let last = slots[index].runs[slots[index].runs.count - 1]
        if last.upperBound == numbers.lowerBound {
            slots[index].runs[slots[index].runs.count - 1] = last.lowerBound..<numbers.upperBound
        } else {
            slots[index].runs.append(numbers)
        }
    }

    private mutating func begin(day next: Int) {
        guard next != day else { return }
        endDay()
        day = next
    }

    private mutating func endDay() {
        guard figures.required > 0 else { return }
        if let last = days.last, last.day + last.count == day, last.figures == figures {
            days[days.count - 1].count += 1
        } else {
            days.append(Coverage.Days(day: day, count: 1, figures: figures))
        }
        figures = CoverageFigures()
    }

    /// nil where no slot was required.
    mutating func finish() -> Coverage.Pair? {
        endDay()
        guard !days.isEmpty else { return nil }
        return Coverage.Pair(subject: subject, days: days, gaps: gaps, slots: slots.sorted { $0.hours < $1.hours })
    }
}
