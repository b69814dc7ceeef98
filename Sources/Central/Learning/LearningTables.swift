import Database
import Evidence
import Learning
import Model
import Seal

/// Where learning stands. Incidents and hosts are notes that the next bundle about them needs; occurrences, learned rules, policies and
/// consents are what was learned.
enum LearningTables {
    // MARK: The cursor

    /// Place in the log of the newest bundle that was learned from; -1 before the first.
    static func cursor(in transaction: any SQLTransaction) throws -> Int64 {
        try transaction.query("SELECT cursor FROM learning_state")[0].integer(0)
    }

    // MARK: What the next bundle needs

    /// An open incident, as far as bundles have told of it.
    struct Incident: Hashable {
        let id: IncidentID
        let appliance: ApplianceID
        let host: HostID
        let check: CheckID
        var code: Code?
        var pattern: PatternSignature?
        /// Whether the repair before it, if any, has been told.
        var isTold = false
        var attempts = 0
        var shadow: [LearnedState.ShadowName] = []
    }

    static func incident(_ id: IncidentID, of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> Incident? {
        try transaction.query(
            """
            SELECT host, check_id, code, pattern, is_told, attempts, shadow FROM learning_incident
            WHERE incident_id = \(id.description) AND appliance_id = \(appliance.description)
            """
        ).first.map { row in
            Incident(
                id: id, appliance: appliance, host: try row.parsed(0), check: try row.parsed(1),
                code: try row.optionalText(2).flatMap(Code.init), pattern: try row.optionalBlob(3).map(signature),
                isTold: try row.integer(4) == 1, attempts: Int(try row.integer(5)), shadow: try names(row.text(6)))
        }
    }

    static func put(_ incident: Incident, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO learning_incident (incident_id, appliance_id, host, check_id, code, pattern, is_told, attempts, shadow)
            VALUES (\(incident.id.description), \(incident.appliance.description), \(incident.host.description),
                \(incident.check.description), \(incident.code?.description), \(incident.pattern?.digest.bytes), \(incident.isTold),
                \(incident.attempts), \(text(incident.shadow)))
            ON CONFLICT (appliance_id, incident_id) DO UPDATE SET code = excluded.code, pattern = excluded.pattern,
                is_told = excluded.is_told, attempts = excluded.attempts, shadow = excluded.shadow
            """)
    }

    /// Of one host and check at most one is open.
    static func removeIncidents(of appliance: ApplianceID, _ host: HostID, _ check: CheckID, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            DELETE FROM learning_incident WHERE appliance_id = \(appliance.description) AND host = \(host.description)
                AND check_id = \(check.description)
            """)
    }

    /// A machine as its appliance described it last.
    struct Host: Hashable {
        var platforms: [String] = []
        /// What it is held to; nil where its appliance does not say.
        var baseline: String?
    }

