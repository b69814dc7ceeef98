import Model

/// Text of sshd's configuration as this verb needs it: sshd takes the first value it meets, and everything after a `Match`
/// belongs to that block, so a line appended to the end may mean something else or nothing.
enum SSHDText {
    static let dropIn = "/etc/ssh/sshd_config.d/00-martlet.conf"
    static let main = "/etc/ssh/sshd_config"
    private static let heading = "# Kept by Martlet: set here, because sshd takes the first value it meets."
    private static let ending = "# End of what Martlet keeps."

    /// Whether a drop-in that sorts first decides `option`: the main file includes the directory before it sets the option
    /// or opens a `Match`.
    static func includesDropInsFirst(_ main: String, before option: String) -> Bool {
        for line in main.split(separator: "\n", omittingEmptySubsequences: true) {
            let words = words(of: line)
            guard let keyword = words.first?.lowercased() else { continue }
            if keyword == "include", words.dropFirst().contains("/etc/ssh/sshd_config.d/*.conf") { return true }
            if keyword == "match" || keyword == option.lowercased() { return false }
        }
        return false
    }

    /// The file with `option` set in our block at the very top, above every Include and Match. What others wrote stays.
    static func setting(_ option: String, to value: String, in text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var kept: [String] = []
        if lines.first == heading, let end = lines.firstIndex(of: ending) {
            kept = lines[1..<end].filter { words(of: $0[...]).first?.lowercased() != option.lowercased() }
            lines.removeSubrange(0...end)
        }
        return ([heading] + kept + ["\(option) \(value)", ending] + lines).joined(separator: "\n")
    }

    /// The value that `sshd -T` reports; options that may stand several times are joined by spaces.
    static func effective(_ option: String, in dump: String) -> String? {
        var values: [Substring] = []
        for line in dump.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0] == option.lowercased()[...] { values.append(parts[1]) }
        }
        return values.isEmpty ? nil : values.joined(separator: " ")
    }

    /// sshd prints the older of two names for one value, and everything of a closed set in lower case.
    static func isSame(_ effective: String?, as wanted: String) -> Bool {
        guard let effective else { return false }
        func plain(_ text: String) -> String {
            text == "prohibit-password" ? "without-password" : text
        }
        return effective == wanted || plain(effective.lowercased()) == plain(wanted.lowercased())
    }

    /// `Keyword value`, `Keyword=value`, `Keyword = "value"`: sshd_config(5) takes all of them.
    private static func words(of line: Substring) -> [String] {
        let text = line.drop { $0 == " " || $0 == "\t" }
        guard !text.hasPrefix("#") else { return [] }
        return text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "=" || $0 == "\"" || $0 == "\r" }).map(String.init)
    }
}
