import Documents
import Model

/// The part of `docs/checks.md` that says what the catalog's checks are, so that it cannot lag behind them.
package enum ChecksManual {
    package static let begin = "<!-- From the catalog, by `make docs`; a test fails when it is stale. -->\n"
    package static let end = "<!-- Up to here. -->\n"
    /// A list of more is shown by its length.
    private static let shownMax = 4

    package static func markdown(_ catalog: CompiledCatalog) -> String {
        let checks = catalog.checks.values.sorted { $0.id < $1.id }
        var text = "\n| check | what | probe | severity | every | stale after |\n| --- | --- | --- | --- | --- | --- |\n"
        for check in checks {
            let (every, stale) = (DurationText.text(check.interval), DurationText.text(check.staleAfter))
            text += "| \(check.id) | \(check.title) | \(check.probe) | \(check.severity.rawValue) | \(every) | \(stale) |\n"
        }
        text += "\n## Codes and parameters\n\n"
        for check in checks { text += entry(check) }
        return text + "\n"
    }

    private static func entry(_ check: CheckDefinition) -> String {
        var text = "- **\(check.id)** (\(check.platforms.joined(separator: ", "))): drift \(codes(check.drift))"
        if !check.notApplicable.isEmpty { text += "; not applicable \(codes(check.notApplicable))" }
        text += "."
        if !check.parameters.isEmpty {
            let parameters = check.parameters.sorted { $0.key < $1.key }.map { "`\($0.key)` = \(shown($0.value.default))" }
            text += " \(parameters.joined(separator: "; "))."
        }
        return text + "\n"
    }

    /// Each once, in the order in which they are tried.
    private static func codes(_ clauses: [Clause]) -> String {
        var seen: Set<Code> = []
        return clauses.filter { seen.insert($0.code).inserted }.map { "`\($0.code)`" }.joined(separator: ", ")
    }

    private static func shown(_ value: TypedValue?) -> String {
        switch value {
        case nil: "none"
        case .string(let text)?: text.isEmpty ? "\"\"" : text
        case .strings(let texts)?: texts.count <= shownMax ? "[\(texts.joined(separator: ", "))]" : "\(texts.count) entries"
        case .boolean(let value)?: "\(value)"
        case .integer(let value)?: "\(value)"
        case .instant(let value)?: "\(value)"
        case .version(let value)?: "\(value)"
        }
    }
}
