private let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

private let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
}()

extension [UInt8] {
    /// RFC 4648 section 4, with padding, without line breaks.
    package var base64: String {
        var text: [UInt8] = []
        text.reserveCapacity((count + 2) / 3 * 4)
        for start in stride(from: 0, to: count, by: 3) {
            let group =
                UInt32(self[start]) << 16 | (start + 1 < count ? UInt32(self[start + 1]) << 8 : 0)
                | (start + 2 < count ? UInt32(self[start + 2]) : 0)
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(start + 1 < count ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "="))
            text.append(start + 2 < count ? alphabet[Int(group & 63)] : UInt8(ascii: "="))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Accepts only what `base64` writes, so that every value has one text: no spaces, full padding, unused bits zero.
    package init?(base64 text: String) {
        var text = text
        guard let bytes = text.withUTF8({ Self.decode($0) }) else { return nil }
        self = bytes
    }

    private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard !text.isEmpty else { return [] }
        let padding = text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        for start in stride(from: 0, to: text.count, by: 4) {
            let kept = start + 4 == text.count ? 4 - padding : 4
            var group: UInt32 = 0
            for index in 0..<4 {
                let value = index < kept ? values[Int(text[start + index])] : 0
                guard value != 255 else { return nil }
                group = group << 6 | UInt32(value)
            }
            let unused: UInt32 = kept == 2 ? 0xffff : kept == 3 ? 0xff : 0
            guard group & unused == 0 else { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            if kept > 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
            if kept > 3 { bytes.append(UInt8(truncatingIfNeeded: group)) }
        }
        return bytes
    }
}
