import Catalog
import Model
import Seal

/// What one labelled incident takes to be asked about, and what it would have taken in the system that this one replaces, by the description
/// of that one's prompt: `docs/planner.md` says how each part is counted.
package struct QuestionSize: Hashable, Sendable {
    package let name: String
    /// Bytes of system words, data and tools as they are sent; nil where there is nothing to choose, and nobody is asked.
    package let question: Int?
    /// Bytes of a call of the tool, with one sentence for a reason.
    package let answer: Int
    /// Bytes of the other system's question and answer: at least, and with its records whole.
    package let before: ClosedRange<Int>

    /// - Parameter request: of `labelled`.
    /// - Throws: `PlannerRefusal.promptTooLarge`, `JSONError`: what cannot be counted is no 0.
    package init(_ labelled: LabelledIncident, _ request: PlannerRequest) throws {
        name = labelled.name
        question = request.offers.offers.isEmpty ? nil : try Prompt(request).bytes.count
        let offer = request.offers.offers.first { labelled.runbooks.contains($0.runbook) }
        let parameters = offer?.domains.compactMapValues(\.example) ?? [:]
        answer = try Self.bytes(.object(parameters.merging(["confidence": .number(0.9), "reason": Self.sentence]) { _, own in own }))
        let other = try FormerPrompt(labelled.incident, parameters, reason: Self.sentence)
        before = other.least...max(other.least, other.most)
    }

    /// By the rule of thumb that holds for English and JSON: four bytes each.
    package static func tokens(_ bytes: Int) -> Int { (bytes + 3) / 4 }

    fileprivate static let sentence: JSONValue = "The facts show this drift and nothing else, and this runbook ends it."
    fileprivate static func bytes(_ value: JSONValue) throws -> Int { try value.canonicalBytes().count }
}

/// The other system's question and answer, as its description lists their parts: its own words of instruction, which are not described,
/// count as nothing.
private struct FormerPrompt {
    /// What cannot be left out: each similar incident with its raw data and what was done, and counts.
    let least: Int
    /// Similar incidents and statistics as its tables keep them.
    let most: Int

    private static let similar = 5
    private static let actions: JSONValue = [
        "update_to_baseline_generation", "restart_av_service", "run_backup_job", "restart_logging_services", "restore_firewall_baseline",
        "renew_certificate", "cleanup_disk_space", "restart_service", "clear_cache", "rotate_logs", "escalate",
    ]
    private static let action: JSONValue = "restart_service"
    private static let uuid: JSONValue = "6f1c2a9e-8d47-4b0a-9c3e-5a7b1d2e4f60"

    init(_ incident: Incident, _ parameters: [String: JSONValue], reason sentence: JSONValue) throws {
        let facts = incident.facts
        let raw = JSONValue.object(
            Dictionary(facts.values.map { ($0.key.description, $0.value.json) }, uniquingKeysWith: { $1 })
                .merging(facts.unknowns.map { ($0.key.description, .string($0.value.description)) }) { $1 })
        let kind = JSONValue.string(incident.check.description)
        let severity = JSONValue.string(incident.severity.rawValue)
        let host = JSONValue.string(incident.host.description)
        let counts: [String: JSONValue] = [
            "total_occurrences": 12, "success_count": 11, "recommended_action": Self.action,
        ]
        let answer: JSONValue = [
            "action": Self.action, "params": .object(parameters), "confidence": .number(0.9), "reasoning": sentence,
            "runbook_id": "RB-SERVICE-001", "requires_approval": false, "escalate": false,
        ]
        func bytes(_ statistics: [String: JSONValue], _ similar: JSONValue, _ top: JSONValue) throws -> Int {
            try QuestionSize.bytes([
                "incident_type": kind, "severity": severity, "site_id": Self.uuid, "host_id": host, "raw_data": raw,
                "statistics": .object(statistics), "similar": .array(Array(repeating: similar, count: Self.similar)), "top": top,
                "allowed": Self.actions,
            ]) + QuestionSize.bytes(answer)
        }
        least = try bytes(counts, ["raw_data": raw, "resolution_action": Self.action], [Self.action])
        let pattern: JSONValue = "0123456789abcdef"
        let row: JSONValue = [
            "id": "INC-20260115120000-123456-0a1b", "site_id": Self.uuid, "host_id": host, "incident_type": kind, "severity": severity,
            "raw_data": raw, "pattern_signature": pattern, "created_at": "2026-01-15T12:00:00+00:00",
            "resolved_at": "2026-01-15T12:00:09+00:00", "resolution_level": "L2", "resolution_action": Self.action, "outcome": "success",
            "resolution_time_ms": 9_000, "human_feedback": .null, "promoted_to_l1": 0,
        ]
        let kept: [String: JSONValue] = [
            "pattern_signature": pattern, "l1_resolutions": 0, "l2_resolutions": 11, "l3_resolutions": 1,
            "total_resolution_time_ms": 108_000, "last_seen": "2026-01-15T12:00:00+00:00", "promotion_eligible": 1,
        ]
        let top: JSONValue = .array(Array(repeating: ["action": Self.action, "count": 11, "success_rate": .number(0.92)], count: 3))
        most = try bytes(counts.merging(kept) { own, _ in own }, row, top)
    }
}

extension ParameterDomain {
    /// What an answer may give; nil where it gives nothing.
    fileprivate var example: JSONValue? {
        switch self {
        case .boolean: .boolean(true)
        case .integer(let range): .integer(range.lowerBound)
        case .fixed: nil
        case .one(let candidates): candidates.first.map { .string($0.label) }
        case .some(let candidates): candidates.first.map { .array([.string($0.label)]) }
        }
    }
}
