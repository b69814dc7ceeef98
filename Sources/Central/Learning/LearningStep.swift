import Catalog
import Database
import Evidence
import Learning
import Model
import Seal

/// One transaction of learning: takes what bundles say, what time brings and what people decide, and writes all that follows from it.
///
/// A change of stage is signed, gets its place in the log and changes the documents of the appliances concerned here, together: none of it
/// without the others.
struct LearningStep {
    private(set) var state: LearnedState
    private let transaction: any SQLTransaction
    private let statements: StatementStore
    private let policies: SitePolicyStore
    private let now: Timestamp
    /// What has to be written at the end.
    private var touched: Set<Touched> = []
    private var delivering: Set<PartnerID> = []
    private var isChanged = false
    private(set) var changes: [StageChange] = []

    private struct Touched: Hashable {
        let partner: PartnerID
        let key: PatternKey
    }

    init(
        _ state: LearnedState, statements: StatementStore, policies: SitePolicyStore, at now: Timestamp, in transaction: any SQLTransaction
    ) {
        self.state = state
        self.statements = statements
        self.policies = policies
        self.now = now
        self.transaction = transaction
    }

    // MARK: Bundles

    mutating func take(_ lesson: Lesson) throws {
        try letPass(lesson)
        try read(lesson)
        try reconsider(lesson)
    }

    private mutating func read(_ lesson: Lesson) throws {
        let record = lesson.record
        switch record.kind {
        case .verdict:
            guard let incident = record.incident, let check = record.check else { return }
            switch record.verdict {
            case .drift(let code)?: try drift(lesson, incident, code: code)
            case .compliant?:
                try recovered(lesson, incident)
                try LearningTables.removeIncidents(of: record.origin.appliance, record.host, check, in: transaction)
            default: return
            }
        case .decision:
            guard let incident = record.incident else { return }
            try drift(lesson, incident, code: nil)
        case .healing: try attempt(lesson)
        case .system: try leftOut(lesson)
        default: return
        }
    }

    /// An appliance's own lint did not take a learned rule: that site is told it no more, and one that reaches no site must not seem to stand.
    ///
    /// That a site refuses all learned rules says nothing of any of them.
    private mutating func leftOut(_ lesson: Lesson) throws {
        let (record, outcome, facts) = (lesson.record, lesson.record.outcome, lesson.record.preState)
        guard outcome.word == "rejected", let code = outcome.code, code == "policy.learned_refused",
            case .string(let name)? = facts["learned.rule"], case .integer(let version)? = facts["learned.version"],
            let pattern = RuleID(name).flatMap({ state.partners[lesson.partner]?.pattern(named: $0) }), Int64(pattern.version) == version
        else { return }
        let event = PatternEvent.refused(
            version: pattern.version, by: record.origin.appliance, at: record.origin.site, under: LintBasis(record.origin), code, record.id)
        try take(event, of: pattern.key, by: lesson.partner)
    }

    /// An appliance that refused a rule under another catalog, software or written policy is asked again.
    private mutating func reconsider(_ lesson: Lesson) throws {
        let (origin, partner) = (lesson.record.origin, lesson.partner)
        let basis = LintBasis(origin)
        let patterns = state.partners[partner]?.portfolio.patterns.values.filter { $0.reconsiders(origin.appliance, under: basis) } ?? []
        for pattern in patterns.sorted(by: { $0.key < $1.key }) {
            try take(.heard(from: origin.appliance, under: basis, lesson.record.id), of: pattern.key, by: partner)
        }
    }

    /// Repairs of the same appliance that its evidence has outlived by the hold period have lasted. By the box's own clock, in the order of
    /// its own chain: what it has not sent yet cannot be missed.
    private mutating func letPass(_ lesson: Lesson) throws {
        let appliance = lesson.record.origin.appliance
        guard let settled = state.partners[lesson.partner]?.watches[appliance]?.settle(at: lesson.record.ended) else { return }
        for occurrence in settled { try settle(occurrence, of: lesson.partner, from: appliance) }
    }

    /// - Parameter code: where the bundle says so; the incident's own otherwise.
    private mutating func drift(_ lesson: Lesson, _ id: IncidentID, code: Code?) throws {
        guard var incident = try incident(lesson, id) else { return }
        if let code { incident.code = code }
        try tell(lesson, &incident)
        try LearningTables.put(incident, in: transaction)
    }

