import Model
import Seal

/// A mail as it goes over the wire (RFC 5322, with RFC 2045 and 2047 for what is not ASCII).
enum MailMessage {
    /// - Parameter id: the same for each attempt; a receiver shows a message once.
    static func text(_ message: TicketMessage, from sender: String, to recipients: [String], at now: Timestamp) -> String {
        let domain = sender.split(separator: "@").last.map(String.init) ?? "localhost"
        let body = Array((message.lines.joined(separator: "\r\n") + "\r\n").utf8)
        let headers = [
            "Date: \(date(now))", "From: \(sender)", "To: \(recipients.joined(separator: ",\r\n "))",
            "Message-ID: <\(message.id)@\(domain)>", "Subject: \(header(message.subject))", "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
        ]
        return (headers + ["", lines(body.base64)]).joined(separator: "\r\n") + "\r\n"
    }

    /// As it is where it is short printable ASCII, otherwise as encoded words of whole characters.
    private static func header(_ text: String) -> String {
        if text.utf8.count <= 60, text.utf8.allSatisfy({ (0x20...0x7e).contains($0) }), !text.contains("=?") { return text }
        var words: [[UInt8]] = [[]]
        for character in text.prefix(300) {
            let bytes = Array(String(character).utf8)
            if words[words.count - 1].count + bytes.count > 42 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\($0.base64)?=" }.joined(separator: "\r\n ")
    }

    private static func lines(_ text: String) -> String {
        var lines: [Substring] = []
        var rest = text[...]
        while !rest.isEmpty {
            lines.append(rest.prefix(76))
            rest = rest.dropFirst(76)
        }
        return lines.joined(separator: "\r\n")
    }

    private static func date(_ instant: Timestamp) -> String {
        // 2026-11-21T16:27:43.000Z
        let text = Array(instant.description)
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = months[(Int(String(text[5...6])) ?? 1) - 1]
        // The epoch was a Thursday.
        let day = days[Int(instant.milliseconds / 86_400_000 % 7)]
        return "\(day), \(String(text[8...9])) \(month) \(String(text[0...3])) \(String(text[11...18])) +0000"
    }
}
