/// What digits alone betray: shapes that nothing technical has.
extension Scan {
    /// - Parameter place: the fourth digit of a run.
    /// - Returns: where to go on; 0 when there is nothing here.
    mutating func digits(_ window: Window, fourth place: Int) -> Int {
        let start = place - 3
        let end = window.digits(place)
        let before = window[start - 1]
        if end - start == 4 {
            // Most runs of four are years and process ids; only what is grouped goes on.
            let beforeThat = window[start - 2]
            if beforeThat.isDigit || beforeThat == UInt8(ascii: ")") || before >= 0x80 || before == UInt8(ascii: ")") {
                if let found = grouped(window, lastGroup: start) { return accept(found, window) }
                if let found = internationalPhone(window, start, end) { return accept(found, window) }
            }
            let after = window.separator(end)
            if after > 0, window[end + after].isDigit, let found = groupedCard(window, start) { return accept(found, window) }
            return 0
        }
        if end - start >= 13, end - start <= 19, window.begins(start), window.ends(end), Self.isCard(window, start..<end) {
            return accept(Match(start: start, end: end, kind: .card), window)
        }
        if let found = internationalPhone(window, start, end) { return accept(found, window) }
        return 0
    }

    mutating func accept(_ match: Match, _ window: Window) -> Int {
        guard match.start >= free else { return 0 }
        var match = match
        match.isNumber = Self.isJSONNumber(window, match.start, match.end)
        add(match)
        return match.end
    }

    /// `123-45-6789` and `(415) 555-2671`, found from their last group.
    private func grouped(_ window: Window, lastGroup: Int) -> Match? {
        let end = lastGroup + 4
        guard window.ends(end) else { return nil }
        let separator = window.separator(before: lastGroup)
        guard separator > 0 else { return nil }
        let middleEnd = lastGroup - separator
        let middle = window.digits(before: middleEnd, atMost: 4)
        switch middleEnd - middle {
        case 2:
            let first = window.separator(before: middle)
            guard first == separator, window[middle - first] == window[lastGroup - separator] else { return nil }
            guard window[lastGroup - separator] != UInt8(ascii: ".") else { return nil }
            let start = window.digits(before: middle - first, atMost: 4)
            guard middle - first - start == 3, window.begins(start) else { return nil }
            // Three columns of numbers are no social security number.
            if window[lastGroup - separator] == UInt8(ascii: " ") {
                guard !window[start - 2].isDigit || window[start - 1] != UInt8(ascii: " ") else { return nil }
                guard window[end] != UInt8(ascii: " ") || !window[end + 1].isDigit else { return nil }
                guard isSocialSecurity(window, start, middle) else { return nil }
            }
            return Match(start: start, end: end, kind: .ssn)
        case 3:
            return nationalPhone(window, exchange: middle, end: end, separator: window[lastGroup - separator])
        default: return nil
        }
    }

    /// Numbers that were never given out: 000, 666 and 9xx, group 00.
    private func isSocialSecurity(_ window: Window, _ start: Int, _ group: Int) -> Bool {
        let area = [window[start], window[start + 1], window[start + 2]]
        if area[0] == 57 || area == [48, 48, 48] || area == [54, 54, 54] { return false }
        return !(window[group] == 48 && window[group + 1] == 48)
    }

    private func nationalPhone(_ window: Window, exchange: Int, end: Int, separator: UInt8) -> Match? {
        var areaEnd = exchange
        var hasParentheses = false
        var gap: UInt8 = UInt8(ascii: ")")
        let between = window.separator(before: exchange)
        if between > 0 {
            gap = window[exchange - between]
            areaEnd -= between
        }
        if window[areaEnd - 1] == UInt8(ascii: ")") {
            hasParentheses = true
            areaEnd -= 1
        } else if between == 0 {
            return nil
        }
        var start = window.digits(before: areaEnd, atMost: 4)
        guard areaEnd - start == 3 else { return nil }
        let hasPlan = window[start] >= 50 && window[exchange] >= 50
        if hasParentheses {
            guard window[start - 1] == UInt8(ascii: "(") else { return nil }
            start -= 1
        }
        // `+1`, `1-`, `001 `
        var hasCountry = false
        var prefix = window.separator(before: start)
        if prefix == 0, hasParentheses { prefix = 0 } else if prefix == 0 { return boundedPhone() }
        if window[start - prefix - 1] == UInt8(ascii: "1"), !window[start - prefix - 2].isAlphanumeric {
            let one = start - prefix - 1
            if window[one - 1] == UInt8(ascii: "+") {
                start = one - 1
                hasCountry = true
            } else if window.begins(one), window[one - 1] != UInt8(ascii: ":") {
                start = one
                hasCountry = window[one + 1] == UInt8(ascii: "-")
            }
        }
        return boundedPhone()

        func boundedPhone() -> Match? {
            guard window.begins(start) else { return nil }
            if !hasParentheses, !hasCountry {
                guard hasPlan else { return nil }
                // Two blanks make a phone number of columns of numbers.
                if gap == UInt8(ascii: " "), separator == UInt8(ascii: " ") { return nil }
            }
            return Match(start: start, end: end, kind: .phone)
        }
    }

