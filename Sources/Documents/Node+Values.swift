package import Model

/// Typed readings of one node. `what` names it in messages; nil is answered after the fault was logged.
extension Node {
    package func text(_ what: String, bytesMax: Int = 1_000, log: DiagnosticLog) -> String? {
        guard case .scalar(let text, let isQuoted) = content else {
            return wrong(what, "a text", log)
        }
        guard isQuoted || !(text.isEmpty || text == "~" || text == "null") else {
            return wrong(what, "a text, and is empty", log)
        }
        guard text.utf8.count <= bytesMax else {
            log.error(at: mark, code: "value.too_long", "\(what) has \(text.utf8.count) bytes, at most \(bytesMax) are taken")
            return nil
        }
        return text
    }

    package func name<Subject>(_ what: String, as: Name<Subject>.Type, log: DiagnosticLog) -> Name<Subject>? {
        guard let text = text(what, log: log) else { return nil }
        guard let name = Name<Subject>(text) else {
            log.error(
                at: mark, code: "value.name",
                "\(what) \(quoted(text)) is not a name: 1 to 100 of A-Z a-z 0-9 . _ -, starting with a letter or digit")
            return nil
        }
        return name
    }

    /// Whole numbers in decimal digits, without quotes.
    package func integer(_ what: String, in range: ClosedRange<Int64> = .min ... .max, log: DiagnosticLog) -> Int64? {
        guard case .scalar(let text, false) = content, let number = Int64(text), "\(number)" == text else {
            return wrong(what, "a whole number without quotes", log)
        }
        guard range.contains(number) else {
            log.error(
                at: mark, code: "value.range", "\(what) is \(number), taken are \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return number
    }

    /// `true` or `false`, without quotes; never `yes`, `no`, `on`, `off`.
    package func boolean(_ what: String, log: DiagnosticLog) -> Bool? {
        switch content {
        case .scalar("true", isQuoted: false): return true
        case .scalar("false", isQuoted: false): return false
        default: return wrong(what, "true or false", log)
        }
    }

    package func duration(_ what: String, in range: ClosedRange<Duration>, log: DiagnosticLog) -> Duration? {
        guard case .scalar(let text, _) = content, let duration = DurationText.parse(text) else {
            return wrong(what, "a duration such as 90s, 15m, 1h or 30d", log)
        }
        guard range.contains(duration) else {
            let (least, most) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
            log.error(at: mark, code: "value.range", "\(what) is \(text), taken are \(least) to \(most)")
            return nil
        }
        return duration
    }

    package func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ what: String, of: Choice.Type, log: DiagnosticLog
    ) -> Choice? {
        guard let text = text(what, log: log) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let known = Choice.allCases.map(\.rawValue)
        log.error(
            at: mark, code: "value.choice",
            "\(what) \(quoted(text)) is not one of \(known.joined(separator: ", "))\(suggestion(for: text, in: known))")
        return nil
    }

    package func items(_ what: String, countMax: Int = 10_000, log: DiagnosticLog) -> [Node]? {
        guard case .sequence(let items) = content else { return wrong(what, "a list", log) }
        guard items.count <= countMax else {
            log.error(at: mark, code: "value.too_many", "\(what) has \(items.count) entries, at most \(countMax) are taken")
            return nil
        }
        return items
    }

    /// Reads a value of a declared type.
    package func value(_ what: String, of type: ValueType, log: DiagnosticLog) -> TypedValue? {
        switch type {
        case .boolean: return boolean(what, log: log).map(TypedValue.boolean)
        case .integer: return integer(what, log: log).map(TypedValue.integer)
        case .string: return text(what, bytesMax: 4_096, log: log).map(TypedValue.string)
        case .strings:
            guard let items = items(what, countMax: 1_000, log: log) else { return nil }
            let texts = items.compactMap { $0.text(what, bytesMax: 4_096, log: log) }
            return texts.count == items.count ? .strings(texts) : nil
        case .instant:
            guard case .scalar(let text, _) = content, let instant = Timestamp(text) else {
                return wrong(what, "an instant such as 2026-11-21T02:33:00.000Z", log)
            }
            return .instant(instant)
        case .version:
            guard let text = text(what, log: log) else { return nil }
            guard let version = Version(text) else { return wrong(what, "a version", log) }
            return .version(version)
        }
    }

    private func wrong<Value>(_ what: String, _ expected: String, _ log: DiagnosticLog) -> Value? {
        let found =
            switch content {
            case .scalar(let text, let isQuoted): isQuoted ? "the text \(quoted(text))" : quoted(text)
            case .sequence: "a list"
            case .mapping: "a mapping"
            }
        log.error(at: mark, code: "value.type", "\(what) must be \(expected), not \(found)")
        return nil
    }
}
