package import Model

/// Why a condition held or not, with the values that decided it.
package struct Explanation: Hashable, Sendable {
    package let truth: Truth
    /// `sshd.port in ["22"]: is "2222"`. May quote host output: never leaves a site unscrubbed.
    package let sentence: String
    package let parts: [Explanation]

    /// One line per part, indented by two spaces a level, each beginning `yes`, `no` or `unknown(code)`.
    package var lines: [String] {
        let word =
            switch truth {
            case .holds: "yes"
            case .fails: "no"
            case .unknown(let code): "unknown(\(code))"
            }
        return ["\(word) \(sentence)"] + parts.flatMap { $0.lines.map { "  " + $0 } }
    }
}

extension Condition {
    package func explain(_ facts: Facts, parameters: [String: TypedValue], at now: Timestamp) -> Explanation {
        let truth = evaluate(facts, parameters: parameters, at: now)
        switch self {
        case .all(let parts):
            return Explanation(
                truth: truth, sentence: "all of", parts: parts.map { $0.explain(facts, parameters: parameters, at: now) })
        case .any(let parts):
            return Explanation(
                truth: truth, sentence: "any of", parts: parts.map { $0.explain(facts, parameters: parameters, at: now) })
        case .not(let part):
            return Explanation(truth: truth, sentence: "not", parts: [part.explain(facts, parameters: parameters, at: now)])
        case .exists(let fact):
            return Explanation(truth: truth, sentence: "\(fact) exists: \(facts.shown(fact))", parts: [])
        case .compare(let comparison):
            let operand =
                switch comparison.operand {
                case .literal(let value): value.shown
                case .parameter(let name): "\(parameters[name]?.shown ?? "nothing") (parameter \(name))"
                }
            let sentence = "\(comparison.fact) \(comparison.operator.rawValue) \(operand): \(facts.shown(comparison.fact))"
            return Explanation(truth: truth, sentence: sentence, parts: [])
        }
    }
}

extension Facts {
    fileprivate func shown(_ fact: FactName) -> String {
        if let code = unknowns[fact] { return "could not be read (\(code))" }
        return self[fact].map { "is \($0.shown)" } ?? "does not exist"
    }
}

extension TypedValue {
    /// As a person reads it.
    package var shown: String {
        switch self {
        case .boolean(let flag): "\(flag)"
        case .integer(let number): "\(number)"
        case .string(let text): "\"\(text)\""
        case .strings(let texts): "[" + texts.map { "\"\($0)\"" }.joined(separator: ", ") + "]"
        case .instant(let instant): "\(instant)"
        case .version(let version): "\(version)"
        }
    }
}
