import Catalog
import Database
package import Learning
package import Model
package import Seal

/// Learning as people see it and decide about it: on the database directly, also while the server runs.
package struct LearningDesk: Sendable {
    private static let reasonBytesMax = StageChange.noteBytesMax
    private static let personBytesMax = 200

    private let database: any SQLDatabase
    private let statements: StatementStore
    private let policies: SitePolicyStore
    private let packs: PackReading
    private let work: LearningWork
    private let now: @Sendable () -> Timestamp

    init(_ services: CentralServices) {
        work = LearningWork(services)
        database = services.database
        statements = services.statements
        policies = services.policies
        packs = PackReading(services.database, key: services.keys.catalog)
        now = services.clock.now
    }

    /// Who decides, and why.
    package struct Decision: Hashable, Sendable {
        package let by: String
        package let reason: String

        /// - Throws: `CentralError.value` for what is not plain text of at most 200 and 1,000 bytes, or is empty.
        package init(by person: String, reason: String) throws {
            guard (1...personBytesMax).contains(person.utf8.count), person.isPlain, (1...reasonBytesMax).contains(reason.utf8.count),
                reason.isPlain
            else { throw CentralError.value("a decision names a person in 1 to 200 bytes and a reason in 1 to 1000, as plain text") }
            (by, self.reason) = (person, reason)
        }
    }

    // MARK: Looking

    package func partners(for person: OperatorCredential) async throws -> [PartnerID] {
        try await database.read { try LearningTables.partners(in: $0) }
    }

    /// A runbook for a kind of drift: a candidate, or a rule that was learned.
    package struct Entry: Hashable, Sendable {
        package let key: PatternKey
        package let runbook: RunbookID
        /// nil before the first admission.
        package let pattern: LearnedPattern?
        /// nil where what was counted has been forgotten.
        package let figures: PromotionFigures?

        package var stage: Stage { pattern?.stage ?? .candidate }
    }

    /// Learned rules first, and each by name.
    package func list(of partner: PartnerID, for person: OperatorCredential) async throws -> [Entry] {
        try await read(partner).entries
    }

    /// Candidates that pass the gate, each with what stands against a rule of it; nil where nothing does.
    package func ready(of partner: PartnerID, for person: OperatorCredential) async throws -> [(entry: Entry, refusal: LearnedRuleRefusal?)]
    {
        let known = try await read(partner)
        let ready = Set(known.portfolio.ready)
        guard let pack = try await packs.newest() else { return known.entries.filter { ready.contains($0.key) }.map { ($0, nil) } }
        var found: [(Entry, LearnedRuleRefusal?)] = []
        for entry in known.entries where ready.contains(entry.key) {
            do {
                _ = try await database.read { try known.rule(of: entry.key, in: pack, $0) }
                found.append((entry, nil))
            } catch let refusal as LearnedRuleRefusal { found.append((entry, refusal)) }
        }
        return found
    }

    /// A learned rule at work: the bundle that says so, and where it stands.
    package struct Firing: Hashable, Sendable {
        package let bundle: BundleID
        package let logIndex: Int64
        package let site: SiteID
        package let appliance: ApplianceID
        package let at: Timestamp
        /// nil while it has to show that it lasts.
        package let ending: Occurrence.Ending?
    }

    package struct Detail: Sendable {
        package let entry: Entry
        /// In canonical JSON; nil while there is none, as of most candidates.
        package let rule: JSONValue?
        /// What is missing for the gate.
        package let lacks: [Code]
        package let consent: PatternConsent?
        /// Of the rule's present version: the first and the newest that an appliance reported, and how many there are.
        package let first: Firing?
        package let newest: Firing?
        package let firings: Int
    }

    /// - Parameter name: a rule's, or the beginning of one that no other has; or a pattern's.
    package func detail(_ name: String, of partner: PartnerID, for person: OperatorCredential) async throws -> Detail {
        let known = try await read(partner)
        let entry = try Self.find(name, in: known.entries)
        return try await database.read { transaction in
            let version = entry.pattern?.version ?? 0
            func firing(newest: Bool) throws -> Firing? {
                try transaction.query(
                    """
                    SELECT bundle_id, position, site_id, appliance_id, ended_at, ending, settled FROM learning_occurrence
                    WHERE partner = \(partner.description) AND pattern = \(entry.key.signature.digest.bytes)
                        AND remedy = \(entry.key.remedy.digest.bytes) AND rule_version = \(version)
                    ORDER BY position * \(newest ? -1 : 1) LIMIT 1
                    """
                ).first.map { row in
                    Firing(
                        bundle: try row.parsed(0), logIndex: try row.integer(1), site: try row.parsed(2), appliance: try row.parsed(3),
                        at: try row.instant(4),
                        ending: try row.optionalInteger(6) == nil ? nil : Occurrence.Ending(rawValue: try row.text(5)))
                }
            }
            let count = try transaction.query(
                """
                SELECT count(*) FROM learning_occurrence WHERE partner = \(partner.description)
                    AND pattern = \(entry.key.signature.digest.bytes) AND remedy = \(entry.key.remedy.digest.bytes)
                    AND rule_version = \(version)
                """)[0].integer(0)
            return Detail(
                entry: entry, rule: entry.pattern?.rule.json, lacks: entry.figures?.lacks.codes ?? [],
                consent: try Self.consents(of: partner, in: transaction).last { $0.signature == entry.key.signature },
                first: try firing(newest: false), newest: try firing(newest: true), firings: Int(count))
        }
    }

    /// A change of stage as it was signed, and where the log has it.
    package struct Step: Hashable, Sendable {
        package let change: StageChange
        package let logIndex: Int64
    }

    /// - Parameter name: as in `detail`; nil: of all.
    package func history(_ name: String? = nil, of partner: PartnerID, for person: OperatorCredential) async throws -> [Step] {
        let key: PatternKey?
        if let name { key = try Self.find(name, in: try await read(partner).entries).key } else { key = nil }
        return try await database.read { transaction in
            try statements.list(of: partner, in: transaction).map { stored in
                Step(
                    change: try StageChange(json: try stored.payload(schema: StageChange.schema, keys: [statements.verifyingKey])),
                    logIndex: stored.logIndex)
            }.filter { key == nil || $0.change.key == key }
        }
    }

    // MARK: Deciding

    /// Learns from what was accepted until now, without waiting for the server to do so.
    /// - Returns: the changes of stage that followed.
    @discardableResult
    package func learn() async throws -> [StageChange] { try await work.turn(pagesMax: .max) }

    package enum Act: Hashable, Sendable { case admit, approve, revoke, reinstate }

    /// - Returns: what changed; empty where it takes room that there is not yet.
    /// - Throws: `PromotionRefusal`, `LearnedRuleRefusal`, `CentralError`: nothing was changed.
    @discardableResult
    package func act(
        _ act: Act, _ name: String, of partner: PartnerID, _ decision: Decision, for person: OperatorCredential
    ) async throws -> [StageChange] {
        let pack = try await packs.newest()
        return try await write { state, step, transaction in
            let known = try Self.known(partner, state)
            let key = try Self.find(name, in: known.entries).key
            switch act {
            case .admit:
                guard let pack else { throw CentralError.notFound("catalog") }
                let rule = try known.rule(of: key, in: pack, transaction)
                try step.admit(rule, of: partner, by: decision.by, reason: decision.reason)
            case .approve: try step.decide(.approved(by: decision.by), of: key, partner, by: decision.by, reason: decision.reason)
            case .revoke: try step.decide(.revoked(by: decision.by), of: key, partner, by: decision.by, reason: decision.reason)
            case .reinstate: try step.decide(.reinstated(by: decision.by), of: key, partner, by: decision.by, reason: decision.reason)
            }
        }
    }

    /// In the transaction that reads what it decides about: nobody's answer is lost to somebody else's.
    private func write(
        _ body: @escaping @Sendable (LearnedState, inout LearningStep, any SQLTransaction) throws -> Void
    ) async throws -> [StageChange] {
        let (statements, policies, now) = (statements, policies, now())
        return try await statements.write { transaction in
            let state = try LearnedState.load(in: transaction)
            var step = LearningStep(state, statements: statements, policies: policies, at: now, in: transaction)
            try body(state, &step, transaction)
            try step.finish()
            return step.changes
        }
    }

    // MARK: Figures

    package func policy(of partner: PartnerID, for person: OperatorCredential) async throws -> LearningPolicy {
        try await database.read { try LearningTables.policies(in: $0)[partner] } ?? LearningPolicy()
    }

    /// - Throws: `LearningPolicyError`: the policy in use stays.
    package func set(
        _ figures: [(name: String, value: String)], of partner: PartnerID, _ decision: Decision, for person: OperatorCredential
    ) async throws -> LearningPolicy {
        let now = now()
        return try await database.write { transaction in
            guard try LearningTables.partners(in: transaction).contains(partner) else { throw CentralError.notFound("partner") }
            var changed = (try LearningTables.policies(in: transaction)[partner] ?? LearningPolicy()).figures
            for (name, value) in figures { try changed.set(name, to: value) }
            let policy = try LearningPolicy(changed)
            let text = String(decoding: try policy.json.canonicalBytes(), as: UTF8.self)
            try transaction.execute(
                """
                INSERT INTO learning_policy (partner, number, figures, person, reason, set_at)
                VALUES (\(partner.description), (SELECT COALESCE(MAX(number), 0) + 1 FROM learning_policy), \(text), \(decision.by),
                    \(decision.reason), \(now.milliseconds))
                """)
            // Whoever works by the one before reads it anew.
            try transaction.execute("UPDATE learning_state SET revision = revision + 1")
            return policy
        }
    }

    // MARK: Between partners

    /// Says that a pattern may be shown to other partners, or takes that word back.
    package func consent(
        _ isGiven: Bool, to name: String, of partner: PartnerID, _ decision: Decision, for person: OperatorCredential
    ) async throws {
        let signature = try Self.find(name, in: try await read(partner).entries).key.signature
        let now = now().milliseconds
        try await database.write { transaction in
            let changed =
                isGiven
                ? try transaction.execute(
                    """
                    INSERT INTO learning_consent (partner, pattern, given_by, given_at, reason)
                    VALUES (\(partner.description), \(signature.digest.bytes), \(decision.by), \(now), \(decision.reason))
                    ON CONFLICT (partner, pattern) WHERE withdrawn_at IS NULL DO NOTHING
                    """)
                : try transaction.execute(
                    """
                    UPDATE learning_consent SET withdrawn_at = \(now), withdrawn_by = \(decision.by), withdrawn_reason = \(decision.reason)
                    WHERE partner = \(partner.description) AND pattern = \(signature.digest.bytes) AND withdrawn_at IS NULL
                    """)
            guard changed == 1 else { throw CentralError.learningConsent(isGiven: isGiven) }
        }
    }

    private static func consents(of partner: PartnerID, in transaction: any SQLTransaction) throws -> [PatternConsent] {
        try transaction.query(
            """
            SELECT pattern, given_by, given_at, withdrawn_at FROM learning_consent WHERE partner = \(partner.description)
            ORDER BY given_at, COALESCE(withdrawn_at, \(Int64.max))
            """
        ).map { row in
            PatternConsent(
                partner: partner, signature: PatternSignature(try row.digest(0)), by: try row.text(1), given: try row.instant(2),
                withdrawn: try row.optionalInstant(3))
        }
    }

    /// What other partners let this one see: rules, and nothing of where they were learned.
    package func shared(with partner: PartnerID, for person: OperatorCredential) async throws -> [SharedPattern] {
        let now = now()
        return try await database.read { transaction in
            let patterns = Dictionary(
                grouping: try LearningTables.patterns(in: transaction).filter { $0.partner != partner }, by: \.partner)
            var shared: [PatternKey: SharedPattern] = [:]
            for (other, learned) in patterns {
                let consents = try Self.consents(of: other, in: transaction)
                for pattern in learned {
                    let word = consents.compactMap { SharedPattern(pattern, $0, at: now) }.first
                    if let word { shared[pattern.key] = word }
                }
            }
            return shared.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    // MARK: Finding

    private func read(_ partner: PartnerID) async throws -> LearnedState.Partner {
        try Self.known(partner, try await database.read { try LearnedState.load(in: $0) })
    }

    private static func known(_ partner: PartnerID, _ state: LearnedState) throws -> LearnedState.Partner {
        guard let known = state.partners[partner] else { throw CentralError.notFound("partner, or nothing was heard of its sites yet") }
        return known
    }

    private static func find(_ name: String, in entries: [Entry]) throws -> Entry {
        let found = entries.filter {
            name.utf8.count >= 8 && ($0.key.name.description.hasPrefix(name) || $0.key.signature.description.hasPrefix(name))
        }
        guard let entry = found.first, found.count == 1 else {
            throw CentralError.notFound("learned rule of that name; give its name, or a beginning of it that no other has")
        }
        return entry
    }
}

extension LearnedState.Partner {
    /// Learned rules, then candidates, each by name.
    fileprivate var entries: [LearningDesk.Entry] {
        var entries: [PatternKey: LearningDesk.Entry] = [:]
        for figures in portfolio.statistics.judge(portfolio.policy) {
            entries[figures.key] = .init(key: figures.key, runbook: figures.runbook, pattern: nil, figures: figures)
        }
        for (key, pattern) in portfolio.patterns {
            entries[key] = .init(key: key, runbook: pattern.rule.runbook, pattern: pattern, figures: portfolio.figures(of: key))
        }
        return entries.values.sorted { ($0.pattern == nil ? 1 : 0, $0.key) < ($1.pattern == nil ? 1 : 0, $1.key) }
    }
}
