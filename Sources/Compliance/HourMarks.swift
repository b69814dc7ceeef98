/// A bit for each hour of a span.
struct HourMarks: Sendable {
    private let span: Range<Hour>
    private var words: [UInt64]

    init(_ span: Range<Hour>) {
        self.span = span
        words = [UInt64](repeating: 0, count: (span.count + 63) / 64)
    }

    /// An hour outside of the span is not kept.
    mutating func insert(_ hour: Hour) {
        guard span.contains(hour) else { return }
        let place = hour - span.lowerBound
        words[place >> 6] |= 1 << UInt64(place & 63)
    }

    mutating func insert(_ hours: Range<Hour>) {
        for hour in hours.clamped(to: span) { insert(hour) }
    }

    func contains(_ hour: Hour) -> Bool { contains(anyOf: hour..<(hour + 1)) }

    /// Whether any of these hours is marked; those outside of the span are not.
    func contains(anyOf hours: Range<Hour>) -> Bool {
        let low = max(hours.lowerBound, span.lowerBound) - span.lowerBound
        let high = min(hours.upperBound, span.upperBound) - span.lowerBound
        guard low < high else { return false }
        let (first, last) = (low >> 6, (high - 1) >> 6)
        let lowMask = UInt64.max << UInt64(low & 63)
        let highMask = UInt64.max >> UInt64(63 - (high - 1) & 63)
        if first == last { return words[first] & lowMask & highMask != 0 }
        if words[first] & lowMask != 0 || words[last] & highMask != 0 { return true }
        return words[(first + 1)..<last].contains { $0 != 0 }
    }

    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    mutating func remove(above hour: Hour) {
        let keep = min(max(hour + 1 - span.lowerBound, 0), span.count)
        let word = keep >> 6
        guard word < words.count else { return }
        words[word] &= keep & 63 == 0 ? 0 : UInt64.max >> UInt64(64 - keep & 63)
        for index in (word + 1)..<max(words.count, word + 1) { words[index] = 0 }
    }

    mutating func formUnion(_ other: HourMarks) {
        for index in words.indices { words[index] |= other.words[index] }
    }
}

/// At most one code for each hour; the one that came first stands.
struct HourCodes: Sendable {
    private struct Run {
        var from: Int32
        var until: Int32
        let code: Int32
    }

    /// Ascending, apart from each other or of different codes.
    private var runs: [Run] = []

    mutating func insert(_ hours: Range<Hour>, _ code: Int) {
        guard !hours.isEmpty else { return }
        // Nearly always it goes on at the end.
        if let last = runs.last, last.until <= hours.lowerBound {
            append(hours, code)
            return
        }
        var from = Int32(hours.lowerBound)
        let until = Int32(hours.upperBound)
        var index = firstRun(endingAfter: hours.lowerBound)
        while from < until {
            let next = index < runs.count ? runs[index] : Run(from: .max, until: .max, code: 0)
            if next.from > from {
                runs.insert(Run(from: from, until: min(until, next.from), code: Int32(code)), at: index)
                index += 1
            }
            from = next.until
            index += 1
        }
    }

    private mutating func append(_ hours: Range<Hour>, _ code: Int) {
        if let last = runs.last, last.until == Int32(hours.lowerBound), last.code == Int32(code) {
            runs[runs.count - 1].until = Int32(hours.upperBound)
        } else {
            runs.append(Run(from: Int32(hours.lowerBound), until: Int32(hours.upperBound), code: Int32(code)))
        }
    }

    /// The code of the latest of these hours that has one.
    func last(in hours: Range<Hour>) -> Int? {
        let index = firstRun(endingAfter: hours.upperBound - 1)
        if index < runs.count, Int(runs[index].from) < hours.upperBound { return Int(runs[index].code) }
        guard index > 0, Int(runs[index - 1].until) > hours.lowerBound else { return nil }
        return Int(runs[index - 1].code)
    }

    private func firstRun(endingAfter hour: Hour) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(runs[middle].until) > hour { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
