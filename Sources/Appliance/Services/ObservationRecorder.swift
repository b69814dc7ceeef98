package import Catalog
import Compliance
import Database
import Detection
package import Evidence
import Hosts
import Logging
package import Model
import Redaction

/// Writes down what was seen: the newest look, the incident that follows from it, and, where a verdict is new or another
/// than before, a bundle at once. All three in one transaction.
package struct ObservationRecorder: Sendable {
    private let context: ApplianceContext

    package init(_ context: ApplianceContext) { self.context = context }

    /// A host that could not be reached, or can be again.
    struct Outage: Sendable {
        let host: HostID
        /// Under which it was decided; a write that finds another one starts over.
        let since: Timestamp?
        let begins: Timestamp?
        /// When it is over and cost a slot.
        let bundle: Bundle?
    }

    /// What one observation changes, decided before anything is written.
    struct Change: Sendable {
        let observation: Observation
        /// The entry that this was decided on; a write that finds another one starts over.
        let previous: ObservationTable.Entry?
        let incident: Incident?
        let forgetsDecision: Bool
        let bundle: Bundle?
    }

    /// - Parameter checks: definitions of the checks that were run, for severity and controls.
    /// - Returns: whether there is a drift that somebody should look at now.
    @discardableResult
    package func record(_ observations: [Observation], checks: [CheckID: CheckDefinition]) async throws -> Bool {
        for _ in 0..<Self.triesMax {
            let changes = try await context.database.read { [self] transaction in
                try observations.compactMap { try change($0, checks: checks, in: transaction) }
            }
            let outages = try await context.database.read { [self] transaction in try self.outages(observations, in: transaction) }
            do {
                try await write(changes, outages)
                return changes.contains { $0.incident?.state == .open }
            } catch is Overtaken {
                continue
            }
        }
        throw Overtaken()
    }

    private static let triesMax = 5
    private struct Overtaken: Error {}

    private func write(_ changes: [Change], _ outages: [Outage]) async throws {
        let scrubber = context.scrubber
        let apply: @Sendable (any SQLTransaction) throws -> Void = { transaction in
            for outage in outages {
                guard try OutageTable.since(.host(outage.host), in: transaction) == outage.since else { throw Overtaken() }
                if let begins = outage.begins {
                    try OutageTable.begin(.host(outage.host), at: begins, in: transaction)
                } else {
                    try OutageTable.end(.host(outage.host), in: transaction)
                }
            }
            for change in changes {
                let (host, check) = (change.observation.host, change.observation.check)
                guard try ObservationTable.find(host: host, check: check, in: transaction) == change.previous else { throw Overtaken() }
                try ObservationTable.put(change.observation.scrubbed(by: scrubber), in: transaction)
                if let incident = change.incident { try IncidentTable.put(incident, in: transaction) }
                if change.forgetsDecision { try DecisionTable.remove(host: host, check: check, in: transaction) }
            }
        }
        let bundles = outages.compactMap(\.bundle) + changes.compactMap(\.bundle)
        if bundles.isEmpty {
            try await context.database.write(apply)
        } else {
            try await context.journal.append(bundles) { transaction, _ in try apply(transaction) }
            for change in changes where change.bundle != nil {
                context.logger.notice(
                    "verdict",
                    metadata: [
                        "host": "\(change.observation.host)", "check": "\(change.observation.check)",
                        "verdict": "\(change.observation.verdict.word)", "code": "\(change.observation.verdict.code?.description ?? "")",
                    ])
            }
        }
    }

    /// Hosts whose looks failed all for the way to them, and hosts that answered after such a time.
    private func outages(_ observations: [Observation], in transaction: any SQLTransaction) throws -> [Outage] {
        var outages: [Outage] = []
        for (host, looks) in Dictionary(grouping: observations, by: \.host).sorted(by: { $0.key < $1.key }) {
            let isUnreachable = looks.allSatisfy { (look: Observation) -> Bool in
                guard case .unknown(let code) = look.verdict else { return false }
                return Self.unreachable.contains(code)
            }
            let since = try OutageTable.since(.host(host), in: transaction)
            let began = looks.map(\.started).min()!
            if isUnreachable {
                if since == nil { outages.append(Outage(host: host, since: nil, begins: began, bundle: nil)) }
            } else if let since {
                outages.append(
                    Outage(host: host, since: since, begins: nil, bundle: try gap(host, from: since, until: began, in: transaction)))
            }
        }
        return outages
    }

    private static let unreachable: Set<Code> = [
        HostError.unreachable("").code, HostError.timedOut.code, HostError.connectionLost.code,
    ]

    private func gap(_ host: HostID, from: Timestamp, until: Timestamp, in transaction: any SQLTransaction) throws -> Bundle? {
        guard from < until, let expected = try ExpectationTable.all(in: transaction)[host]?.expected else { return nil }
        // Nothing was seen since then, although it was looked at.
        let looks = Dictionary(expected.map { ($0.check, from) }, uniquingKeysWith: { $1 })
        guard MissedSlots.any(of: expected, looks: looks, from: from, until: until) else { return nil }
        return context.drafts.gap(.network, host: host, from: from, until: until, note: GapCause.network.sentence)
    }

    private func change(
        _ observation: Observation, checks: [CheckID: CheckDefinition], in transaction: any SQLTransaction
    ) throws -> Change? {
        let previous = try ObservationTable.find(host: observation.host, check: observation.check, in: transaction)
        // A re-check after a repair may have overtaken a slow scan: the older look says nothing about now.
        if let previous, previous.started > observation.started, previous.started <= context.clock.now() { return nil }
        let open = try IncidentTable.open(host: observation.host, check: observation.check, in: transaction)
        let definition = checks[observation.check]
        let (next, isOther) = Self.incident(after: observation, open: open, severity: definition?.severity ?? .medium)
        // A look between a repair's step and its end must not say that the drift went away by itself: the re-check ends the incident,
        // after the evidence of the repair.
        if next?.state == .resolved,
            try IntentTable.isUnderWay(host: observation.host, check: observation.check, in: transaction)
        {
            return nil
        }
        var bundle: Bundle?
        if previous?.verdict != observation.verdict {
            bundle = context.drafts.verdict(observation, controls: definition?.controls ?? [], incident: (next ?? open)?.id)
            if open == nil, case .drift = observation.verdict { bundle?.note = try relapse(observation, in: transaction) }
        }
        return Change(observation: observation, previous: previous, incident: next, forgetsDecision: isOther, bundle: bundle)
    }

    /// Says of a drift that a repair had been thought to end it.
    private func relapse(_ observation: Observation, in transaction: any SQLTransaction) throws -> String {
        let since = observation.started - Self.relapseSpan
        let repairs = try IntentTable.repairs(since: since, in: transaction)
        guard let ended = repairs[HostCheck(host: observation.host, check: observation.check)], ended <= observation.started else {
            return ""
        }
        return "Relapse: the drift was repaired \((observation.started - ended).wholeSeconds) s before and has come back."
    }

    /// A drift that comes back later than this is another one.
    private static let relapseSpan: Duration = .seconds(86_400)

    /// - Returns: the incident as it is to be written, nil where nothing changes; and whether what was decided about it before
    ///   no longer holds.
    private static func incident(after observation: Observation, open: Incident?, severity: Severity) -> (Incident?, isOther: Bool) {
        var tracker = IncidentTracker(open: open.map { [$0] } ?? [])
        var random = SystemRandomNumberGenerator()
        switch tracker.apply(observation, severity: severity, random: &random) {
        case .opened(let incident), .resolved(let incident): return (incident, true)
        case .updated(var incident, let codeChanged):
            // Another reason is another chance: rules may know it although they did not know the first.
            if codeChanged { incident.state = .open }
            return (incident, codeChanged)
        case .unseen, nil: return (nil, false)
        }
    }
}

extension Observation {
    /// As evidence states it, so that a digest of its facts is that of the facts in evidence, and tells nobody what was taken out.
    fileprivate func scrubbed(by scrubber: Scrubber) -> Observation {
        guard let facts = facts.scrubbed(by: scrubber) else { return self }
        return Observation(host: host, check: check, verdict: verdict, facts: facts, started: started, ended: ended)
    }
}

extension BundleDrafts {
    /// A verdict that is new.
    package func verdict(_ observation: Observation, controls: [ControlCitation], incident: IncidentID?) -> Bundle {
        var bundle = bundle(.verdict, host: observation.host, from: observation.started, to: observation.ended, outcome: .observed)
        bundle.check = observation.check
        bundle.controls = controls
        bundle.verdict = observation.verdict
        bundle.preState = observation.facts
        bundle.incident = incident
        return bundle
    }

    /// The verdicts of every check of one host, as they stand.
    package func attestation(_ host: HostID, _ attested: [Bundle.Attested]) -> Bundle {
        let instant = now
        var bundle = bundle(.attestation, host: host, from: instant, to: instant, outcome: .observed)
        bundle.attested = attested.sorted { $0.check < $1.check }
        return bundle
    }
}
