import Documents
import Model

/// Which controls of the ten frameworks each check speaks to: `Catalog/frameworks/checks-crosswalk.yaml`.
struct Crosswalk: Sendable {
    private(set) var controls: [CheckID: [ControlCitation]] = [:]

    static let path = "frameworks/checks-crosswalk.yaml"

    /// Reads only what joins checks to controls, each of which must be one of its framework's; `Catalog/frameworks/check.py` checks
    /// the rest of the file.
    init(_ node: Node, frameworks: inout Frameworks, log: DiagnosticLog) {
        guard var root = NodeReader(node, kind: "crosswalk", log: log), let items = root.required("checks")?.items("checks", log: log)
        else {
            return
        }
        for item in items {
            guard var check = NodeReader(item, kind: "check", log: log), let id = check.name("id", as: CheckID.self),
                let node = check.required("controls"), var mappings = NodeReader(node, kind: "controls", log: log)
            else { continue }
            var citations: [ControlCitation] = []
            let all = mappings.all()
            if all.isEmpty { log.error(at: item.mark(of: "controls"), code: "crosswalk.empty", "check \(id) speaks to no framework") }
            for (key, framework, value) in all {
                guard let known = frameworks.controls(of: framework, namedAt: key.mark) else { continue }
                citations += Self.citations(value, of: framework, known, check: id, log: log)
            }
            if controls.updateValue(citations.sorted(), forKey: id) != nil {
                log.error(at: item.mark, code: "crosswalk.duplicate", "check \(id) stands in the crosswalk twice")
            }
        }
    }

    private static func citations(
        _ node: Node, of framework: String, _ known: Frameworks.Controls, check: CheckID, log: DiagnosticLog
    ) -> [ControlCitation] {
        guard var mapping = NodeReader(node, kind: "mapping", log: log) else { return [] }
        let reason = mapping.optional("not_mapped")
        let named = [ControlCitation.Confidence.direct, .supporting].flatMap { confidence in
            (mapping.texts(confidence.rawValue, default: []) ?? []).map {
                ControlCitation(framework: framework, control: $0, confidence: confidence)
            }
        }
        mapping.finish()
        if named.isEmpty == (reason == nil) {
            log.error(
                at: node.mark, code: "crosswalk.empty",
                "\(framework) of check \(check) names controls as direct or supporting, or says with not_mapped why there is none")
        }
        for citation in named {
            let mark = node.mark(of: citation.confidence.rawValue)
            switch known[citation.control] {
            case true?: break
            case false?:
                log.error(
                    at: mark, code: "crosswalk.heading",
                    "\(quoted(citation.control)) of \(framework) is a heading; name the controls below it that check \(check) speaks to")
            case nil:
                log.error(
                    at: mark, code: "crosswalk.unknown_control",
                    "\(framework) has no control \(quoted(citation.control))\(suggestion(for: citation.control, in: known.keys))")
            }
        }
        return named
    }
}
