import Model

/// The footer of a TZif file: a POSIX TZ string with the extension of RFC 8536 3.3.1 (hours from -167 to 167).
///
/// `EST5EDT,M3.2.0,M11.1.0`: signs are west-positive in the text, east-positive here.
struct PosixTimeZone: Hashable, Sendable {
    private let standard: Int64
    private let summer: Summer?

    private struct Summer: Hashable, Sendable {
        let offset: Int64
        let start: Change
        let end: Change
    }

    private struct Change: Hashable, Sendable {
        enum Day: Hashable, Sendable {
            /// Week 5 is the last; weekday 0 is Sunday.
            case weekday(month: Int64, week: Int64, day: Int64)
            /// 1 to 365, 29 February is never counted.
            case julian(Int64)
            /// 0 to 365, 29 February is counted.
            case ordinal(Int64)
        }
        let day: Day
        /// Seconds after midnight by the clock that is in force before the change.
        let time: Int64

        /// Days since the epoch.
        func date(in year: Int64) -> Int64 {
            let newYear = CivilDate(year: year, month: 1, day: 1)!.daysSinceEpoch
            switch day {
            case .ordinal(let count): return newYear + count
            case .julian(let count):
                let isLeap = CivilDate(year: year, month: 2, day: 29) != nil
                return newYear + count - 1 + (isLeap && count >= 60 ? 1 : 0)
            case .weekday(let month, let week, let day):
                let first = CivilDate(year: year, month: month, day: 1)!.daysSinceEpoch
                // 1970-01-01 was a Thursday.
                let shift = (day - (first + 4) % 7 + 7) % 7
                var date = first + shift + (week - 1) * 7
                while CivilDate(daysSinceEpoch: date).month != month { date -= 7 }
                return date
            }
        }
    }

    func offset(atSecond second: Int64) -> Int64 {
        guard let summer else { return standard }
        let local = second + standard
        let year = CivilDate(daysSinceEpoch: local >= 0 ? local / 86_400 : (local - 86_399) / 86_400).year
        let start = summer.start.date(in: year) * 86_400 + summer.start.time - standard
        let end = summer.end.date(in: year) * 86_400 + summer.end.time - summer.offset
        let isSummer = start < end ? (start..<end).contains(second) : !(end..<start).contains(second)
        return isSummer ? summer.offset : standard
    }
}

extension PosixTimeZone {
    init?(_ text: [UInt8]) {
        var reader = Reader(rest: text[...])
        guard reader.skipName(), let standard = reader.time() else { return nil }
        self.standard = -standard
        guard !reader.rest.isEmpty else {
            summer = nil
            return
        }
        guard reader.skipName() else { return nil }
        var offset = self.standard + 3_600
        if let first = reader.rest.first, first != UInt8(ascii: ",") {
            guard let written = reader.time() else { return nil }
            offset = -written
        }
        guard let start = reader.change(), let end = reader.change(), reader.rest.isEmpty else { return nil }
        summer = Summer(offset: offset, start: start, end: end)
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        mutating func skip(_ byte: UInt8) -> Bool {
            guard rest.first == byte else { return false }
            rest = rest.dropFirst()
            return true
        }

        /// `EST`, or `<+1030>`.
        mutating func skipName() -> Bool {
            if skip(UInt8(ascii: "<")) {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")), end > rest.startIndex else { return false }
                rest = rest[(end + 1)...]
                return true
            }
            let name = rest.prefix { (65...90).contains($0) || (97...122).contains($0) }
            rest = rest.dropFirst(name.count)
            return name.count >= 3
        }

        mutating func number(atMost limit: Int64) -> Int64? {
            let digits = rest.prefix(4).prefix { (48...57).contains($0) }
            guard !digits.isEmpty else { return nil }
            rest = rest.dropFirst(digits.count)
            let value = digits.reduce(Int64(0)) { $0 * 10 + Int64($1 - 48) }
            return value <= limit ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time() -> Int64? {
            let sign: Int64 = skip(UInt8(ascii: "-")) ? -1 : 1
            if sign == 1 { _ = skip(UInt8(ascii: "+")) }
            guard let hours = number(atMost: 167) else { return nil }
            var seconds = hours * 3_600
            for unit: Int64 in [60, 1] {
                guard skip(UInt8(ascii: ":")) else { break }
                guard let part = number(atMost: 59) else { return nil }
                seconds += part * unit
            }
            return sign * seconds
        }

        mutating func change() -> Change? {
            guard skip(UInt8(ascii: ",")) else { return nil }
            let day: Change.Day
            if skip(UInt8(ascii: "M")) {
                guard let month = number(atMost: 12), month >= 1, skip(UInt8(ascii: ".")), let week = number(atMost: 5), week >= 1,
                    skip(UInt8(ascii: ".")), let weekday = number(atMost: 6)
                else { return nil }
                day = .weekday(month: month, week: week, day: weekday)
            } else if skip(UInt8(ascii: "J")) {
                guard let count = number(atMost: 365), count >= 1 else { return nil }
                day = .julian(count)
            } else {
                guard let count = number(atMost: 365) else { return nil }
                day = .ordinal(count)
            }
            guard skip(UInt8(ascii: "/")) else { return Change(day: day, time: 7_200) }
            return time().map { Change(day: day, time: $0) }
        }
    }
}