    static func host(_ host: HostID, of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> Host {
        try transaction.query(
            "SELECT platforms, baseline FROM learning_host WHERE appliance_id = \(appliance.description) AND host = \(host.description)"
        ).first.map { Host(platforms: try $0.text(0).split(separator: " ").map(String.init), baseline: try $0.optionalText(1)) } ?? Host()
    }

    static func put(_ said: Host, as host: HostID, of appliance: ApplianceID, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO learning_host (appliance_id, host, platforms, baseline)
            VALUES (\(appliance.description), \(host.description), \(said.platforms.joined(separator: " ")), \(said.baseline))
            ON CONFLICT (appliance_id, host) DO UPDATE SET platforms = excluded.platforms, baseline = excluded.baseline
            """)
    }

    // MARK: Occurrences

    static func put(
        _ occurrence: Occurrence, _ attempt: LearnedState.Attempt, of partner: PartnerID, in transaction: any SQLTransaction
    ) throws {
        let treatment = occurrence.treatment
        let parameters = try treatment.map { try JSONValue.object($0.parameters.mapValues(\.json)).canonicalBytes() }
        try transaction.execute(
            """
            INSERT INTO learning_occurrence (position, partner, pattern, host, attempt, tier, remedy, runbook, parameters, milliseconds,
                ending, ended_at, bundle_id, appliance_id, site_id, rule_version, shadow)
            VALUES (\(attempt.position), \(partner.description), \(occurrence.pattern.digest.bytes), \(occurrence.host.stored),
                \(occurrence.attempt), \(treatment?.tier.rawValue), \(treatment?.remedy.digest.bytes), \(treatment?.runbook.description),
                \(parameters.map { String(decoding: $0, as: UTF8.self) }), \(treatment?.milliseconds), \(occurrence.ending.rawValue),
                \(occurrence.ended.milliseconds), \(occurrence.evidence.description), \(attempt.appliance.description),
                \(attempt.site.description), \(attempt.ruleVersion), \(text(attempt.shadow)))
            """)
    }

    static func settle(_ position: Int64, as ending: Occurrence.Ending, number: Int64, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "UPDATE learning_occurrence SET ending = \(ending.rawValue), settled = \(number) WHERE position = \(position)")
    }

    typealias Settled = (position: Int64, occurrence: Occurrence)
    typealias Waiting = (occurrence: Occurrence, attempt: LearnedState.Attempt)

    /// By partner: those that count, in the order in which they were settled; and those that have to show that they last, as they came.
    static func occurrences(in transaction: any SQLTransaction) throws -> [PartnerID: (settled: [Settled], waiting: [Waiting])] {
        var kept: [PartnerID: (settled: [Settled], waiting: [Waiting])] = [:]
        // There are few, and hundreds of thousands of rows.
        var parameters: [String: [String: TypedValue]] = [:]
        for row in try transaction.query(
            """
            SELECT partner, pattern, host, attempt, tier, remedy, runbook, parameters, milliseconds, ending, ended_at, bundle_id, settled,
                position, appliance_id, site_id, rule_version, shadow
            FROM learning_occurrence ORDER BY settled, position
            """)
        {
            let occurrence = try occurrence(row, &parameters)
            let partner: PartnerID = try row.parsed(0)
            if let number = try row.optionalInteger(12) {
                kept[partner, default: ([], [])].settled.append((number, occurrence))
            } else {
                let attempt = LearnedState.Attempt(
                    position: try row.integer(13), appliance: try row.parsed(14), site: try row.parsed(15),
                    ruleVersion: try row.optionalInteger(16).map { Int($0) }, shadow: try names(row.text(17)))
                kept[partner, default: ([], [])].waiting.append((occurrence, attempt))
            }
        }
        return kept
    }

    private static func occurrence(_ row: Row, _ known: inout [String: [String: TypedValue]]) throws -> Occurrence {
        var treatment: Occurrence.Treatment?
        if let tier = try row.optionalText(4).flatMap(Tier.init), let text = try row.optionalText(7) {
            var parameters = known[text]
            if parameters == nil {
                parameters = try object(text).mapValues { value in
                    do { return try TypedValue(json: value) } catch { throw DatabaseError.corrupt("a parameter cannot be read") }
                }
                known[text] = parameters
            }
            treatment = Occurrence.Treatment(
                tier: tier, remedy: RemedyID(try row.digest(5)), runbook: try row.parsed(6), parameters: parameters ?? [:],
                milliseconds: try row.integer(8))
        }
        guard let ending = Occurrence.Ending(rawValue: try row.text(9)),
            let occurrence = Occurrence(
                pattern: PatternSignature(try row.digest(1)), host: HostKey(stored: try row.integer(2)), attempt: Int(try row.integer(3)),
                treatment: treatment, ending: ending, ended: try row.instant(10), evidence: try row.parsed(11))
        else { throw DatabaseError.corrupt("an occurrence contradicts itself") }
        return occurrence
    }

    // MARK: Patterns

    /// What a pattern is, in the catalog's words: without it no rule can be made of it.
    static func define(_ pattern: IncidentPattern, in transaction: any SQLTransaction) throws {
        let bytes = pattern.signature.digest.bytes
        guard try transaction.query("SELECT 1 FROM learning_definition WHERE pattern = \(bytes)").isEmpty else { return }
        let text = String(decoding: try pattern.json.canonicalBytes(), as: UTF8.self)
        try transaction.execute("INSERT INTO learning_definition (pattern, definition) VALUES (\(bytes), \(text))")
    }

    static func definition(of pattern: PatternSignature, in transaction: any SQLTransaction) throws -> JSONValue? {
        try transaction.query("SELECT definition FROM learning_definition WHERE pattern = \(pattern.digest.bytes)").first
            .map { .object(try object($0.text(0))) }
    }

    static func patterns(in transaction: any SQLTransaction) throws -> [LearnedPattern] {
        try transaction.query("SELECT body FROM learning_pattern ORDER BY partner, pattern, remedy").map { row in
            do { return try LearnedPattern(stored: .object(object(row.text(0)))) } catch let error as FieldError {
                throw DatabaseError.corrupt("a learned rule cannot be read: \(error.message)")
            }
        }
    }

    static func put(_ pattern: LearnedPattern, in transaction: any SQLTransaction) throws {
        let body = String(decoding: try pattern.stored.canonicalBytes(), as: UTF8.self)
        try transaction.execute(
            """
            INSERT INTO learning_pattern (partner, pattern, remedy, body)
            VALUES (\(pattern.partner.description), \(pattern.key.signature.digest.bytes), \(pattern.key.remedy.digest.bytes), \(body))
            ON CONFLICT (partner, pattern, remedy) DO UPDATE SET body = excluded.body
            """)
    }

    // MARK: Partners

    /// Where there is an appliance that may act, by partner. An organization that was given none is a partner of its own.
    static func sites(in transaction: any SQLTransaction) throws -> [PartnerID: [SiteID]] {
        var sites: [PartnerID: [SiteID]] = [:]
        for row in try transaction.query(
            """
            SELECT COALESCE(organization.partner, organization.id), site.id
            FROM site JOIN organization ON organization.id = site.organization_id
            WHERE EXISTS (SELECT 1 FROM appliance WHERE appliance.site_id = site.id AND appliance.revoked_at IS NULL) ORDER BY site.id
            """)
        { sites[try row.parsed(0), default: []].append(try row.parsed(1)) }
        return sites
    }

    static func revoked(in transaction: any SQLTransaction) throws -> Set<ApplianceID> {
        Set(try transaction.query("SELECT id FROM appliance WHERE revoked_at IS NOT NULL").map { row -> ApplianceID in try row.parsed(0) })
    }

    static func partners(in transaction: any SQLTransaction) throws -> [PartnerID] {
        try transaction.query("SELECT DISTINCT COALESCE(partner, id) FROM organization").map { row -> PartnerID in try row.parsed(0) }
            .sorted()
    }

    /// Each partner's newest.
    static func policies(in transaction: any SQLTransaction) throws -> [PartnerID: LearningPolicy] {
        var policies: [PartnerID: LearningPolicy] = [:]
        for row in try transaction.query("SELECT partner, figures FROM learning_policy ORDER BY number") {
            do { policies[try row.parsed(0)] = try LearningPolicy(json: .object(object(row.text(1)))) } catch let error
                as LearningPolicyError
            {
                throw DatabaseError.corrupt("a learning policy cannot be read: \(error.message)")
            }
        }
        return policies
    }

    // MARK: Texts

    static func object(_ text: String) throws -> [String: JSONValue] {
        guard let object = try? JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 1 << 20)).object else {
            throw DatabaseError.corrupt("what was learned cannot be read")
        }
        return object
    }

    private static func signature(_ bytes: [UInt8]) throws -> PatternSignature {
        guard let digest = Digest(bytes: bytes) else { throw DatabaseError.corrupt("a pattern is no digest") }
        return PatternSignature(digest)
    }

    /// `LRN-…@2 LRN-…@1`
    private static func text(_ names: [LearnedState.ShadowName]) -> String {
        names.map { "\($0.rule)@\($0.version)" }.joined(separator: " ")
    }

    private static func names(_ text: String) throws -> [LearnedState.ShadowName] {
        try text.split(separator: " ").map { word in
            let parts = word.split(separator: "@")
            guard parts.count == 2, let rule = RuleID(String(parts[0])), let version = Int(parts[1]) else {
                throw DatabaseError.corrupt("a rule in shadow has no name")
            }
            return LearnedState.ShadowName(rule: rule, version: version)
        }
    }
}
