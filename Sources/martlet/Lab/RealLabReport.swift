import Laboratory
import Model
import Seal

/// What became of the scenarios on real hosts.
struct RealLabReport: Sendable {
    let results: [RehearsalRun.Result]
    /// In the site's kit, all verified.
    let bundles: Int

    var harm: Int { results.reduce(0) { $0 + $1.harm.count } }
    /// Scenarios that did not end as they say; what can be healed and was not is among them.
    var failed: Int { results.count { $0.failure != nil } }
    /// After which nobody could look for harm.
    var notCompared: Int { results.count { !$0.isCompared } }

    var table: String {
        var rows = [["scenario", "host", "what is right", "is", "time", "harm", "evidence"]]
        for result in results {
            rows.append([
                result.scenario.id.description, result.host.description, result.scenario.ending.text,
                result.failure == nil ? "so" : "NOT SO",
                result.healing.map(Self.said) ?? "-", result.isCompared ? "\(result.harm.count)" : "?",
                result.evidence.joined(separator: ", "),
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        var lines = rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ").trimmedEnd
        }
        lines.append("")
        for result in results where !result.isGood { lines.append(Self.line(result)) }
        let healable = results.filter(\.scenario.isHealable)
        let families = Set(results.map(\.scenario.family)).count
        lines.append(
            "\(results.count) scenarios in \(families) families: \(healable.count { $0.failure == nil }) of \(healable.count) healed that can be, "
                + "\(results.count { !$0.scenario.isHealable && $0.failure == nil }) of \(results.count - healable.count) left alone that must be. "
                + "Harm: \(harm)\(notCompared > 0 ? ", and not known of \(notCompared)" : ""). \(bundles) bundles verified.")
        return lines.joined(separator: "\n")
    }

    /// One scenario, as it ends.
    static func line(_ result: RehearsalRun.Result) -> String {
        var line = "\(result.host) \(result.scenario.id): "
        line += result.failure ?? (result.healing.map { "healed in \(said($0))" } ?? result.scenario.ending.text)
        if !result.harm.isEmpty { line += "; HARM: " + result.harm.prefix(10).joined(separator: ", ") }
        return line
    }

    private static func said(_ span: Duration) -> String { "\(span.wholeMilliseconds / 1_000).\(span.wholeMilliseconds % 1_000 / 100) s" }

    var json: JSONValue {
        [
            "schema": "martlet.lab-real/v1", "bundles": .integer(Int64(bundles)), "harm": .integer(Int64(harm)),
            "failed": .integer(Int64(failed)), "notCompared": .integer(Int64(notCompared)), "scenarios": .array(results.map(Self.json)),
        ]
    }

    private static func json(_ result: RehearsalRun.Result) -> JSONValue {
        var members: [String: JSONValue] = [
            "id": .string(result.scenario.id.description), "family": .string(result.scenario.family.rawValue),
            "host": .string(result.host.description), "right": .string(result.scenario.ending.text),
            "isAsExpected": .boolean(result.failure == nil), "isCompared": .boolean(result.isCompared),
            "harm": .array(result.harm.map { .string($0) }),
            "evidence": .array(result.evidence.map { .string($0) }),
        ]
        members["failure"] = result.failure.map { .string($0) }
        members["healedMilliseconds"] = result.healing.map { .integer($0.wholeMilliseconds) }
        return .object(members)
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