    /// nil where the bundle names no check.
    private func incident(_ lesson: Lesson, _ id: IncidentID) throws -> LearningTables.Incident? {
        let record = lesson.record
        guard let check = record.check else { return nil }
        let appliance = record.origin.appliance
        if let known = try LearningTables.incident(id, of: appliance, in: transaction) { return known }
        try LearningTables.removeIncidents(of: appliance, record.host, check, in: transaction)
        return LearningTables.Incident(id: id, appliance: appliance, host: record.host, check: check)
    }

    /// Notes what the bundle adds to what is known of an incident, and tells the repair before that its drift has come back.
    @discardableResult
    private mutating func tell(_ lesson: Lesson, _ incident: inout LearningTables.Incident) throws -> PatternSignature? {
        let record = lesson.record
        for firing in record.shadow {
            incident.shadow.removeAll { $0.rule == firing.rule }
            incident.shadow.append(LearnedState.ShadowName(rule: firing.rule, version: firing.version))
        }
        // As many as one bundle may name: what an appliance adds with each further one must not grow without end.
        incident.shadow.removeFirst(max(0, incident.shadow.count - ShadowFiring.countMax))
        guard let pattern = lesson.pattern(code: incident.code, try host(lesson)) else { return incident.pattern }
        if incident.pattern != pattern.signature {
            (incident.pattern, incident.isTold) = (pattern.signature, false)
            try LearningTables.define(pattern, in: transaction)
        }
        guard !incident.isTold else { return pattern.signature }
        incident.isTold = true
        let host = HostKey(record.host, at: record.origin.site)
        let before = state.partners[lesson.partner]?.watches[record.origin.appliance]?.drifted(
            pattern.signature, on: host, at: record.observed)
        if let before { try settle(before, of: lesson.partner, from: record.origin.appliance) }
        return pattern.signature
    }

    private func host(_ lesson: Lesson) throws -> LearningTables.Host {
        let record = lesson.record
        guard let plan = record.plan, !plan.platforms.isEmpty else {
            return try LearningTables.host(record.host, of: record.origin.appliance, in: transaction)
        }
        let said = LearningTables.Host(platforms: plan.platforms, baseline: plan.baseline)
        try LearningTables.put(said, as: record.host, of: record.origin.appliance, in: transaction)
        return said
    }

    private mutating func attempt(_ lesson: Lesson) throws {
        let record = lesson.record
        // Of an order for a host without an open incident the bundle itself tells everything.
        var incident = try record.incident.flatMap { try self.incident(lesson, $0) }
        var pattern: PatternSignature?
        if incident != nil {
            pattern = try tell(lesson, &incident!)
        } else if let found = lesson.pattern(code: nil, try host(lesson)) {
            try LearningTables.define(found, in: transaction)
            pattern = found.signature
        }
        let (treatment, ending) = (lesson.treatment, lesson.ending)
        // What says nothing of a runbook is no attempt at it, nor was nothing done.
        if treatment == nil || ending == nil { incident?.pattern = nil } else { incident?.attempts += 1 }
        if let incident { try LearningTables.put(incident, in: transaction) }
        guard let treatment, let ending else { return }
        var version: Int?
        if let rule = record.plan?.rule, let named = record.plan?.ruleVersion,
            let fired = state.partners[lesson.partner]?.pattern(named: rule), fired.key.remedy == treatment.remedy
        {
            (version, pattern) = (named, fired.key.signature)
        }
        guard let pattern else { return }
        try add(lesson, pattern, treatment, ending, attempt: incident?.attempts ?? 1, version, incident?.shadow ?? [])
    }

    /// The check passes again; where nothing was tried, by itself.
    private mutating func recovered(_ lesson: Lesson, _ id: IncidentID) throws {
        guard let incident = try LearningTables.incident(id, of: lesson.record.origin.appliance, in: transaction), incident.attempts == 0,
            let pattern = incident.pattern
        else { return }
        try add(lesson, pattern, nil, .recoveredAlone, attempt: 1, nil, incident.shadow)
    }

