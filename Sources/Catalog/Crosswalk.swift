package import Documents
package import Model

/// Which controls of the ten frameworks each check speaks to: `Catalog/frameworks/checks-crosswalk.yaml`.
package struct Crosswalk: Sendable {
    package private(set) var controls: [CheckID: [ControlCitation]] = [:]

    package static let path = "frameworks/checks-crosswalk.yaml"

    /// Reads only what joins checks to controls; `Catalog/frameworks/check.py` checks the rest of the file.
    package init(_ node: Node, log: DiagnosticLog) {
        guard var root = NodeReader(node, kind: "crosswalk", log: log), let items = root.required("checks")?.items("checks", log: log)
        else {
            return
        }
        for item in items {
            guard var check = NodeReader(item, kind: "check", log: log), let id = check.name("id", as: CheckID.self),
                let node = check.required("controls"), var frameworks = NodeReader(node, kind: "controls", log: log)
            else { continue }
            var citations: [ControlCitation] = []
            for (_, framework, value) in frameworks.all() {
                guard framework.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
                    log.error(at: value.mark, code: "crosswalk.framework", "framework \(framework) is not printable ASCII")
                    continue
                }
                guard var mapping = NodeReader(value, kind: "mapping", log: log) else { continue }
                for confidence in [ControlCitation.Confidence.direct, .supporting] {
                    for control in mapping.texts(confidence.rawValue, default: []) ?? [] {
                        guard control.isPrintableASCII else {
                            log.error(at: value.mark, code: "crosswalk.control", "control \(control.printable) is not printable ASCII")
                            continue
                        }
                        citations.append(ControlCitation(framework: framework, control: control, confidence: confidence))
                    }
                }
            }
            if controls.updateValue(citations.sorted(), forKey: id) != nil {
                log.error(at: item.mark, code: "crosswalk.duplicate", "check \(id) stands in the crosswalk twice")
            }
        }
    }
}
