package import Catalog
package import Conditions
package import Model
package import Seal

/// What a drift has in common with others: check, code, platform, and how each comparison that the check makes turned out.
///
/// Nothing of it comes from a host's name or from text that a host wrote: facts enter only as the truth of comparisons that stand
/// in the catalog. So two hosts have the same pattern exactly when no condition of the check can tell them apart.
package struct IncidentPattern: Hashable, Sendable {
    package static let schema = "martlet.pattern/v1"

    /// One comparison of the check's drift clauses, and its truth.
    package struct Atom: Hashable, Sendable {
        package enum State: String, Hashable, Sendable { case holds, fails, unknown }
        package let condition: Condition
        /// Canonical JSON of `condition`.
        package let text: String
        package let state: State
    }

    package let check: CheckID
    package let code: Code
    package let platform: String
    /// Sorted by text, each once.
    package let atoms: [Atom]
    package let signature: PatternSignature

    fileprivate init(check: CheckID, code: Code, platform: String, atoms: [Atom]) {
        self.check = check
        self.code = code
        self.platform = platform
        self.atoms = atoms
        let json = Self.json(check, code, platform, atoms)
        // Texts of the catalog, which were read from JSON or YAML: they have a canonical form.
        signature = PatternSignature(Digest(of: try! json.canonicalBytes()))
    }

    /// What is hashed.
    package var json: JSONValue { Self.json(check, code, platform, atoms) }

    private static func json(_ check: CheckID, _ code: Code, _ platform: String, _ atoms: [Atom]) -> JSONValue {
        [
            "schema": .string(schema), "check": .string(check.description), "code": .string(code.description),
            "platform": .string(platform),
            "facts": .array(atoms.map { ["when": $0.condition.json, "is": .string($0.state.rawValue)] }),
        ]
    }
}

/// The comparisons of one check, made once; turns incidents into patterns.
package struct PatternVocabulary: Sendable {
    private let check: CheckDefinition
    private let atoms: [(condition: Condition, text: String)]

    package init(_ check: CheckDefinition) {
        self.check = check
        var found: [String: Condition] = [:]
        for clause in check.drift {
            for atom in clause.condition.atoms {
                // As in `IncidentPattern`: what stands in a catalog has a canonical form.
                found[String(decoding: try! atom.json.canonicalBytes(), as: UTF8.self)] = atom
            }
        }
        atoms = found.sorted { $0.key < $1.key }.map { ($0.value, $0.key) }
    }

    /// - Parameters:
    ///   - platforms: the host's, as it reports them (`linux`, `debian`); the narrowest that the catalog knows counts.
    ///   - parameters: the check's, as the site's baseline sets them.
    ///   - observed: when the facts were read.
    /// - Returns: nil where the check cannot report `code`, or no platform is known: from such an incident nothing is learned.
    package func pattern(
        code: Code, platforms: [String], facts: Facts, parameters: [String: TypedValue], observed: Timestamp
    ) -> IncidentPattern? {
        guard check.drift.contains(where: { $0.code == code }), let platform = Self.narrowest(platforms) else { return nil }
        let states = atoms.map { atom in
            let state: IncidentPattern.Atom.State =
                switch atom.condition.evaluate(facts, parameters: parameters, at: observed) {
                case .holds: .holds
                case .fails: .fails
                case .unknown: .unknown
                }
            return IncidentPattern.Atom(condition: atom.condition, text: atom.text, state: state)
        }
        return IncidentPattern(check: check.id, code: code, platform: platform, atoms: states)
    }

    /// A pattern that was written down (`IncidentPattern.json`); nil where the check does not ask the same any more.
    package func pattern(reading json: JSONValue) -> IncidentPattern? {
        guard json["check"]?.string == check.id.description, let platform = json["platform"]?.string,
            let code = json["code"]?.string.flatMap(Code.init), check.drift.contains(where: { $0.code == code }),
            let facts = json["facts"]?.array, facts.count == atoms.count
        else { return nil }
        var read: [IncidentPattern.Atom] = []
        for (atom, fact) in zip(atoms, facts) {
            guard let state = fact["is"]?.string.flatMap(IncidentPattern.Atom.State.init), fact["when"] == atom.condition.json else {
                return nil
            }
            read.append(IncidentPattern.Atom(condition: atom.condition, text: atom.text, state: state))
        }
        return IncidentPattern(check: check.id, code: code, platform: platform, atoms: read)
    }

    /// The platform that is a family of no other in the list; the first by name where several are.
    private static func narrowest(_ platforms: [String]) -> String? {
        let known = platforms.filter(PlatformFamily.isKnown)
        return known.filter { one in !known.contains { $0 != one && PlatformFamily.covers([one], $0) } }.min()
    }
}

extension Condition {
    /// The parts without `all`, `any` and `not`.
    fileprivate var atoms: [Condition] {
        switch self {
        case .all(let parts), .any(let parts): parts.flatMap(\.atoms)
        case .not(let part): part.atoms
        case .exists, .compare: [self]
        }
    }
}