    private mutating func add(
        _ lesson: Lesson, _ pattern: PatternSignature, _ treatment: Occurrence.Treatment?, _ ending: Occurrence.Ending, attempt: Int,
        _ ruleVersion: Int?, _ shadow: [LearnedState.ShadowName]
    ) throws {
        let record = lesson.record
        guard
            let occurrence = Occurrence(
                pattern: pattern, host: HostKey(record.host, at: record.origin.site), attempt: attempt, treatment: treatment,
                ending: ending, ended: record.ended, evidence: record.id)
        else { return }
        // One id for two bundles is no identity.
        guard state.partners[lesson.partner]?.waiting[record.origin.appliance]?[record.id] == nil else { return }
        let made = LearnedState.Attempt(
            position: lesson.position, appliance: record.origin.appliance, site: record.origin.site, ruleVersion: ruleVersion,
            shadow: shadow)
        try LearningTables.put(occurrence, made, of: lesson.partner, in: transaction)
        isChanged = true
        let policy = partner(lesson.partner).portfolio.policy
        state.partners[lesson.partner]?.waiting[made.appliance, default: [:]][record.id] = made
        let settled = state.partners[lesson.partner]?.watches[made.appliance, default: HoldWatch(policy)].take(occurrence)
        if let settled { try settle(settled, of: lesson.partner, from: made.appliance) }
    }

    /// Counts an attempt for good, and what it says of learned rules.
    private mutating func settle(_ occurrence: Occurrence, of name: PartnerID, from appliance: ApplianceID) throws {
        guard let attempt = state.partners[name]?.waiting[appliance]?.removeValue(forKey: occurrence.evidence) else { return }
        isChanged = true
        state.settled += 1
        try LearningTables.settle(attempt.position, as: occurrence.ending, number: state.settled, in: transaction)
        state.partners[name]?.portfolio.add(occurrence, at: state.settled)
        if let version = attempt.ruleVersion, let treatment = occurrence.treatment {
            let event = PatternEvent.fired(
                version: version, site: attempt.site, held: occurrence.ending == .held, occurrence.evidence)
            try take(event, of: PatternKey(occurrence.pattern, treatment.remedy), by: name)
            return
        }
        for shadow in attempt.shadow {
            guard let pattern = state.partners[name]?.pattern(named: shadow.rule), pattern.version == shadow.version else { continue }
            try take(.compared(ShadowComparison(occurrence, against: pattern.rule), occurrence.evidence), of: pattern.key, by: name)
        }
    }

    /// What no person asked for is never refused.
    private mutating func take(_ event: PatternEvent, of key: PatternKey, by name: PartnerID) throws {
        let now = now
        guard let followed = try? state.partners[name]?.portfolio.take(event, of: key, at: now) else { return }
        touched.insert(Touched(partner: name, key: key))
        isChanged = true
        for change in followed { try note(change, note: "") }
    }

    // MARK: Time, sites and catalogs

    /// - Parameters:
    ///   - catalog: the newest.
    ///   - rules: of candidates that pass the gate, made under it.
    mutating func letTimePass(_ catalog: CompiledCatalog?, rules: [PartnerID: [LearnedRule]]) throws {
        let (sites, now) = (try LearningTables.sites(in: transaction), now)
        for name in Set(sites.keys).union(state.partners.keys).sorted() {
            if partner(name).portfolio.sites != sites[name] ?? [] {
                state.partners[name]?.portfolio.sites = sites[name] ?? []
                delivering.insert(name)
            }
            if let catalog, catalog.version != state.catalog { try hold(name, against: catalog) }
            try forgetRevoked(name)
            for change in state.partners[name]?.portfolio.tick(at: now) ?? [] { try note(change, note: "") }
            // Where there is no room, or the gate no longer passes, it waits: nobody asked for it.
            for rule in rules[name] ?? [] {
                if let change = try? state.partners[name]?.portfolio.admit(rule, at: now) { try note(change, note: "") }
            }
        }
        guard let catalog, catalog.version != state.catalog else { return }
        state.catalog = catalog.version
        isChanged = true
    }

    /// Under another catalog a rule may have lost its runbook.
    private mutating func hold(_ name: PartnerID, against catalog: CompiledCatalog) throws {
        for pattern in partner(name).portfolio.patterns.values.sorted(by: { $0.key < $1.key }) {
            guard pattern.stage == .shadow || pattern.stage.runs, let fault = pattern.rule.fault(in: catalog) else { continue }
            try take(.lost(fault.code), of: pattern.key, by: name)
        }
    }

