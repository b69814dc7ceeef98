/// Street addresses: found from the word that a street's name ends with, or after a label.
extension Scan {
    /// `1600 Pennsylvania Avenue NW, Apt 4, Springfield, IL 62704`
    mutating func street(_ window: Window, _ suffix: Word) -> Int {
        // The parts of camelCase are no streets, and only the commonest words stand in lower case.
        guard !window[suffix.start - 1].isAlphanumeric else { return 0 }
        let isCapital = window[suffix.start].isUpper
        var (index, words) = (suffix.start, 0)
        var start: Int?
        var hasCapital = isCapital
        while words < 5 {
            guard window[index - 1] == UInt8(ascii: " ") else { break }
            let wordEnd = index - 1
            var first = wordEnd
            while window[first - 1].isAlphanumeric || window[first - 1] >= 0x80 || window[first - 1] == UInt8(ascii: ".")
                || window[first - 1] == UInt8(ascii: "'") || window[first - 1] == UInt8(ascii: "-")
            {
                first -= 1
                if wordEnd - first > 24 { return 0 }
            }
            guard first < wordEnd else { break }
            let digits = window.digits(first, atMost: 7)
            if digits > first, words > 0, digits - first <= 6, digits == wordEnd || digits + 1 == wordEnd && window[digits].isUpper {
                start = first
                break
            }
            // Ordinals (`5th`) and directions count as names.
            if digits == first {
                let key = wordEnd - first <= 16 ? WordKey((first..<wordEnd).lazy.map { window[$0] }) : WordKey()
                if lexicon.drives.contains(key), suffix.key == "drive" { return 0 }
                guard window[first].isUpper || window[first] >= 0xC3 || lexicon.particles.contains(key) || !isCapital else { break }
                if window[first].isUpper { hasCapital = true }
            } else if !(wordEnd - digits == 2 && window[digits].isLower) {
                break
            }
            words += 1
            index = first
        }
        guard let start, hasCapital, window.begins(start) || window[start - 1] == UInt8(ascii: "-") else { return 0 }
        guard isCapital || suffix.end - suffix.start >= 4 else { return 0 }
        var end = suffix.end
        guard !window[end].isAlphanumeric else { return 0 }
        if window[end] == UInt8(ascii: "."), suffix.end - suffix.start <= 4 { end += 1 }
        return accept(Match(start: start, end: tailEnd(window, end), kind: .address), window)
    }

    /// Direction, unit, city, state and postal code after a street, as far as they are there.
    private func tailEnd(_ window: Window, _ street: Int) -> Int {
        var end = street
        // `NW`
        if window[end] == UInt8(ascii: " "), "NSEW".utf8.contains(window[end + 1]) {
            let word = Self.wordAt(window, end + 1)
            if word.end - word.start <= 2, !window[word.end].isAlphanumeric { end = word.end }
        }
        var index = end
        if window[index] == UInt8(ascii: ",") { index += 1 }
        if window[index] == UInt8(ascii: " ") { index += 1 }
        if window[index] == UInt8(ascii: "#"), window[index + 1].isAlphanumeric {
            index += 1
            while window[index].isAlphanumeric { index += 1 }
            end = index
        } else if window[index].isLetter, index > end {
            let unit = Self.wordAt(window, index)
            if lexicon.units.contains(unit.key) {
                index = unit.end
                if window[index] == UInt8(ascii: ".") { index += 1 }
                if window[index] == UInt8(ascii: " ") { index += 1 }
                if window[index] == UInt8(ascii: "#") { index += 1 }
                if window[index].isAlphanumeric {
                    while window[index].isAlphanumeric || window[index] == UInt8(ascii: "-") && window[index + 1].isAlphanumeric {
                        index += 1
                    }
                    end = index
                }
            }
        }
        return placeEnd(window, end) ?? end
    }

