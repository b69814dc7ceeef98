import Documents
import Model

/// The frameworks of a catalog's folder: `frameworks/<id>.yaml`, each read when it is first named.
struct Frameworks {
    static let schema = "framework/1"

    /// Whether a check can speak to a control, by the control's id; a heading only groups others.
    typealias Controls = [String: Bool]

    private let files: [String: String]
    private let log: DiagnosticLog
    private var read: [String: Controls] = [:]

    init(directory: String, log: DiagnosticLog) {
        let paths = CatalogLoader.yamlFiles(below: "\(directory)/frameworks", log: log, depth: CatalogLoader.folderDepthMax)
        files = Dictionary(paths.map { ($0.fileName, $0) }.filter { $0.0.isPrintableASCII }) { first, _ in first }
        self.log = log
    }

    /// Logs where there is no such framework, or a file that is none.
    mutating func controls(of id: String, namedAt mark: Mark) -> Controls? {
        if let controls = read[id] { return controls }
        guard let path = files[id] else {
            log.error(
                at: mark, code: "crosswalk.unknown_framework",
                "there is no framework \(quoted(id)) in frameworks/\(suggestion(for: id, in: files.keys))")
            return nil
        }
        let controls = load(path)
        read[id] = controls
        return controls
    }

    private func load(_ path: String) -> Controls {
        do throws(Diagnostic) {
            let node = try YAMLReader.read(path: path)
            guard var root = NodeReader(node, kind: "framework", log: log), root.text("schema") == Self.schema,
                let items = root.required("controls")?.items("controls", log: log)
            else {
                log.error(at: node.mark, code: "catalog.schema", "this is not a \(quoted(Self.schema)) with its controls")
                return [:]
            }
            var controls: Controls = [:]
            for item in items {
                guard var control = NodeReader(item, kind: "control", log: log), let id = control.text("id") else { continue }
                // One name to every reader of evidence.
                guard id.isPrintableASCII else {
                    log.error(at: item.mark, code: "crosswalk.control", "control \(id.printable) is not printable ASCII")
                    continue
                }
                controls[id] = control.boolean("mappable", default: false)
            }
            return controls
        } catch {
            log.add(error)
            return [:]
        }
    }
}

extension String {
    /// Of a path, without folder and `.yaml`.
    var fileName: String { String(self[(lastIndex(of: "/").map(index(after:)) ?? startIndex)...].dropLast(".yaml".count)) }
}
