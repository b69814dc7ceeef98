import Glibc
package import Model

/// The offsets of one IANA time zone from UTC, for any instant: a TZif file (RFC 8536) with its footer.
package struct TimeZoneRules: Hashable, Sendable {
    /// `America/New_York`.
    package let name: String
    /// Seconds since 1970 at which the offset changes, ascending.
    private let transitions: [Int64]
    /// Seconds east of UTC from the transition of the same index on.
    private let offsets: [Int32]
    /// Before the first transition.
    private let earliest: Int32
    /// What holds from the last transition on; nil in files without a footer, where the last offset stays.
    private let footer: PosixTimeZone?

    package static let utc = TimeZoneRules(name: "UTC", transitions: [], offsets: [], earliest: 0, footer: nil)

    private init(name: String, transitions: [Int64], offsets: [Int32], earliest: Int32, footer: PosixTimeZone?) {
        self.name = name
        self.transitions = transitions
        self.offsets = offsets
        self.earliest = earliest
        self.footer = footer
    }

    /// Reads `directory`/`name`. The name may not leave the directory; files over 64 KiB are refused.
    package init(named name: String, in directory: String = "/usr/share/zoneinfo") throws(WindowError) {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isPlain = parts.allSatisfy { part in
            !part.isEmpty && part.first != UInt8(ascii: ".")
                && part.allSatisfy { byte in
                    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                        || [43, 45, 46, 95].contains(byte)
                }
        }
        guard name.utf8.count <= 64, isPlain, let bytes = contents(of: directory + "/" + name, bytesMax: 65_536) else {
            throw .zoneUnknown(name)
        }
        try self.init(named: name, bytes: bytes)
    }

    package init(named name: String, bytes: [UInt8]) throws(WindowError) {
        guard let parsed = TimeZoneRules.parse(name, bytes) else { throw .zoneMalformed(name) }
        self = parsed
    }

    /// Seconds east of UTC.
    package func offset(at instant: Timestamp) -> Int64 {
        offset(atSecond: instant.milliseconds >= 0 ? instant.milliseconds / 1_000 : (instant.milliseconds - 999) / 1_000)
    }

    package func offset(atSecond second: Int64) -> Int64 {
        guard let first = transitions.first, let last = transitions.last else { return footer?.offset(atSecond: second) ?? Int64(earliest) }
        if second < first { return Int64(earliest) }
        if second >= last, let footer { return footer.offset(atSecond: second) }
        var (low, high) = (0, transitions.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if transitions[middle] <= second { low = middle } else { high = middle }
        }
        return Int64(offsets[low])
    }

    /// The instant at which a clock on the wall shows `local` (seconds since 1970-01-01T00:00 on that clock).
    ///
    /// A reading that the clock shows twice means the first time. One that it never shows, because the clock was put
    /// forward over it, means the instant at which it was put forward.
    package func second(ofLocal local: Int64) -> Int64 {
        // No zone has ever been a day away from UTC, and none changes twice within two days.
        let (before, after) = (offset(atSecond: local - 86_400), offset(atSecond: local + 86_400))
        let candidates = [before, after].filter { offset(atSecond: local - $0) == $0 }.map { local - $0 }
        if let first = candidates.min() { return first }
        var (low, high) = (local - 86_400, local + 86_400)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(atSecond: middle) == before { low = middle } else { high = middle }
        }
        return high
    }
}

extension TimeZoneRules {
    /// RFC 8536 section 3. Only the 64-bit block of versions 2 to 4 is taken: every zoneinfo of this century has it.
    private static func parse(_ name: String, _ bytes: [UInt8]) -> TimeZoneRules? {
        var cursor = Cursor(bytes: bytes)
        guard let first = cursor.header(), first.version >= UInt8(ascii: "2"), cursor.skip(first.length(timeSize: 4)),
            let header = cursor.header(), header.timeCount <= 10_000, header.typeCount >= 1, header.typeCount <= 256
        else { return nil }
        var transitions: [Int64] = []
        for _ in 0..<header.timeCount {
            guard let value = cursor.integer(bytes: 8) else { return nil }
            if let last = transitions.last, last >= value { return nil }
            transitions.append(value)
        }
        guard let indices = cursor.take(header.timeCount) else { return nil }
        var types: [Int32] = []
        for _ in 0..<header.typeCount {
            guard let offset = cursor.integer(bytes: 4), abs(offset) < 90_000, cursor.skip(2) else { return nil }
            types.append(Int32(offset))
        }
        guard indices.allSatisfy({ Int($0) < types.count }),
            cursor.skip(header.abbreviationBytes + header.leapCount * 12 + header.standardCount + header.utcCount),
            let footer = cursor.footer()
        else { return nil }
        var rule: PosixTimeZone?
        if !footer.isEmpty {
            rule = PosixTimeZone(footer)
            if rule == nil { return nil }
        }
        return TimeZoneRules(
            name: name, transitions: transitions, offsets: indices.map { types[Int($0)] }, earliest: types[0], footer: rule)
    }

    private struct Header {
        let version: UInt8
        let utcCount, standardCount, leapCount, timeCount, typeCount, abbreviationBytes: Int

        func length(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + abbreviationBytes + leapCount * (timeSize + 4) + standardCount + utcCount
        }
    }

    private struct Cursor {
        let bytes: [UInt8]
        var position = 0

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard count >= 0, count <= bytes.count - position else { return nil }
            defer { position += count }
            return bytes[position..<(position + count)]
        }

        mutating func skip(_ count: Int) -> Bool { take(count) != nil }

        /// Big-endian two's complement.
        mutating func integer(bytes count: Int) -> Int64? {
            guard let slice = take(count), let first = slice.first else { return nil }
            return slice.reduce(first >= 128 ? -1 : 0) { $0 << 8 | Int64($1) }
        }

        mutating func header() -> Header? {
            guard let magic = take(4), magic.elementsEqual("TZif".utf8), let version = take(1)?.first, skip(15) else { return nil }
            var counts: [Int] = []
            for _ in 0..<6 {
                guard let count = integer(bytes: 4), count >= 0 else { return nil }
                counts.append(Int(count))
            }
            return Header(
                version: version, utcCount: counts[0], standardCount: counts[1], leapCount: counts[2], timeCount: counts[3],
                typeCount: counts[4], abbreviationBytes: counts[5])
        }

        mutating func footer() -> [UInt8]? {
            guard take(1)?.first == 10, let end = bytes[position...].firstIndex(of: 10) else { return nil }
            return Array(bytes[position..<end])
        }
    }
}

/// The whole file; nil if it cannot be read or is larger.
private func contents(of path: String, bytesMax: Int) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    var length = 0
    while length < bytes.count {
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + length, $0.count - length) }
        if count < 0 { return nil }
        if count == 0 { break }
        length += count
    }
    return length > bytesMax ? nil : Array(bytes[..<length])
}
