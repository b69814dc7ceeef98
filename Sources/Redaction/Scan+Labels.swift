/// Words that announce what follows: `MRN: …`, `"dateOfBirth":"…"`, `<ssn>…`, `member_id=…`.
extension Scan {
    /// A run of letters, or one part of `camelCase`.
    struct Word {
        let start: Int
        let end: Int
        /// Of no word of the lexicon where it is longer than 16 letters.
        let key: WordKey
        var isEmpty: Bool { end == start }
    }

    static func wordAt(_ window: Window, _ start: Int) -> Word {
        var key = WordKey()
        var end = start
        while window[end].isLetter {
            if end > start, window[end].isUpper {
                if window[end - 1].isLower { break }
                // `IDNumber`: the last capital of a run begins the next word.
                if window[end - 1].isUpper, window[end + 1].isLower { break }
            }
            if end - start >= 16 { return Word(start: start, end: end, key: WordKey()) }
            key.append(window[end], at: end - start)
            end += 1
        }
        return Word(start: start, end: end, key: key)
    }

    /// The word that follows within the same label: after one blank, underscore, hyphen or dot, or by its capital.
    static func nextWord(_ window: Window, _ end: Int) -> Word? {
        var start = end
        if window[start] == UInt8(ascii: "'") || window[start] == 0xE2 {
            start += window[start] == 0xE2 ? 3 : 1
            if window[start] == UInt8(ascii: "s") { start += 1 }
        }
        if !window[start].isLetter {
            switch window[start] {
            case UInt8(ascii: " "), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): start += 1
            default: return nil
            }
            if window[start] == UInt8(ascii: " "), window[start - 1] == UInt8(ascii: ".") { start += 1 }
        }
        guard window[start].isLetter else { return nil }
        let word = wordAt(window, start)
        return word.key == WordKey() ? nil : word
    }

    /// The word that stands before, as part of the same label.
    static func previousWord(_ window: Window, _ start: Int) -> Word? {
        var end = start
        if !window[end - 1].isLetter {
            switch window[end - 1] {
            case UInt8(ascii: " "), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."): end -= 1
            default: return nil
            }
            if window[end - 1] == UInt8(ascii: "s"), window[end - 2] == UInt8(ascii: "'") { end -= 2 }
        }
        guard window[end - 1].isLetter else { return nil }
        var first = end - 1
        while window[first - 1].isLetter, end - first <= 16 {
            if window[first].isUpper, window[first - 1].isLower { break }
            first -= 1
        }
        let word = wordAt(window, first)
        return word.end == end ? word : nil
    }

    /// Skips `number`, `no.`, `#` and the like.
    private func identifierEnd(_ window: Window, _ end: Int) -> Int? {
        guard let next = Self.nextWord(window, end), lexicon.identifiers.contains(next.key) else {
            if window[end] == UInt8(ascii: "#") { return end }
            return window[end] == UInt8(ascii: " ") && window[end + 1] == UInt8(ascii: "#") ? end : nil
        }
        return next.end
    }

    /// - Parameter place: the first letter of a word that may be a label.
    /// - Returns: where to go on; 0 when it announces nothing.
    mutating func word(_ window: Window, _ place: Int) -> Int {
        let word = Self.wordAt(window, place)
        guard let role = Role(rawValue: lexicon.roles[word.key]) else {
            return word.end - word.start <= 2 || window[place - 1].isDigit ? medicare(window, place) : 0
        }
        if Self.isTag(window, word) { return 0 }
        switch role {
        case .mrn: return identifier(window, identifierEnd(window, word.end) ?? word.end, .mrn, digitsMin: 2)
        case .medical:
            guard let next = Self.nextWord(window, word.end), next.key == "record" || next.key == "rec" || next.key == "records"
            else { return 0 }
            return identifier(window, identifierEnd(window, next.end) ?? next.end, .mrn, digitsMin: 3)
        case .chart:
            guard let end = identifierEnd(window, word.end) else { return 0 }
            return identifier(window, end, .mrn, digitsMin: 3)
        case .patient:
            if let end = identifierEnd(window, word.end) { return identifier(window, end, .patient, digitsMin: 1) }
            if let next = Self.nextWord(window, word.end), lexicon.roles[next.key] != 0, lexicon.roles[next.key] != Role.street.rawValue {
                // `patient_phone`: the next word is the label.
                return 0
            }
            return person(window, word, isPatient: true)
        case .strictName: return name(window, word.end, .strict)
        case .name: return nameLabel(window, word)
        case .person:
            if let next = Self.nextWord(window, word.end), lexicon.roles[next.key] != 0 { return 0 }
            return person(window, word, isPatient: false)
        case .title: return title(window, word)
        case .birth: return birth(window, word)
        case .born: return birthValue(window, word.end, .dob)
        case .care:
            var end = word.end
            if let next = Self.nextWord(window, end), next.key == "date" { end = next.end }
            return birthValue(window, end, .date)
        case .ssn: return socialSecurity(window, identifierEnd(window, word.end) ?? word.end)
        case .social:
            guard let next = Self.nextWord(window, word.end), next.key == "security" || next.key == "sec" else { return 0 }
            return socialSecurity(window, identifierEnd(window, next.end) ?? next.end)
        case .phone:
            var end = word.end
            if let next = Self.nextWord(window, end), next.key == "phone" || next.key == "back" { end = next.end }
            let found = phone(window, identifierEnd(window, end) ?? end)
            return found == 0 && word.key == "contact" ? person(window, word, isPatient: false) : found
        case .card: return cardNumber(window, identifierEnd(window, word.end) ?? word.end)
        case .account:
            let end = identifierEnd(window, word.end)
            // `account id` is what clouds call their customers.
            if let end, Self.previousOrSame(window, end) == "id" || Self.previousOrSame(window, end) == "name" { return 0 }
            return identifier(window, end ?? word.end, .account, digitsMin: end == nil ? 6 : 4)
        case .plan:
            var end = word.end
            var hasPlanWord = word.key != "policy" && word.key != "group" && word.key != "plan"
            if let next = Self.nextWord(window, end), next.key == "policy" || next.key == "plan" || next.key == "member" {
                end = next.end
                hasPlanWord = true
            }
            guard let numbered = identifierEnd(window, end) else {
                return hasPlanWord ? identifier(window, end, .plan, digitsMin: 5) : 0
            }
            let isIdentity = Self.previousOrSame(window, numbered) == "id"
            return identifier(window, numbered, .plan, digitsMin: isIdentity && !hasPlanWord ? 6 : 4)
        case .insured:
            if let end = identifierEnd(window, word.end) { return identifier(window, end, .plan, digitsMin: 4) }
            if Self.previousOrSame(window, word.end) == "id" { return identifier(window, word.end, .plan, digitsMin: 4) }
            if word.end - word.start > 10 { return identifier(window, word.end, .plan, digitsMin: 4) }
            if let next = Self.nextWord(window, word.end), lexicon.roles[next.key] != 0 { return 0 }
            return person(window, word, isPatient: false)
        case .medicare:
            var end = word.end
            if let next = Self.nextWord(window, end), next.key == "beneficiary" || next.key == "member" { end = next.end }
            return identifier(window, identifierEnd(window, end) ?? end, .mbi, digitsMin: 4)
        case .driver:
            guard let next = Self.nextWord(window, word.end), next.key == "license" || next.key == "licence" || next.key == "lic"
            else { return 0 }
            return identifier(window, identifierEnd(window, next.end) ?? next.end, .licence, digitsMin: 3)
        case .licence:
            guard
                window[word.start].isUpper || window[word.end] == UInt8(ascii: ":") || window[word.end] == UInt8(ascii: "=")
                    || window[word.end] == UInt8(ascii: "\"") || window[word.end] == UInt8(ascii: "_")
            else { return 0 }
            return identifier(window, identifierEnd(window, word.end) ?? word.end, .licence, digitsMin: 4)
        case .zip: return zip(window, Self.nextWord(window, word.end).flatMap { $0.key == "code" ? $0.end : nil } ?? word.end)
        case .postal:
            guard let next = Self.nextWord(window, word.end), next.key == "code" else { return 0 }
            return zip(window, next.end)
        case .address: return addressLabel(window, word)
        case .street: return street(window, word)
        case .box: return box(window, word)
        case .email: return encodedEmail(window, word.end)
        case .segment: return segment(window, word)
        case .part: return part(window, word)
        }
    }

    private static func previousOrSame(_ window: Window, _ end: Int) -> WordKey? {
        var first = end
        while window[first - 1].isLetter, end - first < 16 {
            first -= 1
            if window[first].isUpper, window[first - 1].isLower { break }
        }
        return first < end ? WordKey((first..<end).lazy.map { window[$0] }) : nil
    }

    /// `[mrn:abcdefghijkl]`: what an earlier pass put there.
    static func isTag(_ window: Window, _ word: Word) -> Bool {
        guard window[word.start - 1] == UInt8(ascii: "["), window[word.end] == UInt8(ascii: ":") else { return false }
        let letters = word.end + 1..<word.end + 1 + PseudonymKey.lettersCount
        return window[letters.upperBound] == UInt8(ascii: "]") && letters.allSatisfy { window[$0] >= 97 && window[$0] <= 112 }
    }

    // MARK: - From a label to its value

    struct Value {
        var start: Int
        /// The quotation mark before it; 0 when there is none.
        var quote: UInt8 = 0
        /// It is a quoted string within a string.
        var isEscaped = false
        /// A colon, an equals sign or the like stands between; otherwise only blanks.
        var isStrong = false
        var isList = false
        /// Joins the words of a file's name.
        var joint: UInt8 = 0
    }

    /// Where the value of a label that ends at `end` begins.
    func value(_ window: Window, _ end: Int) -> Value? {
        var value = Value(start: end)
        var index = end
        var links = 0
        if window[index] == UInt8(ascii: "'"), window[index + 1] == UInt8(ascii: "s") { index += 2 }
        scan: while index - end < 48 {
            let byte = window[index]
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"): index += 1
            case UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: ">"), UInt8(ascii: "|"), UInt8(ascii: "^"):
                value.isStrong = true
                value.quote = 0
                index += 1
            case UInt8(ascii: "#"), UInt8(ascii: "*"), UInt8(ascii: "("), UInt8(ascii: "`"): index += 1
            case UInt8(ascii: "["):
                if value.isStrong { value.isList = true }
                index += 1
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                value.quote = byte
                value.isEscaped = window[index - 1] == UInt8(ascii: "\\")
                index += 1
                if value.isStrong { break scan }
            case UInt8(ascii: "\\"):
                var mark = index + 1
                while window[mark] == UInt8(ascii: "\\"), mark - index < 8 { mark += 1 }
                if window[mark] == UInt8(ascii: "\"") || window[mark] == UInt8(ascii: "'") {
                    index = mark
                } else if window[mark] == UInt8(ascii: "t") {
                    index = mark + 1
                } else {
                    break scan
                }
            case UInt8(ascii: "."): if index == end || links > 0 { index += 1 } else { break scan }
            case UInt8(ascii: "-"), UInt8(ascii: "_"):
                if index == end { value.joint = byte } else if !window.isWhite(index + 1) { break scan }
                index += 1
            case UInt8(ascii: "%") where window[index + 1] == 50 && window[index + 2] == 48: index += 3
            case 0xC2 where window[index + 1] == 0xA0: index += 2
            case _ where byte.isLower && value.quote == 0 && links < 3 && index > end && !value.isStrong:
                let word = Self.wordAt(window, index)
                guard !word.isEmpty, lexicon.links.contains(word.key), window.isWhite(word.end) || window[word.end] == UInt8(ascii: ":")
                else { break scan }
                links += 1
                index = word.end
            default: break scan
            }
        }
        // A closing quotation mark with nothing that makes a member of it ends a sentence, not a label.
        if !value.isStrong, value.quote != 0, window[index - 1] != value.quote { value.quote = 0 }
        // `MRN12345`, but not in the middle of Base64.
        if index == end {
            var first = end
            while window[first - 1].isLetter, end - first < 16 { first -= 1 }
            let before = window[first - 1]
            guard window[index].isDigit, !before.isAlphanumeric, before != UInt8(ascii: "+"), before != UInt8(ascii: "/") else {
                return nil
            }
        }
        value.start = index
        return value
    }

    /// End of a quoted value, before its closing mark; nil where there is none within reach.
    static func quotedEnd(_ window: Window, _ value: Value, reach: Int = 256) -> Int? {
        var index = value.start
        while index - value.start < reach {
            let byte = window[index]
            if byte == UInt8(ascii: "\n") { return nil }
            if byte == UInt8(ascii: "\\") {
                if value.isEscaped {
                    var mark = index
                    while window[mark] == UInt8(ascii: "\\"), mark - index < 8 { mark += 1 }
                    if window[mark] == value.quote { return index }
                    index = mark + 1
                } else {
                    index += window[index + 1] == UInt8(ascii: "\n") ? 1 : 2
                }
                continue
            }
            if byte == value.quote { return index }
            index += 1
        }
        return nil
    }

    /// Records, medical numbers, members, licences: a token with digits.
    mutating func identifier(_ window: Window, _ labelEnd: Int, _ kind: EntityKind, digitsMin: Int) -> Int {
        guard var value = value(window, labelEnd) else { return 0 }
        if value.quote != 0, let first = Self.quotedEnd(window, value) {
            var end = first
            var last = 0
            for _ in 0..<32 {
                let digits = (value.start..<end).count { window[$0].isDigit }
                if digits >= min(digitsMin, 2), end - value.start >= 3, end - value.start <= 64 {
                    add(Match(start: value.start, end: end, kind: kind))
                    last = end
                }
                guard value.isList, let next = Self.nextElement(window, end, value) else { break }
                value.start = next
                guard let nextEnd = Self.quotedEnd(window, value) else { break }
                end = nextEnd
            }
            return last
        }
        guard let end = Self.tokenEnd(window, value, digitsMin: digitsMin, takesGroups: kind != .mrn && kind != .patient) else { return 0 }
        // `DL1YNL2tJKz` is Base64; only digits may follow a label without anything between.
        if value.start == labelEnd, (value.start..<end).contains(where: { window[$0].isLetter }) { return 0 }
        return accept(Match(start: value.start, end: end, kind: kind), window)
    }

    /// Start of the next string of a list, after the closing mark at `end`.
    static func nextElement(_ window: Window, _ end: Int, _ value: Value) -> Int? {
        var index = end
        while window[index] == UInt8(ascii: "\\") { index += 1 }
        guard window[index] == value.quote else { return nil }
        index += 1
        guard window[index] == UInt8(ascii: ",") else { return nil }
        index += 1
        while window.isWhite(index) { index += 1 }
        while window[index] == UInt8(ascii: "\\") { index += 1 }
        return window[index] == value.quote ? index + 1 : nil
    }

    private static func tokenEnd(_ window: Window, _ value: Value, digitsMin: Int, takesGroups: Bool) -> Int? {
        guard window[value.start].isAlphanumeric else { return nil }
        var end = value.start
        var digits = 0
        while end - value.start < 40 {
            let byte = window[end]
            if byte.isDigit { digits += 1 }
            if byte.isAlphanumeric {
                end += 1
            } else if byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "_"), window[end + 1].isAlphanumeric {
                end += 1
            } else if end == value.start + 1 || digits == 0, byte == UInt8(ascii: "#") || byte == UInt8(ascii: ":"),
                window[end + 1].isDigit
            {
                end += 1
            } else {
                break
            }
        }
        // `account 10.0.0.1`, `policy 1.2`: not what the label promises.
        if window[end] == UInt8(ascii: "."), window[end + 1].isDigit { return nil }
        if window[end] == UInt8(ascii: ":"), window[end + 1].isDigit { return nil }
        if takesGroups {
            while window[end] == UInt8(ascii: " "), window[end + 1].isDigit {
                let group = window.digits(end + 1, atMost: 10)
                guard group - end - 1 >= 3, !window[group].isAlphanumeric, window[group] != UInt8(ascii: "-"),
                    window[group] != UInt8(ascii: "."), window[group] != UInt8(ascii: ":"), window[group] != UInt8(ascii: "/")
                else { break }
                digits += group - end - 1
                end = group
            }
        }
        // A date or a UUID is none of ours, unless the label leaves no doubt.
        guard digits >= digitsMin, end - value.start >= 3 else { return nil }
        return end
    }

    // MARK: - Values of one shape

    private mutating func socialSecurity(_ window: Window, _ labelEnd: Int) -> Int {
        guard let value = value(window, labelEnd), let end = groupedDigits(window, value.start, 9...9) else { return 0 }
        return accept(Match(start: value.start, end: end, kind: .ssn), window)
    }

    private mutating func cardNumber(_ window: Window, _ labelEnd: Int) -> Int {
        guard let value = value(window, labelEnd), let end = groupedDigits(window, value.start, 13...19) else { return 0 }
        return accept(Match(start: value.start, end: end, kind: .card), window)
    }

    private mutating func zip(_ window: Window, _ labelEnd: Int) -> Int {
        guard let value = value(window, labelEnd) else { return 0 }
        var end = window.digits(value.start, atMost: 10)
        guard end - value.start == 5 || end - value.start == 9 else { return 0 }
        if window[end] == UInt8(ascii: "-"), window.digits(end + 1, atMost: 5) == end + 5 { end += 5 }
        guard window.ends(end), window[end] != UInt8(ascii: ".") || !window[end + 1].isAlphanumeric else { return 0 }
        return accept(Match(start: value.start, end: end, kind: .zip), window)
    }

    private mutating func phone(_ window: Window, _ labelEnd: Int) -> Int {
        guard let value = value(window, labelEnd) else { return 0 }
        var start = value.start
        if window[start - 1] == UInt8(ascii: "(") { start -= 1 }
        var index = start
        var (digits, dots, groups) = (0, 0, 1)
        if window[index] == UInt8(ascii: "+") { index += 1 }
        var end = index
        while index - start < 28 {
            let byte = window[index]
            if byte.isDigit {
                digits += 1
                index += 1
                end = index
                continue
            }
            if byte == UInt8(ascii: ".") { dots += 1 }
            if byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") {
                index += 1
                continue
            }
            let separator = window.separator(index)
            guard separator > 0 || byte == UInt8(ascii: "/") else { break }
            guard window[index + max(1, separator)].isDigit || window[index + max(1, separator)] == UInt8(ascii: "(") else { break }
            groups += 1
            index += max(1, separator)
        }
        guard (7...15).contains(digits), !window[end].isLetter else { return 0 }
        if dots == 3 || (dots > 0 && window[end] == UInt8(ascii: ".") && window[end + 1].isDigit) { return 0 }
        if let date = dateEnd(window, value.start, takesPlain: false), date >= end { return 0 }
        if window[end] == UInt8(ascii: ":"), window[end + 1].isDigit { return 0 }
        // `call 1234567` may be any number.
        if !value.isStrong, value.quote == 0, groups == 1, digits < 10 { return 0 }
        return accept(Match(start: start, end: end, kind: .phone), window)
    }

    /// End of digits with single separators among them, when there are as many as `count` says.
    private func groupedDigits(_ window: Window, _ start: Int, _ count: ClosedRange<Int>) -> Int? {
        var (index, digits) = (start, 0)
        var end = start
        while digits <= count.upperBound {
            if window[index].isDigit {
                digits += 1
                index += 1
                end = index
            } else {
                let separator = window.separator(index)
                guard digits > 0, digits < count.upperBound, separator > 0, window[index + separator].isDigit else { break }
                index += separator
            }
        }
        guard count.contains(digits), !window[end].isAlphanumeric else { return nil }
        return end
    }

    /// CMS: `1EG4-TE5-MK73`. Found from the letter at its second place.
    private mutating func medicare(_ window: Window, _ place: Int) -> Int {
        let start = place - 1
        guard window[start].isDigit, window[start] != UInt8(ascii: "0"), window.begins(start) else { return 0 }
        var index = start
        // Eleven upper-case digits of hexadecimal are the number of a message in a queue.
        var isOther = false
        for (position, kind) in "NAXNAXNAANN".utf8.enumerated() {
            if position == 4 || position == 7, window[index] == UInt8(ascii: "-") || window[index] == UInt8(ascii: " ") {
                index += 1
                isOther = true
            }
            let byte = window[index]
            if byte.isLetter, !byte.isHexadecimal { isOther = true }
            let (isLetter, isDigit) = (Lexicon.isMedicareLetter(byte), byte.isDigit)
            switch kind {
            case UInt8(ascii: "N"): guard isDigit else { return 0 }
            case UInt8(ascii: "A"): guard isLetter else { return 0 }
            default: guard isLetter || isDigit else { return 0 }
            }
            index += 1
        }
        guard isOther, window.ends(index) else { return 0 }
        return accept(Match(start: start, end: index, kind: .mbi), window)
    }

    /// `?email=jane%40example.org`: the `@` that no recogniser sees.
    private mutating func encodedEmail(_ window: Window, _ labelEnd: Int) -> Int {
        guard let value = value(window, labelEnd), value.isStrong else { return 0 }
        var index = value.start
        while Self.isLocal(window[index]), window[index] != UInt8(ascii: "%"), index - value.start < 64 { index += 1 }
        guard index > value.start, window[index] == UInt8(ascii: "%"), window[index + 1] == 52, window[index + 2] == 48,
            let end = Self.domainEnd(window, index + 3)
        else { return 0 }
        return accept(Match(start: value.start, end: end, kind: .email), window)
    }

    /// An HL7 v2 segment about a person: all of its fields go.
    private mutating func segment(_ window: Window, _ word: Word) -> Int {
        var start = word.end
        if window[start] == UInt8(ascii: "1") { start += 1 }
        guard window[start] == UInt8(ascii: "|"), !window[word.start - 1].isAlphanumeric, window[word.start].isUpper else { return 0 }
        var end = start + 1
        while end - start < 800, window[end] != UInt8(ascii: "\n"), window[end] != UInt8(ascii: "\r"), window[end] != UInt8(ascii: "\""),
            window[end] != UInt8(ascii: "\\"), window[end] != UInt8(ascii: "<")
        {
            end += 1
        }
        guard (start + 1..<end).count(where: { window[$0] == UInt8(ascii: "|") }) >= 3 else { return 0 }
        while window[end] & 0xC0 == 0x80, end > start { end -= 1 }
        return accept(Match(start: start + 1, end: end, kind: .patient), window)
    }
}

extension WordKey: ExpressibleByStringLiteral {
    init(stringLiteral text: StaticString) { self.init(text) }
}