    /// A revoked appliance keeps its site from nothing.
    private mutating func forgetRevoked(_ name: PartnerID) throws {
        let refused = partner(name).portfolio.patterns.values.filter { !$0.refusedSites.isEmpty }
        guard !refused.isEmpty else { return }
        let revoked = try LearningTables.revoked(in: transaction)
        for pattern in refused.sorted(by: { $0.key < $1.key }) {
            for refusal in pattern.refusals where refusal.stands && revoked.contains(refusal.appliance) {
                try take(.gone(refusal.appliance), of: pattern.key, by: name)
            }
        }
    }

    // MARK: People

    /// - Throws: `PromotionRefusal`: nothing has changed.
    mutating func admit(_ rule: LearnedRule, of name: PartnerID, by person: String, reason: String) throws {
        _ = partner(name)
        let now = now
        guard let change = try state.partners[name]?.portfolio.admit(rule, by: person, at: now) else { return }
        try note(change, note: reason)
    }

    /// - Throws: `PromotionRefusal`: nothing has changed.
    mutating func decide(_ event: PatternEvent, of key: PatternKey, _ name: PartnerID, by person: String, reason: String) throws {
        _ = partner(name)
        let now = now
        for change in try state.partners[name]?.portfolio.take(event, of: key, at: now) ?? [] {
            try note(change, note: change.by == person ? reason : "")
        }
    }

    // MARK: Writing

    /// A stage has changed: signed, into the log, and from there on in force.
    private mutating func note(_ change: StageChange, note: String) throws {
        var change = change
        change.note = note
        _ = try statements.append(change.json, kind: .patternStage, about: .partner(change.partner), in: transaction)
        changes.append(change)
        touched.insert(Touched(partner: change.partner, key: change.key))
        delivering.insert(change.partner)
        isChanged = true
    }

    private mutating func partner(_ name: PartnerID) -> LearnedState.Partner {
        if let known = state.partners[name] { return known }
        let made = LearnedState.Partner(portfolio: PartnerPortfolio(name, policy: LearningPolicy(), sites: []))
        state.partners[name] = made
        return made
    }

    /// Every partner's appliances are told again: what was not told because nobody was there to tell it.
    mutating func deliverToAll() { delivering.formUnion(state.partners.keys) }

    /// Writes what is left to be written.
    ///
    /// - Throws: `LearningStep.Overtaken` where somebody else has written since; the transaction must not be committed then.
    mutating func finish() throws {
        for item in touched {
            guard let pattern = state.partners[item.partner]?.portfolio.patterns[item.key] else { continue }
            try LearningTables.put(pattern, in: transaction)
        }
        for name in delivering.sorted() { try deliver(name) }
        guard isChanged else { return }
        let changed = try transaction.execute(
            """
            UPDATE learning_state SET revision = revision + 1, settled = \(state.settled), catalog_version = \(state.catalog)
            WHERE revision = \(state.revision)
            """)
        guard changed == 1 else { throw Overtaken() }
        state.revision += 1
    }

    struct Overtaken: Error {}

    /// What all rules of one site may take of a document, in canonical bytes; shadows beyond it are not told.
    private static let bytesMax = SitePolicy.bytesMax / 4 * 3

    private mutating func deliver(_ name: PartnerID) throws {
        let portfolio = partner(name).portfolio
        for site in portfolio.sites {
            guard let row = try transaction.query("SELECT organization_id FROM site WHERE id = \(site.description)").first else { continue }
            let scope = TenantScope(ofCentral: try row.parsed(0))
            var entries: [SitePolicy.Learned] = []
            var bytes = 0
            for pattern in portfolio.told(to: site).prefix(SitePolicy.entriesMax) {
                guard let stage = SitePolicy.Learned.Stage(rawValue: pattern.stage.rawValue) else { continue }
                let entry = SitePolicy.Learned(
                    pattern: pattern.key.signature.digest, version: pattern.version, stage: stage, ruleID: pattern.rule.id,
                    rule: pattern.rule.json)
                bytes += try entry.json.canonicalBytes().count
                guard bytes <= Self.bytesMax else { break }
                entries.append(entry)
            }
            guard try policies.learned(of: site, in: scope, transaction) != entries.sorted(by: { $0.ruleID < $1.ruleID }) else { continue }
            try policies.setLearned(entries, of: site, in: scope, transaction)
        }
    }
}

extension LintBasis {
    fileprivate init(_ origin: Bundle.Origin) {
        self.init(catalog: origin.catalogVersion, software: origin.softwareVersion, policyVersion: origin.policyVersion)
    }
}