    /// `, Springfield, IL 62704-1234`
    private func placeEnd(_ window: Window, _ start: Int) -> Int? {
        var index = start
        if window[index] == UInt8(ascii: ",") { index += 1 }
        guard window[index] == UInt8(ascii: " ") else { return nil }
        for _ in 0..<4 {
            guard window[index] == UInt8(ascii: " ") else { return nil }
            index += 1
            guard window[index].isUpper || window[index] >= 0xC3 else { return nil }
            let first = index
            while window[index].isTextual || window[index] == UInt8(ascii: ".") || window[index] == UInt8(ascii: "'")
                || window[index] == UInt8(ascii: "-")
            {
                index += 1
            }
            let isState = index - first == 2 && window[first + 1].isUpper
            if isState {
                guard window[index] == UInt8(ascii: " ") || window[index] == UInt8(ascii: ",") else { return index }
                let zip = index + (window[index + 1] == UInt8(ascii: " ") ? 2 : 1)
                var end = window.digits(zip, atMost: 6)
                guard end - zip == 5 else { return index }
                if window[end] == UInt8(ascii: "-"), window.digits(end + 1, atMost: 5) == end + 5 { end += 5 }
                return window[end].isAlphanumeric ? index : end
            }
            if window[index] == UInt8(ascii: ",") { index += 1 }
        }
        return nil
    }

    /// `P.O. Box 1234`
    mutating func box(_ window: Window, _ word: Word) -> Int {
        guard window[word.start - 1] == UInt8(ascii: " "), window[word.end] == UInt8(ascii: " ") else { return 0 }
        var index = word.start - 1
        if window[index - 1] == UInt8(ascii: ".") { index -= 1 }
        guard window[index - 1] | 0x20 == UInt8(ascii: "o") else { return 0 }
        index -= 1
        while window[index - 1] == UInt8(ascii: ".") || window[index - 1] == UInt8(ascii: " "), word.start - index < 8 { index -= 1 }
        guard window[index - 1] | 0x20 == UInt8(ascii: "p"), window.begins(index - 1) else { return 0 }
        let end = window.digits(word.end + 1, atMost: 8)
        guard end > word.end + 1 else { return 0 }
        return accept(Match(start: index - 1, end: placeEnd(window, end) ?? end, kind: .address), window)
    }

    /// `Address: 12 Elm Grove, Springfield`: what an address of the network never looks like.
    mutating func addressLabel(_ window: Window, _ label: Word) -> Int {
        var labelEnd = label.end
        if let next = Self.nextWord(window, label.end), next.key == "line" {
            labelEnd = next.end
            if window[labelEnd].isDigit { labelEnd += 1 }
            if window[labelEnd] == UInt8(ascii: "_") || window[labelEnd] == UInt8(ascii: " "), window[labelEnd + 1].isDigit {
                labelEnd += 2
            }
        } else if window[labelEnd].isDigit, !window[labelEnd + 1].isAlphanumeric {
            labelEnd += 1
        }
        guard let value = value(window, labelEnd), value.isStrong else { return 0 }
        let number = window.digits(value.start, atMost: 7)
        guard number > value.start, number - value.start <= 6 else { return 0 }
        var index = number
        if window[index].isUpper, window[index + 1] == UInt8(ascii: " ") { index += 1 }
        guard window[index] == UInt8(ascii: " "), window[index + 1].isUpper || window[index + 1] >= 0xC3 else { return 0 }
        guard (index + 2..<index + 4).contains(where: { window[$0].isLower || window[$0] >= 0x80 }) else { return 0 }
        if value.quote != 0, let end = Self.quotedEnd(window, value), end - value.start <= 160 {
            return accept(Match(start: value.start, end: end, kind: .address), window)
        }
        var end = index
        for _ in 0..<6 {
            guard window[end] == UInt8(ascii: " "), window[end + 1].isUpper || window[end + 1] >= 0xC3 else { break }
            var wordEnd = end + 1
            while window[wordEnd].isTextual || window[wordEnd] == UInt8(ascii: "'") { wordEnd += 1 }
            if window[wordEnd] == UInt8(ascii: "=") || window[wordEnd] == UInt8(ascii: ":") { break }
            end = wordEnd
            if window[end] == UInt8(ascii: ".") { end += 1 }
        }
        guard end > index else { return 0 }
        return accept(Match(start: value.start, end: tailEnd(window, end), kind: .address), window)
    }
}
