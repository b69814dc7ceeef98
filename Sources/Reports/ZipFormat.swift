/// The one form of ZIP that a kit has (PKWARE APPNOTE 4.3, every choice made): entries stored, sorted by name, without
/// extra fields, comments or gaps, dated 1980-01-01. The same content has the same bytes, any tool can unpack it, and a reader
/// that accepts nothing else cannot be shown one archive while another tool shows a different one; nor can a stored entry
/// grow when it is read.
enum ZipFormat {
    static let entriesMax = 65_534
    static let entryBytesMax = 32 << 20
    static let bytesMax = Int(UInt32.max)
    static let nameBytesMax = 200
    static let localSize = 30
    static let centralSize = 46
    static let endSize = 22

    struct Entry {
        let name: String
        let size: Int
        let checksum: UInt32
        /// Of the local header.
        let offset: Int

        var dataOffset: Int { offset + localSize + name.utf8.count }
        var end: Int { dataOffset + size }

        var localHeader: [UInt8] {
            var bytes: [UInt8] = [0x50, 0x4b, 0x03, 0x04]
            appendShared(to: &bytes)
            return bytes + Array(name.utf8)
        }

        var centralHeader: [UInt8] {
            // Made by version 2.0 on Unix, so that the permissions below are understood.
            var bytes: [UInt8] = [0x50, 0x4b, 0x01, 0x02, 20, 3]
            appendShared(to: &bytes)
            bytes.append(contentsOf: [0, 0, 0, 0, 0, 0])
            // A regular file, rw-r--r--.
            bytes.appendLittle(0o100644 << 16)
            bytes.appendLittle(UInt32(offset))
            return bytes + Array(name.utf8)
        }

        /// Version needed to the lengths: the same in both headers.
        private func appendShared(to bytes: inout [UInt8]) {
            bytes.append(contentsOf: [20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0])
            bytes.appendLittle(checksum)
            bytes.appendLittle(UInt32(size))
            bytes.appendLittle(UInt32(size))
            bytes.appendLittle16(UInt16(name.utf8.count))
            bytes.appendLittle16(0)
        }
    }

    static func end(entries: Int, directorySize: Int, directoryOffset: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x50, 0x4b, 0x05, 0x06, 0, 0, 0, 0]
        bytes.appendLittle16(UInt16(entries))
        bytes.appendLittle16(UInt16(entries))
        bytes.appendLittle(UInt32(directorySize))
        bytes.appendLittle(UInt32(directoryOffset))
        bytes.appendLittle16(0)
        return bytes
    }

    /// Segments of `A-Z a-z 0-9 . _ -` between single slashes, none of them `.` or `..`.
    static func isSafe(_ name: some Collection<UInt8>) -> Bool {
        guard (1...nameBytesMax).contains(name.count) else { return false }
        return name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { segment in
            guard !segment.isEmpty, !segment.allSatisfy({ $0 == UInt8(ascii: ".") }) else { return false }
            return segment.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46 || $0 == 95
            }
        }
    }
}

extension [UInt8] {
    fileprivate mutating func appendLittle(_ value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) { append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    fileprivate mutating func appendLittle16(_ value: UInt16) {
        append(UInt8(truncatingIfNeeded: value))
        append(UInt8(truncatingIfNeeded: value >> 8))
    }
}

extension ZipFormat {
    /// CRC-32 of IEEE 802.3, which unpackers check; what is in a kit rests on SHA-256 and signatures instead.
    /// Eight bytes a step: table `n` tells what a byte comes to with `n` more behind it.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        checksumTables.withUnsafeBufferPointer { tables in
            bytes.withUnsafeBytes { bytes in
                var value = UInt32.max
                var index = 0
                while index + 8 <= bytes.count {
                    let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self).littleEndian ^ UInt64(value)
                    value = 0
                    for place in 0..<8 { value ^= tables[(7 - place) << 8 | Int(word >> UInt64(8 * place) & 0xff)] }
                    index += 8
                }
                while index < bytes.count {
                    value = tables[Int(UInt8(truncatingIfNeeded: value) ^ bytes[index])] ^ (value >> 8)
                    index += 1
                }
                return ~value
            }
        }
    }
}

private let checksumTables: [UInt32] = {
    var tables: [UInt32] = (0..<256).map { start in
        (0..<8).reduce(UInt32(start)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
    }
    for index in 256..<2_048 {
        let before = tables[index - 256]
        tables.append(tables[Int(before & 0xff)] ^ (before >> 8))
    }
    return tables
}()
