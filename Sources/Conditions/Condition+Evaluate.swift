package import Model

extension Condition {
    /// Three-valued: `all` fails if any part fails, `any` holds if any part holds, whatever is unknown beside it; otherwise the
    /// first unknown part decides.
    package func evaluate(_ facts: Facts, parameters: [String: TypedValue], at now: Timestamp) -> Truth {
        switch self {
        case .all(let parts):
            var unknown: Truth?
            for part in parts {
                switch part.evaluate(facts, parameters: parameters, at: now) {
                case .holds: continue
                case .fails: return .fails
                case .unknown(let code): unknown = unknown ?? .unknown(code)
                }
            }
            return unknown ?? .holds
        case .any(let parts):
            var unknown: Truth?
            for part in parts {
                switch part.evaluate(facts, parameters: parameters, at: now) {
                case .holds: return .holds
                case .fails: continue
                case .unknown(let code): unknown = unknown ?? .unknown(code)
                }
            }
            return unknown ?? .fails
        case .not(let part):
            switch part.evaluate(facts, parameters: parameters, at: now) {
            case .holds: return .fails
            case .fails: return .holds
            case .unknown(let code): return .unknown(code)
            }
        case .exists(let fact):
            if let code = facts.unknowns[fact] { return .unknown(code) }
            return facts[fact] == nil ? .fails : .holds
        case .compare(let comparison):
            return comparison.evaluate(facts, parameters: parameters, at: now)
        }
    }
}

extension Comparison {
    package func evaluate(_ facts: Facts, parameters: [String: TypedValue], at now: Timestamp) -> Truth {
        guard let value = facts[fact] else {
            return facts.unknowns[fact].map(Truth.unknown) ?? .fails
        }
        let other: TypedValue
        switch operand {
        case .literal(let literal): other = literal
        case .parameter(let name):
            guard let parameter = parameters[name] else { return .unknown("parameter.missing") }
            other = parameter
        }
        return compare(value, other, at: now)
    }

    private func compare(_ value: TypedValue, _ other: TypedValue, at now: Timestamp) -> Truth {
        switch (`operator`, value, other) {
        case (.equals, _, _) where value.type == other.type: return truth(value == other)
        case (.notEquals, _, _) where value.type == other.type: return truth(value != other)
        case (.in, .string(let text), .strings(let list)): return truth(list.contains(text))
        case (.notIn, .string(let text), .strings(let list)): return truth(!list.contains(text))
        case (.in, .strings(let texts), .strings(let list)): return truth(Set(list).isSuperset(of: texts))
        case (.notIn, .strings(let texts), .strings(let list)): return truth(!Set(list).isSuperset(of: texts))
        case (.contains, .strings(let texts), .string(let element)): return truth(texts.contains(element))
        case (.notContains, .strings(let texts), .string(let element)): return truth(!texts.contains(element))
        case (.contains, .string(let text), .string(let part)): return truth(text.containsBytes(of: part))
        case (.notContains, .string(let text), .string(let part)): return truth(!text.containsBytes(of: part))
        case (.matches, .string(let text), .string): return pattern.map { truth($0.matches(text)) } ?? .unknown("condition.pattern")
        case (.matches, .strings(let texts), .string):
            return pattern.map { pattern in truth(texts.contains { pattern.matches($0) }) } ?? .unknown("condition.pattern")
        case (.less, .integer(let a), .integer(let b)): return truth(a < b)
        case (.lessOrEqual, .integer(let a), .integer(let b)): return truth(a <= b)
        case (.greater, .integer(let a), .integer(let b)): return truth(a > b)
        case (.greaterOrEqual, .integer(let a), .integer(let b)): return truth(a >= b)
        case (.less, .version(let a), .version(let b)): return truth(a < b)
        case (.lessOrEqual, .version(let a), .version(let b)): return truth(a <= b)
        case (.greater, .version(let a), .version(let b)): return truth(a > b)
        case (.greaterOrEqual, .version(let a), .version(let b)): return truth(a >= b)
        case (.olderThan, .instant(let instant), .integer(let seconds)):
            return instant > now ? .unknown("clock.future") : truth(now - instant > .seconds(seconds))
        case (.youngerThan, .instant(let instant), .integer(let seconds)):
            return instant > now ? .unknown("clock.future") : truth(now - instant < .seconds(seconds))
        default:
            // A probe that breaks its own declaration, or a parameter of another type: neither answer would be true.
            return .unknown("fact.type")
        }
    }

    private func truth(_ holds: Bool) -> Truth { holds ? .holds : .fails }
}

extension String {
    /// Byte-wise, so that no normalisation makes two different paths alike.
    fileprivate func containsBytes(of part: String) -> Bool {
        let (text, wanted) = (Array(utf8), Array(part.utf8))
        guard let first = wanted.first else { return true }
        guard text.count >= wanted.count else { return false }
        for start in 0...(text.count - wanted.count)
        where text[start] == first && text[start..<(start + wanted.count)].elementsEqual(wanted) { return true }
        return false
    }
}
