import Model

/// Durations as people write them in our documents: a whole number and one of `s m h d` (`90s`, `15m`, `1h`, `30d`).
package enum DurationText {
    /// Greatest span that is taken: 3,660 days, ten years.
    package static let secondsMax: Int64 = 3_660 * 86_400

    /// nil for anything else, also for more than ten years.
    package static func parse(_ text: String) -> Duration? {
        let bytes = Array(text.utf8)
        guard let unit = bytes.last, bytes.count >= 2, bytes.count <= 10 else { return nil }
        var number: Int64 = 0
        for byte in bytes.dropLast() {
            guard (48...57).contains(byte) else { return nil }
            number = number * 10 + Int64(byte - 48)
        }
        let scale: Int64
        switch unit {
        case UInt8(ascii: "s"): scale = 1
        case UInt8(ascii: "m"): scale = 60
        case UInt8(ascii: "h"): scale = 3_600
        case UInt8(ascii: "d"): scale = 86_400
        default: return nil
        }
        let seconds = number * scale
        return seconds <= secondsMax ? .seconds(seconds) : nil
    }

    /// The shortest text that `parse` reads back; fractions of a second are dropped.
    package static func text(_ duration: Duration) -> String {
        let seconds = duration.wholeSeconds
        for (scale, unit) in [(86_400, "d"), (3_600, "h"), (60, "m")] as [(Int64, String)] where seconds > 0 && seconds % scale == 0 {
            return "\(seconds / scale)\(unit)"
        }
        return "\(seconds)s"
    }
}
