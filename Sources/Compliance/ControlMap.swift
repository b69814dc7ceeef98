package import Model
import Seal

/// Which checks speak to which control of which framework.
package struct ControlMap: Hashable, Sendable {
    package struct Control: Hashable, Sendable {
        package let framework: String
        package let control: String
        /// Sorted, each once.
        package let checks: [CheckID]
    }

    /// Sorted by framework, then control, as RFC 8785 sorts keys.
    package let controls: [Control]

    package init(_ citations: [CheckID: [ControlCitation]]) {
        var checks: [[String]: Set<CheckID>] = [:]
        for (check, cited) in citations {
            for citation in cited { checks[[citation.framework, citation.control], default: []].insert(check) }
        }
        controls = checks.map { Control(framework: $0.key[0], control: $0.key[1], checks: $0.value.sorted()) }.sorted {
            $0.framework == $1.framework
                ? CanonicalWriter.precedes($0.control, $1.control) : CanonicalWriter.precedes($0.framework, $1.framework)
        }
    }
}

extension ControlMap.Control {
    var json: [String: JSONValue] {
        [
            "checks": .array(checks.map { .string($0.description) }), "control": .string(control), "framework": .string(framework),
        ]
    }
}
