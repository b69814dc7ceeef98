/// Names beside a label, and dates beside a person.
extension Scan {
    enum NameStyle {
        /// The label promises a name: any word is one that is not known to be something else.
        case strict
        /// The label may mean other things: capitals are needed.
        case capital
        /// The label is used for anything: two capitalised words, and nothing technical.
        case two
    }

    /// `patient John Smith`, `Guarantor: SMITH, JOHN`.
    mutating func person(_ window: Window, _ label: Word, isPatient: Bool) -> Int {
        guard let value = value(window, label.end) else { return 0 }
        if isPatient, value.isStrong, value.quote != 0 || window[value.start - 1] == UInt8(ascii: "=") {
            return name(window, label.end, .strict, wordsMin: 1)
        }
        // `patient 12345`; of many patients a number is a count.
        if isPatient, label.key != "patients", value.start > label.end, window[value.start].isDigit {
            return identifier(window, label.end, .patient, digitsMin: 4)
        }
        if value.isStrong { return name(window, label.end, isPatient ? .capital : .two) }
        guard isPatient else { return 0 }
        return name(window, label.end, .capital)
    }

    /// `name` itself: whose it is stands before it.
    mutating func nameLabel(_ window: Window, _ label: Word) -> Int {
        if let before = Self.previousWord(window, label.start) {
            guard lexicon.persons.contains(before.key) else { return 0 }
            return name(window, label.end, .strict)
        }
        // `hostname` is one word; what is left is `name` alone.
        let before = window[label.start - 1]
        guard !before.isAlphanumeric, before != UInt8(ascii: "-"), before != UInt8(ascii: "."), before != UInt8(ascii: "_"),
            before != UInt8(ascii: "/")
        else { return 0 }
        if let next = Self.nextWord(window, label.end), next.key == "of" {
            guard let whose = Self.nextWord(window, next.end), lexicon.persons.contains(whose.key) else { return 0 }
            return name(window, whose.end, .strict)
        }
        guard let value = value(window, label.end), value.isStrong else { return 0 }
        return name(window, label.end, .two)
    }

    /// FHIR: `"name":[{"family":"Smith","given":["John","Q"]}]`; elsewhere a family is one of addresses.
    mutating func part(_ window: Window, _ label: Word) -> Int {
        guard window[label.end] == UInt8(ascii: "\"") || window[label.end] == UInt8(ascii: "\\") else {
            guard let next = Self.nextWord(window, label.end), next.key == "name" else { return 0 }
            return name(window, next.end, .strict)
        }
        let word = Array("name".utf8)
        var index = label.start - 1
        while index > label.start - 96, window[index] != UInt8(ascii: "\n") {
            if window[index] == word[0], (1...3).allSatisfy({ window[index + $0] == word[$0] }), !window[index - 1].isAlphanumeric,
                window[index + 4] == UInt8(ascii: "\"") || window[index + 4] == UInt8(ascii: "\\")
            {
                var opening = index + 5
                while window.isWhite(opening) || window[opening] == UInt8(ascii: ":") || window[opening] == UInt8(ascii: "\"") {
                    opening += 1
                }
                // A name that is an object or a list has parts; that of a table is a string.
                guard window[opening] == UInt8(ascii: "{") || window[opening] == UInt8(ascii: "[") else { return 0 }
                return name(window, label.end, .strict)
            }
            index -= 1
        }
        return 0
    }

    /// `Mr. Smith`
    mutating func title(_ window: Window, _ label: Word) -> Int {
        guard window[label.start].isUpper, window[label.start + 1].isLower, window.begins(label.start) else { return 0 }
        if label.key == "dr" {
            let found = street(window, label)
            if found > 0 { return found }
        }
        var start = label.end
        if window[start] == UInt8(ascii: ".") { start += 1 }
        guard window[start] == UInt8(ascii: " "), window[start + 1].isUpper || window[start + 1] >= 0xC3 else { return 0 }
        guard let end = nameEnd(window, Value(start: start + 1), .capital, wordsMin: 1) else { return 0 }
        return acceptName(window, start + 1, end)
    }

