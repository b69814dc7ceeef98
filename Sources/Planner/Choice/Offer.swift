package import Catalog
package import Model

/// What may be given for one parameter. The model never writes a text: it names labels of values that are known before it is asked.
package enum ParameterDomain: Hashable, Sendable {
    case boolean
    case integer(ClosedRange<Int64>)
    /// Not asked.
    case fixed(TypedValue)
    /// One of them, as a string.
    case one([Candidate])
    /// One or more of them, each once, as a list of strings in the order of the list.
    case some([Candidate])

    package struct Candidate: Hashable, Sendable {
        /// What the model answers.
        package let label: String
        package let value: String
    }

    /// Whether the value is one that a model may have given.
    func contains(_ value: TypedValue?) -> Bool {
        switch (self, value) {
        case (.boolean, .boolean?): return true
        case (.integer(let range), .integer(let number)?): return range.contains(number)
        case (.fixed(let only), let value?): return value == only
        case (.one(let candidates), .string(let text)?): return candidates.contains { $0.value == text }
        case (.some(let candidates), .strings(let texts)?):
            let known = candidates.map(\.value)
            return !texts.isEmpty && texts == known.filter { texts.contains($0) }
        default: return false
        }
    }

    /// Values of one parameter beyond this many are not offered.
    static let candidatesMax = 20
}

/// One runbook with the values that may be chosen for its parameters: one way in which a rule of the catalog would call it, or, where
/// no rule calls it for this check, what its own definition and the site's parameters of the check allow.
package struct Offer: Hashable, Sendable {
    package let runbook: RunbookID
    /// Parameters that have a default and that no rule gives are left out: the default holds.
    package let domains: [String: ParameterDomain]
}

/// Everything that the model may choose for one incident.
package struct Offers: Hashable, Sendable {
    package private(set) var offers: [Offer] = []
    /// Text by label, for values that come from a host or from the site.
    package private(set) var labels: [String: String] = [:]
    private var labelOf: [String: String] = [:]

    package init(
        for incident: Incident, check: CheckDefinition, catalog: CompiledCatalog, platforms: Set<String>, parameters: [String: TypedValue]
    ) {
        let fitting = catalog.runbooks.values.filter { runbook in
            runbook.checks.contains(check.id) && runbook.platforms.contains { platforms.contains($0) }
                && AnswerReader.ownMembers.isDisjoint(with: runbook.parameters.keys)
        }
        for runbook in fitting.sorted(by: { $0.id < $1.id }) {
            let rules = RuleDefinition.inOrder(catalog.rules).filter { rule in
                rule.check == check.id && rule.runbook == runbook.id
                    && (rule.platforms.isEmpty || !platforms.isDisjoint(with: rule.platforms))
            }
            if rules.isEmpty {
                add(offer(of: runbook, parameters))
            } else {
                for rule in rules { add(offer(of: runbook, as: rule, incident.facts, parameters)) }
            }
        }
    }

    /// Whether one of them is this runbook with these parameters, whoever says that a model chose so.
    package func permit(_ runbook: RunbookID, _ parameters: [String: TypedValue]) -> Bool {
        offers.contains { offer in
            offer.runbook == runbook && parameters.keys.allSatisfy { offer.domains[$0] != nil }
                && offer.domains.allSatisfy { $0.value.contains(parameters[$0.key]) }
        }
    }

    private mutating func add(_ offer: Offer?) {
        guard let offer, !offers.contains(offer) else { return }
        offers.append(offer)
    }

    private mutating func offer(
        of runbook: RunbookDefinition, as rule: RuleDefinition, _ facts: Facts, _ parameters: [String: TypedValue]
    ) -> Offer? {
        var domains: [String: ParameterDomain] = [:]
        for (name, definition) in runbook.parameters.sorted(by: { $0.key < $1.key }) {
            guard let argument = rule.parameters[name] else {
                guard definition.default != nil else { return nil }
                continue
            }
            let domain: ParameterDomain?
            switch argument {
            case .literal(.string(let text)) where Self.isPlain(text):
                domain = definition.fault(of: .string(text)) == nil ? .one([.init(label: text, value: text)]) : nil
            case .literal(let value): domain = definition.fault(of: value) == nil ? .fixed(value) : nil
            case .fact(let fact): domain = facts[fact].flatMap { self.domain($0, definition) }
            case .checkParameter(let parameter): domain = parameters[parameter].flatMap { self.domain($0, definition) }
            }
            guard let domain else { return nil }
            domains[name] = domain
        }
        return Offer(runbook: runbook.id, domains: domains)
    }

    private mutating func offer(of runbook: RunbookDefinition, _ parameters: [String: TypedValue]) -> Offer? {
        var domains: [String: ParameterDomain] = [:]
        for (name, definition) in runbook.parameters.sorted(by: { $0.key < $1.key }) {
            let domain: ParameterDomain?
            switch definition.type {
            case .boolean: domain = .boolean
            case .integer:
                guard let low = definition.minimum, let high = definition.maximum, low <= high else {
                    domain = nil
                    break
                }
                domain = .integer(low...high)
            case .string, .strings:
                if let allowed = definition.allowed {
                    let candidates = allowed.prefix(ParameterDomain.candidatesMax).compactMap { text in
                        definition.fault(of: definition.type == .string ? .string(text) : .strings([text])) == nil ? candidate(text) : nil
                    }
                    domain = candidates.isEmpty ? nil : definition.type == .string ? .one(candidates) : .some(candidates)
                } else {
                    domain = parameters[name].flatMap { self.domain($0, definition) }
                }
            case .instant, .version: domain = nil
            }
            if let domain {
                domains[name] = domain
            } else if definition.default == nil {
                return nil
            }
        }
        return Offer(runbook: runbook.id, domains: domains)
    }

    /// The whole value, or for a list parts of it; nil where the runbook does not take it.
    private mutating func domain(_ value: TypedValue, _ definition: ParameterDefinition) -> ParameterDomain? {
        guard definition.fault(of: value) == nil else { return nil }
        switch value {
        case .string(let text): return .one([labelled(text)])
        case .strings(let texts):
            var seen: Set<String> = []
            let distinct = texts.filter { seen.insert($0).inserted }.prefix(ParameterDomain.candidatesMax)
            return distinct.isEmpty ? nil : .some(distinct.map { labelled($0) })
        default: return .fixed(value)
        }
    }

    /// A value that the catalog's authors wrote stands for itself.
    private mutating func candidate(_ text: String) -> ParameterDomain.Candidate {
        Self.isPlain(text) ? .init(label: text, value: text) : labelled(text)
    }

    private mutating func labelled(_ text: String) -> ParameterDomain.Candidate {
        if let label = labelOf[text] { return .init(label: label, value: text) }
        let label = "value-\(labels.count + 1)"
        labels[label] = text
        labelOf[text] = label
        return .init(label: label, value: text)
    }

    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 64 && !text.hasPrefix("value-")
            && text.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 }
    }
}
