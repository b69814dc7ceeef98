/// An instant: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// The only time type of the system. Text form is RFC 3339 in UTC with exactly three fraction digits
/// (`2026-11-21T02:33:00.123Z`), so equal instants have equal bytes in evidence.
package struct Timestamp: Hashable, Comparable, Sendable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }
    package static func + (instant: Timestamp, span: Duration) -> Timestamp {
        Timestamp(milliseconds: instant.milliseconds + span.wholeMilliseconds)
    }
    package static func - (instant: Timestamp, span: Duration) -> Timestamp {
        Timestamp(milliseconds: instant.milliseconds - span.wholeMilliseconds)
    }
    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.milliseconds - earlier.milliseconds)
    }
}

extension Duration {
    /// Truncated towards zero.
    package var wholeMilliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
    /// Truncated towards zero.
    package var wholeSeconds: Int64 { components.seconds }
}

extension Timestamp: CustomStringConvertible {
    package var description: String {
        String(unsafeUninitializedCapacity: Self.textLength) {
            write(to: $0.baseAddress!)
            return Self.textLength
        }
    }

    /// Bytes of the text form, always.
    package static let textLength = 24

    /// Writes the RFC 3339 text, `textLength` bytes. Years outside 0000...9999 are clamped, which no clock of ours reaches.
    package func write(to text: UnsafeMutablePointer<UInt8>) {
        let clamped = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let day = clamped.flooredDivision(by: 86_400_000)
        let rest = Int32(clamped - day * 86_400_000)
        let date = CivilDate(daysSinceEpoch: day)
        func two(_ value: Int32, at index: Int) {
            text[index] = 48 + UInt8(truncatingIfNeeded: value / 10)
            text[index + 1] = 48 + UInt8(truncatingIfNeeded: value % 10)
        }
        two(Int32(date.year) / 100, at: 0)
        two(Int32(date.year) % 100, at: 2)
        text[4] = UInt8(ascii: "-")
        two(Int32(date.month), at: 5)
        text[7] = UInt8(ascii: "-")
        two(Int32(date.day), at: 8)
        text[10] = UInt8(ascii: "T")
        two(rest / 3_600_000, at: 11)
        text[13] = UInt8(ascii: ":")
        two(rest / 60_000 % 60, at: 14)
        text[16] = UInt8(ascii: ":")
        two(rest / 1_000 % 60, at: 17)
        text[19] = UInt8(ascii: ".")
        two(rest % 1_000 / 10, at: 20)
        text[22] = 48 + UInt8(truncatingIfNeeded: rest % 10)
        text[23] = UInt8(ascii: "Z")
    }

    /// Parses exactly the form that `description` writes; nil for anything else, also for impossible dates.
    package init?(_ text: String) {
        var text = text
        guard let instant = text.withUTF8(Timestamp.init(utf8:)) else { return nil }
        self = instant
    }

    /// The same, from bytes.
    package init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard let milliseconds = Self.milliseconds(bytes) else { return nil }
        self.init(milliseconds: milliseconds)
    }

    private static func milliseconds(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
        guard bytes.count == 24, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"), bytes[19] == UInt8(ascii: "."),
            bytes[23] == UInt8(ascii: "Z")
        else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[range] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let millisecond = number(20..<23),
            let date = CivilDate(year: year, month: month, day: day), hour < 24, minute < 60, second < 60
        else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + hour * 3_600 + minute * 60 + second
        return seconds * 1_000 + millisecond
    }
}

/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Hashable, Sendable {
    package let year: Int64
    package let month: Int64
    package let day: Int64

    package init?(year: Int64, month: Int64, day: Int64) {
        guard (1...12).contains(month), day >= 1, day <= CivilDate.length(ofMonth: month, year: year) else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// The era method: days are counted from 1 March of year 0, so that the leap day ends a year.
    package init(daysSinceEpoch: Int64) {
        let shifted = daysSinceEpoch + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    package var daysSinceEpoch: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear.flooredDivision(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func length(ofMonth month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    fileprivate func flooredDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}
