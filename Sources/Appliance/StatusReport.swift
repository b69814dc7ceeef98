import Catalog
package import Database
import Healing
import Hosts
package import Model
import Seal

/// What an operator needs at 3 a.m., read from the state file, also while the appliance runs or when it does not.
package struct StatusReport: Sendable {
    /// Longest time without a look or a check-in before silence is a finding: the longest `poll.interval`, and its variation.
    package static let silenceMax: Duration = .seconds(70 * 60)

    package let lines: [(name: String, value: String)]
    /// Whether something needs a person.
    package let needsAttention: Bool

    package init(_ configuration: ApplianceConfiguration, database: any SQLDatabase, at now: Timestamp) async throws {
        let identity = try await Identity.load(database)
        guard let identity else {
            lines = [("enrolled", "no; run martlet-appliance enroll")]
            needsAttention = true
            return
        }
        let state = try await database.read { transaction in
            State(
                lastCheckin: try SettingTable.read(.lastCheckin, in: transaction).flatMap { Timestamp($0) },
                head: try EvidenceTable.head(in: transaction).sequence, queued: try EvidenceTable.queuedCount(in: transaction),
                incidents: try IncidentTable.all(openOnly: true, in: transaction), alerts: try AlertTable.all(in: transaction),
                observations: try ObservationTable.all(in: transaction),
                isPaused: try SettingTable.read(.isPaused, in: transaction) != nil,
                approvals: try ApprovalTable.waiting(in: transaction), catalog: try CatalogTable.active(in: transaction)?.version,
                policy: try PolicyTable.active(in: transaction),
                unfinished: try transaction.query("SELECT count(*) FROM intent WHERE finished IS NULL")[0].integer(0))
        }
        let isPausedByFile = configuration.directory.isPausedByFile
        var lines: [(name: String, value: String)] = [
            ("appliance", "\(identity.appliance) of \(identity.site)"),
            ("evidence key", Self.key(identity, configuration.directory)),
            ("last check-in", state.lastCheckin.map { "\($0) (\(Self.age(now - $0)) ago)" } ?? "never"),
            ("evidence", "\(state.head + 1) bundles, \(state.queued) wait for Central"),
            ("catalog", state.catalog.map { "version \($0)" } ?? "none yet: nothing is checked"),
            ("site policy", Self.policy(state.policy, identity)),
            ("repair", Self.repair(configuration, isPaused: state.isPaused, isPausedByFile: isPausedByFile)),
            ("next window", Self.window(configuration, at: now)),
            ("running repairs", "\(state.unfinished)"),
        ]
        for entry in configuration.hosts {
            let seen = state.observations.filter { $0.host == entry.access.id }
            let count = { (word: String) in seen.count { $0.verdict.word == word } }
            let newest = seen.map(\.ended).max().map { ", seen \(Self.age(now - $0)) ago" } ?? ", never seen"
            lines.append(
                (
                    "host \(entry.access.id)",
                    "\(count("compliant")) compliant, \(count("drift")) drift, \(count("unknown")) unknown\(newest)"
                ))
        }
        for incident in state.incidents {
            lines.append(
                (
                    "incident",
                    "\(incident.severity.rawValue) \(incident.host) \(incident.check) \(incident.code) (\(incident.state.rawValue), "
                        + "since \(incident.opened), \(incident.attempts) attempts)"
                ))
        }
        for request in state.approvals {
            let plan = request.statement
            lines.append(
                (
                    "approval",
                    "wanted since \(request.asked) for \(plan.runbook) on \(plan.host), asked by \(plan.requester): plan \(plan.digest)"
                ))
        }
        for alert in state.alerts { lines.append(("ALERT", "\(alert.code) since \(alert.raised): \(alert.note)")) }
        let newestSign = (state.observations.map(\.ended) + [state.lastCheckin].compactMap { $0 }).max()
        let isSilent = newestSign.map { now - $0 > Self.silenceMax } ?? true
        if isSilent {
            let since = newestSign.map { "for \(Self.age(now - $0))" } ?? "since it was enrolled"
            lines.append(("ALERT", "appliance.silent: no look and no check-in \(since). Is martlet-appliance running?"))
        }
        self.lines = lines
        needsAttention =
            isSilent || !state.alerts.isEmpty || !state.approvals.isEmpty || state.incidents.contains { $0.state == .escalated }
    }

    /// Wider lines fold in a terminal, in the middle of a word.
    package static let columnsMax = 100

    /// Names aligned; what is wider than `columnsMax` goes on below, at a space where there is one.
    package var text: String {
        let width = (lines.map(\.name.count).max() ?? 0) + 2
        return lines.map { name, value in
            let parts = Self.folded(value, to: max(20, Self.columnsMax - width))
            let margin = String(repeating: " ", count: width)
            return name + margin.dropFirst(name.count) + parts.joined(separator: "\n" + margin) + "\n"
        }.joined()
    }

    private static func folded(_ text: String, to columns: Int) -> [Substring] {
        var (parts, rest): ([Substring], Substring) = ([], text[...])
        while rest.count > columns {
            let end = rest.index(rest.startIndex, offsetBy: columns)
            // A word that is wider than a line stays whole, so that it can be copied.
            guard let space = rest[...end].lastIndex(of: " ") ?? rest[end...].firstIndex(of: " ") else { break }
            parts.append(rest[..<space])
            rest = rest[rest.index(after: space)...]
        }
        return parts + [rest]
    }

    private struct State: Sendable {
        let lastCheckin: Timestamp?
        let head: Int64
        let queued: Int
        let incidents: [Incident]
        let alerts: [AlertTable.Entry]
        let observations: [ObservationTable.Entry]
        let isPaused: Bool
        let approvals: [ApprovalTable.Request]
        let catalog: Int64?
        let policy: [UInt8]?
        let unfinished: Int64
    }

    /// As `martlet verify --appliance` takes it.
    package static func key(_ identity: Identity, _ directory: StateDirectory) -> String {
        do {
            return "\(identity.appliance)=\(try SigningKey(contentsOf: directory.evidenceKey).verifyingKey.id)"
        } catch {
            return "not readable here; run this as the appliance's user"
        }
    }

    private static func repair(_ configuration: ApplianceConfiguration, isPaused: Bool, isPausedByFile: Bool) -> String {
        if isPausedByFile { return "PAUSED by \(configuration.directory.pauseFile)" }
        if isPaused { return "PAUSED by an order from Central" }
        return configuration.policy.mode.rawValue
    }

    private static func policy(_ signed: [UInt8]?, _ identity: Identity) -> String {
        guard let signed else { return "none: the catalog stands alone" }
        do throws(SitePolicyError) {
            let policy = try VerifiedSitePolicy(
                opening: signed, key: identity.orderKey, site: identity.site, appliance: identity.appliance
            ).policy
            return "version \(policy.version): switched off are \(policy.checks.count) checks, \(policy.rules.count) rules, "
                + "\(policy.runbooks.count) runbooks; \(policy.learned.count) learned rules"
        } catch { return "NOT READABLE: \(error.message)" }
    }

    private static func window(_ configuration: ApplianceConfiguration, at now: Timestamp) -> String {
        guard let window = configuration.policy.window else { return "none configured: disruptive work needs a person" }
        return window.contains(now) ? "open now" : window.nextStart(after: now).description
    }

    private static func age(_ span: Duration) -> String {
        let seconds = span.wholeSeconds
        switch seconds {
        case ..<0: return "in the future: -\(-seconds) s"
        case ..<120: return "\(seconds) s"
        case ..<7_200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3_600) h"
        default: return "\(seconds / 86_400) d"
        }
    }
}
