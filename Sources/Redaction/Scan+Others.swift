/// What a single character betrays: an e-mail address its `@`, an escape its backslash.
extension Scan {
    mutating func other(_ window: Window, _ place: Int) -> Int {
        if window[place] == UInt8(ascii: "@") { return email(window, at: place) }
        let escape = window[place + 1]
        if escape == UInt8(ascii: "u") {
            guard !isResolved, (2...5).allSatisfy({ window[place + $0].isHexadecimal }) else { return 0 }
            return escaped(window, place)
        }
        // `\nmrn: …`: the letter of the escape hides where the word begins.
        if escape.isEscapeLetter, window[place + 2].isLetter { return word(window, place + 2) }
        return 0
    }

    // MARK: - E-mail

    private mutating func email(_ window: Window, at place: Int) -> Int {
        var start = place
        while place - start < 64, Self.isLocal(window[start - 1]) { start -= 1 }
        if start < place, window[start].isEscapeLetter, window.isEscaped(start) { start += 1 }
        while start < place, window[start] == UInt8(ascii: ".") || window[start] == UInt8(ascii: "-") { start += 1 }
        guard start < place, let end = Self.domainEnd(window, place + 1) else { return 0 }
        if Self.isTechnical(window, start, place, end) { return 0 }
        return accept(Match(start: start, end: end, kind: .email), window)
    }

    static func isLocal(_ byte: UInt8) -> Bool {
        if byte.isAlphanumeric || byte >= 0x80 { return true }
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "%"): return true
        default: return false
        }
    }

    /// End of a domain with a dot in it whose last label has only letters.
    static func domainEnd(_ window: Window, _ start: Int) -> Int? {
        var index = start
        var label = start
        var end: Int?
        while index - start < 253 {
            let byte = window[index]
            if byte.isAlphanumeric || byte == UInt8(ascii: "-") || byte >= 0x80 {
                index += 1
                continue
            }
            let isWord = index - label >= 2 && (label..<index).allSatisfy { window[$0].isTextual }
            if label > start, index > label { end = isWord ? index : nil }
            guard byte == UInt8(ascii: "."), index > label else { break }
            label = index + 1
            index += 1
        }
        return end
    }

    /// Units of systemd, algorithms of SSH, and accounts that are nobody.
    private static func isTechnical(_ window: Window, _ start: Int, _ at: Int, _ end: Int) -> Bool {
        var last = end
        while window[last - 1].isTextual { last -= 1 }
        if unitKinds.contains(WordKey((last..<end).lazy.map { window[$0] })) { return true }
        if end - at - 1 <= 16 {
            // `openssh.com`: the dot and the hyphen are packed as they stand.
            let domain = (at + 1..<end).map { window[$0].lowercase }
            if algorithmDomains.contains(where: { $0.utf8.elementsEqual(domain) }) { return true }
        }
        guard at - start <= 16 else { return false }
        let local = (start..<at).map { window[$0].lowercase }
        return nobodies.contains { $0.utf8.elementsEqual(local) }
    }

    private static let unitKinds = WordTable("service socket timer mount automount target path slice scope device swap")
    private static let algorithmDomains = ["openssh.com", "libssh.org", "ssh.com", "lysator.liu.se", "putty.projects.tartarus.org"]
    private static let nobodies = [
        "root", "postmaster", "mailer-daemon", "noreply", "no-reply", "git", "nobody", "daemon", "www-data", "backup", "hostmaster",
        "abuse",
        "webmaster", "cron", "systemd",
    ]

    // MARK: - Escapes

    /// Looks again at a stretch with its JSON escapes resolved, so that `\u0031` hides no digit and `J\u00f6rg` no name.
    private mutating func escaped(_ window: Window, _ place: Int) -> Int {
        var from = place
        while from > free, place - from < 96, window[from - 1] != UInt8(ascii: "\n"), from > window.floor { from -= 1 }
        var text: [UInt8] = []
        // Where each byte of `text` begins in the window, and where the last one ends.
        var origins: [Int] = []
        var index = from
        let cut = min(window.limit, place + 768)
        while index < cut, window[index] != UInt8(ascii: "\n") {
            let (bytes, length) = Self.resolve(window, index)
            if length == 1 {
                text.append(window[index])
                origins.append(index)
            } else {
                text += bytes
                origins += repeatElement(index, count: bytes.count)
            }
            index += length
        }
        origins.append(index)
        let count = text.count
        let isWhole = index < cut || window.limit <= place + 768
        text += repeatElement(UInt8(ascii: "\n"), count: Self.padding)
        var inner = Scan(lexicon, isResolved: true)
        text.withUnsafeBufferPointer { inner.run($0.baseAddress!, from: 0, stop: count, end: count) }
        inner.flush(before: count)
        // What lies in the last quarter may go on behind the cut: it is looked at again with more in view.
        let sure = isWhole ? index : place + 512
        for match in inner.take() {
            let (start, end) = (origins[match.start], origins[match.end])
            guard start < sure, start >= free else { continue }
            add(Match(start: start, end: end, kind: match.kind, isNumber: match.isNumber))
        }
        return max(sure, free)
    }

    /// - Returns: the UTF-8 that the escape at `index` stands for and its length; no bytes and 1 where there is none.
    private static func resolve(_ window: Window, _ index: Int) -> ([UInt8], Int) {
        guard window[index] == UInt8(ascii: "\\") else { return ([], 1) }
        // Escaped once more for each string that the text was put into.
        var mark = index + 1
        while window[mark] == UInt8(ascii: "\\"), mark - index < 8 { mark += 1 }
        switch window[mark] {
        case UInt8(ascii: "u"):
            var value: UInt32 = 0
            for place in mark + 1...mark + 4 {
                let byte = window[place]
                guard byte.isHexadecimal else { return ([], 1) }
                value = value << 4 | UInt32(byte.isDigit ? byte - 48 : (byte | 0x20) - 87)
            }
            // Halves of a pair, and what would change the structure, stay as they are.
            guard let scalar = Unicode.Scalar(value), value >= 0x20, value != 0x22, value != 0x5C else {
                return ([UInt8(ascii: " ")], mark + 5 - index)
            }
            return (Array(String(scalar).utf8), mark + 5 - index)
        case UInt8(ascii: "/"): return ([UInt8(ascii: "/")], mark + 1 - index)
        case UInt8(ascii: "n"), UInt8(ascii: "r"): return ([UInt8(ascii: "\n")], mark + 1 - index)
        case let letter where letter.isEscapeLetter: return ([UInt8(ascii: " ")], mark + 1 - index)
        default: return ([], 1)
        }
    }
}