    mutating func name(_ window: Window, _ labelEnd: Int, _ style: NameStyle, wordsMin: Int = 1) -> Int {
        guard var value = value(window, labelEnd) else { return 0 }
        let wordsMin = style == .two ? 2 : wordsMin
        if value.quote != 0, style != .two, let first = Self.quotedEnd(window, value) {
            var (end, last) = (first, 0)
            for _ in 0..<32 {
                if isWholeName(window, value.start, end) { last = acceptName(window, value.start, end) }
                guard value.isList, let next = Self.nextElement(window, end, value) else { break }
                value.start = next
                guard let nextEnd = Self.quotedEnd(window, value) else { break }
                end = nextEnd
            }
            return last
        }
        // After a blank alone even a strict label needs a capital: `patient name is missing`.
        let style = style == .strict && !value.isStrong && value.quote == 0 && value.joint == 0 ? .capital : style
        guard let end = nameEnd(window, value, style, wordsMin: wordsMin) else { return 0 }
        return acceptName(window, value.start, end)
    }

    /// A quoted value under a name's label: all of it, unless it says that there is none.
    private func isWholeName(_ window: Window, _ start: Int, _ end: Int) -> Bool {
        guard end - start >= 2, end - start <= 128, (start..<end).contains(where: { window[$0].isTextual }) else { return false }
        if window[start] == UInt8(ascii: "["), window[end - 1] == UInt8(ascii: "]") { return false }
        if window[start] == UInt8(ascii: "{") || window[start] == UInt8(ascii: "/") || window[start] == UInt8(ascii: "$") { return false }
        let first = Self.wordAt(window, start)
        return !(first.end == end && lexicon.notNames.contains(first.key))
    }