    /// `+44 20 7946 0958`, `+14155552671`.
    private func internationalPhone(_ window: Window, _ run: Int, _ end: Int) -> Match? {
        var start = run
        var groups = 0
        while start > run - 24 {
            let before = window[start - 1]
            if before == UInt8(ascii: "+") { break }
            if before.isDigit {
                start -= 1
            } else {
                let separator = window.separator(before: start)
                if separator > 0, window[start - separator - 1].isDigit || window[start - separator - 1] == UInt8(ascii: ")") {
                    start -= separator
                    groups += 1
                } else if before == UInt8(ascii: ")") || before == UInt8(ascii: "(") {
                    start -= 1
                } else {
                    return nil
                }
            }
        }
        // `+0100` is the zone of a time.
        guard window[start - 1] == UInt8(ascii: "+"), window[start] != UInt8(ascii: "0"), window[start].isDigit,
            !window[start - 2].isAlphanumeric, window[start - 2] != UInt8(ascii: ")")
        else { return nil }
        // More groups may follow.
        var last = end
        while true {
            let separator = window.separator(last)
            guard separator > 0, window[last + separator].isDigit else { break }
            last = window.digits(last + separator, atMost: 8)
        }
        var count = 0
        for index in start..<last where window[index].isDigit { count += 1 }
        guard (8...15).contains(count), window.ends(last) else { return nil }
        // Without groups, only of the length that a number with its country has.
        guard groups > 0 || last != end || count >= 10 else { return nil }
        return Match(start: start - 1, end: last, kind: .phone)
    }

    // MARK: - Cards

    /// 4-4-4-4, 4-6-5, 4-6-4 and 4-4-4-4-3, with one separator throughout.
    private func groupedCard(_ window: Window, _ start: Int) -> Match? {
        guard window.begins(start) || window[start - 1] == UInt8(ascii: "-") else { return nil }
        let separator = window[start + 4]
        guard separator == UInt8(ascii: " ") || separator == UInt8(ascii: "-") else { return nil }
        var sizes: [Int] = [4]
        var end = start + 4
        while window[end] == separator, sizes.count < 5 {
            let groupEnd = window.digits(end + 1, atMost: 7)
            guard groupEnd > end + 1 else { break }
            sizes.append(groupEnd - end - 1)
            end = groupEnd
        }
        let shape: Int
        if sizes.starts(with: [4, 4, 4, 4]) {
            shape = sizes.count == 5 && sizes[4] == 3 && Self.isCard(window, start..<start + 23) ? 23 : 19
        } else if sizes.starts(with: [4, 6, 5]) {
            shape = 17
        } else if sizes.starts(with: [4, 6, 4]) {
            shape = 16
        } else {
            return nil
        }
        guard !window[start + shape].isAlphanumeric, Self.isCard(window, start..<start + shape) else { return nil }
        return Match(start: start, end: start + shape, kind: .card)
    }

    /// Digits that begin as an issuer's numbers do and whose last one is right (ISO/IEC 7812-1, Luhn).
    static func isCard(_ window: Window, _ range: Range<Int>) -> Bool {
        var (sum, count, head, value) = (0, 0, 0, 0)
        for index in range where window[index].isDigit {
            if count < 4 { head = head * 10 + Int(window[index] - 48) }
            value |= Int(window[index] - 48)
            count += 1
        }
        guard (13...19).contains(count), value != 0 else { return false }
        let isIssued =
            switch head / 100 {
            case 40...49: count == 13 || count == 16 || count == 19
            case 51...55: count == 16
            case 22...27: count == 16 && (2221...2720).contains(head)
            case 34, 37: count == 15
            case 35: count >= 16 && (3528...3589).contains(head)
            case 30, 36, 38, 39: count == 14
            case 60: count >= 16 && head == 6011
            case 62, 64, 65: count >= 16
            default: false
            }
        guard isIssued else { return false }
        var position = 0
        for index in range.reversed() where window[index].isDigit {
            let digit = Int(window[index] - 48)
            if position % 2 == 1 { sum += digit > 4 ? digit * 2 - 9 : digit * 2 } else { sum += digit }
            position += 1
        }
        return sum % 10 == 0
    }

    /// Whether digits stand where JSON has a number: between brackets, commas and a member's colon.
    static func isJSONNumber(_ window: Window, _ start: Int, _ end: Int) -> Bool {
        for index in start..<end where !window[index].isDigit { return false }
        var before = start - 1
        if window[before] == UInt8(ascii: "-") { before -= 1 }
        while window.isWhite(before), start - before < 64 { before -= 1 }
        var after = end
        while window.isWhite(after), after - end < 64 { after += 1 }
        let closes: Bool
        switch window[after] {
        case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: "\n"), UInt8(ascii: "\r"): closes = true
        // Escaped JSON inside of a string.
        case UInt8(ascii: "\\"): closes = window[after + 1] == UInt8(ascii: "n") || window[after + 1] == UInt8(ascii: "r")
        default: closes = false
        }
        guard closes else { return false }
        switch window[before] {
        case UInt8(ascii: "["), UInt8(ascii: ","), UInt8(ascii: "\n"): return true
        case UInt8(ascii: ":"):
            var quote = before - 1
            while window.isWhite(quote), start - quote < 64 { quote -= 1 }
            return window[quote] == UInt8(ascii: "\"") || window[quote] == UInt8(ascii: "'")
        default: return false
        }
    }
}
