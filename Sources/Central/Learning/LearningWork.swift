import Catalog
import Database
import Evidence
import Learning
import Model
import Seal

/// Learns from accepted bundles, in the order in which they were accepted, and lets time pass for what was learned.
///
/// The cursor and all that follows from the bundles before it are written in one transaction: a sudden end counts nothing twice and loses
/// nothing. Who changes learning beside it, as a person's command does, makes it read anew.
actor LearningWork {
    private static let pageSize = 500
    private static let triesMax = 5
    /// In one turn: some ten seconds, so that a server that has years to catch up with is not taken for dead.
    static let pagesMax = 100

    private let database: any SQLDatabase
    private let statements: StatementStore
    private let policies: SitePolicyStore
    private let packs: PackReading
    private let now: @Sendable () -> Timestamp
    private let faults: CentralFaults
    private var state: LearnedState?
    /// Whether all sites have been told since this process started.
    private var isDelivered = false
    /// Candidates of which no rule can be made, under that catalog and with so many attempts.
    private var refused: [RefusedKey: Int] = [:]

    private struct RefusedKey: Hashable {
        let partner: PartnerID
        let key: PatternKey
        let catalog: Int64
    }

    init(_ services: CentralServices) {
        database = services.database
        statements = services.statements
        policies = services.policies
        packs = PackReading(services.database, key: services.keys.catalog)
        now = services.clock.now
        faults = services.faults
    }

    /// - Returns: the changes of stage that were made.
    /// - Throws: `DatabaseError`, `BundleError` where what is held is not what was received; what was learned until then stays.
    func turn(pagesMax: Int = pagesMax) async throws -> [StageChange] {
        var changes: [StageChange] = []
        var pages = 0
        while pages < pagesMax, let page = try await page() {
            pages += 1
            changes += try await write(after: page.start, cursor: page.end) { step in
                for lesson in page.lessons { try step.take(lesson) }
            }
        }
        let catalog = try await packs.newest()
        let rules = try await candidates(catalog)
        let tellsAll = !isDelivered
        changes += try await write { step in
            if tellsAll { step.deliverToAll() }
            try step.letTimePass(catalog?.catalog, rules: rules)
        }
        isDelivered = true
        return changes
    }

    /// One transaction on what is known, or on what is there if somebody else has written.
    private func write(
        after start: Int64? = nil, cursor: Int64? = nil, _ body: @escaping @Sendable (inout LearningStep) throws -> Void
    ) async throws -> [StageChange] {
        let (statements, policies, now, faults) = (statements, policies, now(), faults)
        for _ in 0..<Self.triesMax {
            let known: LearnedState
            if let state { known = state } else { known = try await database.read { try LearnedState.load(in: $0) } }
            do {
                let (learned, changes) = try await database.write { transaction in
                    guard try LearnedState.revision(in: transaction) == known.revision else { throw LearningStep.Overtaken() }
                    if let start, try LearningTables.cursor(in: transaction) != start { throw LearningStep.Overtaken() }
                    var step = LearningStep(known, statements: statements, policies: policies, at: now, in: transaction)
                    try body(&step)
                    try step.finish()
                    if let cursor { try transaction.execute("UPDATE learning_state SET cursor = \(cursor)") }
                    faults.reached(.learningBeforeCommit)
                    return (step.state, step.changes)
                }
                faults.reached(.learningAfterCommit)
                state = learned
                return changes
            } catch is LearningStep.Overtaken {
                state = nil
                // Another process has learned from this page: the next turn goes on after it.
                if let start, try await database.read({ try LearningTables.cursor(in: $0) }) != start { return [] }
            }
        }
        throw LearningStep.Overtaken()
    }

    private struct Page: Sendable {
        let start: Int64
        let end: Int64
        let lessons: [Lesson]
    }

    /// The next bundles, verified again; nil when there are none.
    private func page() async throws -> Page? {
        struct Found: Sendable {
            let position: Int64
            let partner: PartnerID
            let signed: SignedBundle
            let key: EnrolledKey
        }
        let (start, last, found) = try await database.read { transaction in
            let start = try LearningTables.cursor(in: transaction)
            let rows = try transaction.query(
                """
                SELECT evidence.log_index, COALESCE(organization.partner, organization.id), evidence.bytes, evidence.signature,
                    appliance.evidence_key, appliance.enrolled_at, evidence.pruned_at
                FROM evidence JOIN appliance ON appliance.id = evidence.appliance_id
                    JOIN organization ON organization.id = evidence.organization_id
                WHERE evidence.log_index > \(start) ORDER BY evidence.log_index LIMIT \(Self.pageSize)
                """)
            let found = try rows.compactMap { row -> Found? in
                guard try row.optionalInteger(6) == nil else { return nil }
                guard let key = VerifyingKey(bytes: try row.blob(4)) else { throw DatabaseError.corrupt("an evidence key is no key") }
                return Found(
                    position: try row.integer(0), partner: try row.parsed(1),
                    signed: SignedBundle(bytes: try row.blob(2), signature: try row.blob(3)),
                    key: EnrolledKey(key: key, validFrom: try row.instant(5), validUntil: nil))
            }
            return (start, try rows.last?.integer(0), found)
        }
        guard let last else { return nil }
        var lessons: [Lesson] = []
        for item in found {
            let record = try VerifiedBundle(item.signed, keys: [item.key]).record
            lessons.append(
                Lesson(
                    position: item.position, record: record, partner: item.partner,
                    catalog: try await packs.catalog(record.origin.catalogVersion)))
        }
        return Page(start: start, end: last, lessons: lessons)
    }

    /// Rules of candidates that the policy takes into shadow by itself.
    private func candidates(_ newest: PackReading.Pack?) async throws -> [PartnerID: [LearnedRule]] {
        guard let newest else { return [:] }
        let known: LearnedState
        if let state { known = state } else { known = try await database.read { try LearnedState.load(in: $0) } }
        state = known
        var rules: [PartnerID: [LearnedRule]] = [:]
        for (name, partner) in known.partners where partner.portfolio.policy.figures.shadowApproval == .automatic {
            for key in partner.portfolio.ready {
                let place = RefusedKey(partner: name, key: key, catalog: newest.catalog.version)
                let attempts = partner.portfolio.statistics[key]?.attempts ?? 0
                guard refused[place] != attempts else { continue }
                do {
                    rules[name, default: []].append(try await database.read { try partner.rule(of: key, in: newest, $0) })
                } catch is LearnedRuleRefusal {
                    refused[place] = attempts
                }
            }
        }
        return rules
    }
}

extension LearnedState.Partner {
    /// What a candidate would be as a rule.
    /// - Throws: `LearnedRuleRefusal`, `PromotionRefusal.unknownPattern`, `DatabaseError`.
    func rule(of key: PatternKey, in pack: PackReading.Pack, _ transaction: any SQLTransaction) throws -> LearnedRule {
        guard let statistics = portfolio.statistics[key], let definition = try LearningTables.definition(of: key.signature, in: transaction)
        else { throw PromotionRefusal.unknownPattern(key) }
        let check = definition["check"]?.string.flatMap(CheckID.init).flatMap { pack.catalog.checks[$0] }
        guard let pattern = check.flatMap({ PatternVocabulary($0).pattern(reading: definition) }) else {
            throw LearnedRuleRefusal.checkChanged(key.signature)
        }
        return try LearnedRule(pattern, statistics, in: pack.catalog, pack: pack.bytes)
    }
}