    /// End of the words of a name that begins at the value; nil where it is none.
    private func nameEnd(_ window: Window, _ value: Value, _ style: NameStyle, wordsMin: Int) -> Int? {
        if style == .two, namesMachine(window, value.start) { return nil }
        var index = value.start
        var end: Int?
        var (words, long) = (0, 0)
        var hasComma = false
        while words < 5 {
            let first = window[index]
            guard first.isTextual else { break }
            var wordEnd = index + 1
            while true {
                let byte = window[wordEnd]
                // A blank that is no ASCII ends a word too.
                if byte == 0xC2, window[wordEnd + 1] == 0xA0 { break }
                if byte.isTextual {
                    wordEnd += 1
                } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "-"), window[wordEnd + 1].isTextual,
                    value.joint != byte,
                    !(byte == UInt8(ascii: "'") && window[wordEnd + 1] == UInt8(ascii: "s") && !window[wordEnd + 2].isTextual)
                {
                    wordEnd += 1
                } else {
                    break
                }
                if wordEnd - index > 40 { return end }
            }
            let after = window[wordEnd]
            // A key, a path, a file, a token with digits: no name.
            if after.isDigit || after == UInt8(ascii: "=") || after == UInt8(ascii: "@")
                || after == UInt8(ascii: "/") && words == 0 && value.joint == 0
                || after == UInt8(ascii: "\\") && window[wordEnd + 1].isLetter && !window[wordEnd + 1].isEscapeLetter
                || after == UInt8(ascii: ":") && (words > 0 || window[wordEnd + 1] != UInt8(ascii: " "))
                || after == UInt8(ascii: "(") || (after == UInt8(ascii: "_") && value.joint != after)
            {
                break
            }
            if after == UInt8(ascii: "."), window[wordEnd + 1].isAlphanumeric, wordEnd - index > 1, value.joint == 0 { break }
            let key = wordEnd - index <= 16 ? WordKey((index..<wordEnd).lazy.map { window[$0] }) : WordKey()
            let isParticle = lexicon.particles.contains(key) && first.isLower
            let role = lexicon.roles[key]
            if lexicon.notNames.contains(key) {
                // Some surnames are words of the trade; a label that follows a name is none.
                guard words > 0, long == 1, first.isUpper, role == 0 || role == Role.street.rawValue, !lexicon.identifiers.contains(key)
                else { break }
            }
            if lexicon.months.contains(key), words > 1 { break }
            if role != 0, words > 0, role != Role.born.rawValue || first.isLower, after == UInt8(ascii: ":") || first.isLower { break }
            let isCapital = first.isUpper || first >= 0xC3
            switch style {
            case .strict:
                // After the first word lower case is a sentence that goes on, unless the label's value is all in lower case.
                if words > 0, !isCapital, !isParticle, window[value.start].isUpper || lexicon.links.contains(key) || role != 0 { break }
            case .capital, .two: break
            }
            if !isCapital, !isParticle {
                if style != .strict { break }
                if words > 0, window[value.start].isUpper || lexicon.links.contains(key) { break }
            }
            if isParticle, words == 0, style != .strict, !(window[wordEnd] == UInt8(ascii: " ") && window[wordEnd + 1].isUpper) { break }
            if isParticle, words > 0,
                !(window[wordEnd] == UInt8(ascii: " ") && (window[wordEnd + 1].isUpper || window[value.start].isLower))
            {
                break
            }
            words += 1
            if wordEnd - index > 1 { long += 1 }
            end = wordEnd
            if wordEnd - index == 1, after == UInt8(ascii: ".") {
                end = wordEnd + 1
                wordEnd += 1
            }
            // To the next word.
            let joint = window[wordEnd]
            if joint == UInt8(ascii: " ") {
                index = wordEnd + 1
            } else if joint == UInt8(ascii: ","), !hasComma, words <= 2 {
                let next = wordEnd + (window[wordEnd + 1] == UInt8(ascii: " ") ? 2 : 1)
                // `Smith, John`; but not `John Smith, Room 4` and not a list of members.
                guard words == 1, window[next].isUpper || window[next] >= 0xC3 else { break }
                hasComma = true
                index = next
            } else if joint == 0xC2, window[wordEnd + 1] == 0xA0 {
                index = wordEnd + 2
            } else if joint == UInt8(ascii: "%"), window[wordEnd + 1] == 50, window[wordEnd + 2] == 48 {
                index = wordEnd + 3
            } else if joint == UInt8(ascii: "^") || joint == UInt8(ascii: "+") || (value.joint != 0 && joint == value.joint) {
                index = wordEnd + 1
            } else {
                break
            }
        }
        guard let end, words >= wordsMin, long >= 1 else { return nil }
        // A single word in capitals after a blank is a state or an acronym: `Patient NOT`, `patient API`.
        if !value.isStrong, value.joint == 0, words == 1, !(value.start..<end).contains(where: { window[$0].isLower || window[$0] >= 0x80 })
        {
            return nil
        }
        return end
    }

    /// `Debian GNU/Linux`, `Realtek Audio Controller`: whether one of the first words is one that only things are called by.
    private func namesMachine(_ window: Window, _ start: Int) -> Bool {
        var index = start
        for _ in 0..<6 {
            guard window[index].isLetter else { return false }
            let word = Self.wordAt(window, index)
            if lexicon.machines.contains(word.key) { return true }
            index = word.end
            while window[index] == UInt8(ascii: " ") || window[index] == UInt8(ascii: "-") || window[index] == UInt8(ascii: "/") {
                index += 1
            }
        }
        return false
    }

    private mutating func acceptName(_ window: Window, _ start: Int, _ end: Int) -> Int {
        guard start >= free else { return 0 }
        if let found = dateBefore(window, start) { add(found) }
        add(Match(start: start, end: end, kind: .name))
        expect(datesAfter(window, end))
        return end
    }

    // MARK: - Dates

    private static let reach = 64

    /// A date without a time of day up to `reach` bytes before a person.
    private func dateBefore(_ window: Window, _ person: Int) -> Match? {
        var index = person - 1
        var found: Match?
        while index > person - Self.reach, index >= free, window[index] != UInt8(ascii: "\n") {
            if let match = date(window, index) { found = match.end <= person ? match : found }
            index -= 1
        }
        return found
    }

    private func datesAfter(_ window: Window, _ person: Int) -> [Match] {
        var (index, end) = (person, person + Self.reach)
        var found: [Match] = []
        while index < end, window[index] != UInt8(ascii: "\n") {
            if let match = date(window, index) {
                found.append(match)
                index = match.end
                // What is said about a person may go on; two more dates at most.
                if found.count < 3 { end = index + Self.reach / 2 } else { break }
            }
            index += 1
        }
        return found
    }

    private func date(_ window: Window, _ index: Int) -> Match? {
        let byte = window[index]
        guard byte.isDigit || byte.isUpper, window.begins(index) || window[index - 1] == UInt8(ascii: "_") else { return nil }
        // A path, or the time of something: not what is said about a person.
        if window[index - 1] == UInt8(ascii: "/") || window[index - 1] == UInt8(ascii: ":") && window[index - 2].isDigit { return nil }
        guard let end = dateEnd(window, index, takesPlain: false) else { return nil }
        if hasTime(window, end) { return nil }
        return Match(start: index, end: end, kind: .date)
    }

    private func hasTime(_ window: Window, _ end: Int) -> Bool {
        var index = end
        if window[index] == UInt8(ascii: "T") || window[index] == UInt8(ascii: " ") { index += 1 } else { return false }
        let hour = window.digits(index, atMost: 3)
        return hour > index && hour - index <= 2 && window[hour] == UInt8(ascii: ":") && window[hour + 1].isDigit
    }

    mutating func birth(_ window: Window, _ label: Word) -> Int {
        var end = label.end
        if label.key == "birth" {
            guard let next = Self.nextWord(window, end), next.key == "date" || next.key == "day" || next.key == "dt" else {
                guard let before = Self.previousWord(window, label.start), before.key == "of" else { return 0 }
                return birthValue(window, end, .dob)
            }
            end = next.end
        }
        return birthValue(window, end, .dob)
    }

    /// A date after a label that leaves no doubt; the time of day goes with it.
    mutating func birthValue(_ window: Window, _ labelEnd: Int, _ kind: EntityKind) -> Int {
        guard let value = value(window, labelEnd), value.start >= free else { return 0 }
        guard var end = dateEnd(window, value.start, takesPlain: kind == .dob) else { return 0 }
        if hasTime(window, end) {
            end += 1
            while window[end].isDigit || window[end] == UInt8(ascii: ":") || window[end] == UInt8(ascii: ".") && window[end + 1].isDigit
                || window[end] == UInt8(ascii: "Z") || window[end] == UInt8(ascii: "+")
            {
                end += 1
            }
        }
        return accept(Match(start: value.start, end: end, kind: kind), window)
    }

    /// End of a date that begins at `start`: `1980-02-03`, `2/3/80`, `3.2.1980`, `Feb 3, 1980`, `3 February 1980`.
    /// - Parameter takesPlain: also `19800203`.
    func dateEnd(_ window: Window, _ start: Int, takesPlain: Bool) -> Int? {
        if window[start].isLetter {
            let month = Self.wordAt(window, start)
            guard lexicon.months.contains(month.key) else { return nil }
            var index = month.end
            if window[index] == UInt8(ascii: ".") { index += 1 }
            guard window[index] == UInt8(ascii: " ") || window[index] == UInt8(ascii: "-") else { return nil }
            index += 1
            if window[index] == UInt8(ascii: " ") { index += 1 }
            guard let day = dayEnd(window, index) else { return nil }
            index = day
            if window[index] == UInt8(ascii: ",") { index += 1 }
            guard window[index] == UInt8(ascii: " ") || window[index] == UInt8(ascii: "-") else { return nil }
            return yearEnd(window, index + 1, needsFour: true)
        }
        let first = window.digits(start, atMost: 9)
        let count = first - start
        if count == 4 {
            let separator = window[first]
            guard separator == UInt8(ascii: "-") || separator == UInt8(ascii: "/") || separator == UInt8(ascii: "."),
                (49...50).contains(window[start])
            else { return nil }
            let month = window.digits(first + 1, atMost: 3)
            guard window[month] == separator, isNumber(window, first + 1, month, 12) else { return nil }
            let day = window.digits(month + 1, atMost: 3)
            guard isNumber(window, month + 1, day, 31), !window[day].isDigit, window[day] != UInt8(ascii: "-") else { return nil }
            return day
        }
        if count == 8, takesPlain {
            guard (49...50).contains(window[start]), isNumber(window, start + 4, start + 6, 12), isNumber(window, start + 6, start + 8, 31)
            else { return nil }
            return window[first].isAlphanumeric ? nil : first
        }
        guard count == 1 || count == 2 else { return nil }
        // `3 February 1980`, `3rd of February 1980`, `03-FEB-1980`
        if let day = dayEnd(window, start), window[day] == UInt8(ascii: " ") || window[day] == UInt8(ascii: "-") {
            var index = day + 1
            if window[index] == UInt8(ascii: "o"), window[index + 1] == UInt8(ascii: "f") { index += 3 }
            if window[index].isLetter {
                let month = Self.wordAt(window, index)
                guard lexicon.months.contains(month.key) else { return nil }
                index = month.end
                if window[index] == UInt8(ascii: ".") || window[index] == UInt8(ascii: ",") { index += 1 }
                guard window[index] == UInt8(ascii: " ") || window[index] == UInt8(ascii: "-") else { return nil }
                return yearEnd(window, index + 1, needsFour: window[index] == UInt8(ascii: " "))
            }
        }
        // `02/03/1980`, also `02\/03\/1980`
        var index = first
        if window[index] == UInt8(ascii: "\\") { index += 1 }
        let separator = window[index]
        guard separator == UInt8(ascii: "/") || separator == UInt8(ascii: "-") || separator == UInt8(ascii: ".") else { return nil }
        let second = window.digits(index + 1, atMost: 3)
        guard isNumber(window, start, first, 31), isNumber(window, index + 1, second, 31) else { return nil }
        index = second
        if window[index] == UInt8(ascii: "\\") { index += 1 }
        guard window[index] == separator else { return nil }
        guard let end = yearEnd(window, index + 1, needsFour: separator == UInt8(ascii: ".")) else { return nil }
        return window[end] == separator ? nil : end
    }

    private func dayEnd(_ window: Window, _ start: Int) -> Int? {
        var end = window.digits(start, atMost: 3)
        guard isNumber(window, start, end, 31) else { return nil }
        if window[end].isLower {
            guard window[end + 1].isLower, !window[end + 2].isAlphanumeric else { return nil }
            end += 2
        }
        return end
    }

    private func yearEnd(_ window: Window, _ start: Int, needsFour: Bool) -> Int? {
        let end = window.digits(start, atMost: 5)
        guard !window[end].isAlphanumeric else { return nil }
        switch end - start {
        case 4: return (49...50).contains(window[start]) ? end : nil
        case 2: return needsFour ? nil : end
        default: return nil
        }
    }

    private func isNumber(_ window: Window, _ start: Int, _ end: Int, _ greatest: Int) -> Bool {
        guard end > start, end - start <= 2 else { return false }
        var value = 0
        for index in start..<end { value = value * 10 + Int(window[index] &- 48) }
        return (1...greatest).contains(value)
    }
}
