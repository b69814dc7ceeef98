package import Documents
import Glibc
import Model
import Seal

/// Reads a catalog's folder, all of it or nothing, and lints it as a whole.
package struct CatalogLoader {
    /// Files below `checks`, `runbooks`, `rules` and `baselines` together.
    package static let filesMax = 20_000
    package static let folderDepthMax = 4

    /// - Parameters:
    ///   - directory: the folder with `checks`, `rules`, `runbooks`, `baselines` and `frameworks` in it.
    ///   - version: of the result; only grows.
    /// - Throws: every finding at once, warnings too, when one is an error.
    package static func load(
        directory: String, schema: CatalogSchema, version: Int64
    ) throws(Diagnostics) -> CompiledCatalog {
        let (catalog, findings) = lint(directory: directory, schema: schema, version: version)
        guard let catalog else { throw Diagnostics(findings) }
        return catalog
    }

    /// Everything there is to say about a folder, and the catalog when no error is among it.
    package static func lint(
        directory: String, schema: CatalogSchema, version: Int64
    ) -> (catalog: CompiledCatalog?, findings: [Diagnostic]) {
        var loader = CatalogLoader(directory: directory, schema: schema)
        let catalog = loader.load(version: version)
        let findings = loader.log.all.sorted { ($0.mark.file, $0.mark.line) < ($1.mark.file, $1.mark.line) }
        return (loader.log.errorCount == 0 ? catalog : nil, findings)
    }

    private let directory: String
    private let log = DiagnosticLog()
    private var reader: CatalogReader

    private init(directory: String, schema: CatalogSchema) {
        self.directory = directory
        reader = CatalogReader(schema: schema, log: log)
    }

    private mutating func load(version: Int64) -> CompiledCatalog? {
        let log = log
        let crosswalk: Crosswalk
        do throws(Diagnostic) {
            var frameworks = Frameworks(directory: directory, log: log)
            crosswalk = Crosswalk(try YAMLReader.read(path: "\(directory)/\(Crosswalk.path)"), frameworks: &frameworks, log: log)
        } catch {
            log.add(error)
            return nil
        }
        refuseStrays()
        let schema = reader.schema
        var lint = CatalogLint(refusal: schema.refusal, log: log)
        for (node, file) in documents(.check) {
            let check = reader.check(node) { id, _ in
                if let controls = crosswalk.controls[id] { return controls }
                let hint = suggestion(for: id.description, in: crosswalk.controls.keys.lazy.map(\.description))
                log.error(
                    at: node.mark(of: "id"), code: "check.no_crosswalk",
                    "check \(id) is not in \(Crosswalk.path); add an entry with this id and its controls\(hint)")
                return nil
            }
            if let check { lint.add(check, id: check.id.description, file: file, node) } else { noteFaulty(.check, node, file) }
        }
        for (node, file) in documents(.runbook) {
            if let runbook = reader.runbook(node) {
                lint.add(runbook, id: runbook.id.description, file: file, node)
            } else {
                noteFaulty(.runbook, node, file)
            }
        }
        for (node, file) in documents(.rule) {
            if let rule = reader.rule(node) {
                lint.add(rule, id: rule.id.description, file: file, node)
            } else {
                noteFaulty(.rule, node, file)
            }
        }
        for (node, file) in documents(.baseline) {
            if let baseline = reader.baseline(node) { lint.add(baseline, id: baseline.id, file: file, node) }
        }
        lint.finish(isWhole: reader.isWhole)
        guard log.errorCount == 0 else { return nil }
        return try? lint.catalog(version: version, schema: schema)
    }

    private mutating func noteFaulty(_ kind: CatalogReader.Kind, _ node: Node, _ file: String) {
        reader.noteFaulty(kind, file)
        if case .scalar(let id, _)? = node.value(of: "id")?.content { reader.noteFaulty(kind, id) }
    }

    /// A folder of a name that nothing reads would hold rules that nobody follows.
    private func refuseStrays() {
        let known = CatalogReader.Kind.allCases.map(\.folder) + ["examples", "frameworks"]
        for path in Self.entries(of: directory, log: log).sorted() {
            let name = String(path.dropFirst(directory.count + 1))
            guard !known.contains(name), name.hasSuffix(".yaml") || !Self.yamlFiles(below: path, log: DiagnosticLog()).isEmpty else {
                continue
            }
            log.error(
                at: Mark(file: path, line: 0), code: "catalog.unknown_folder",
                "is not read: the files of a catalog stand in \(known.joined(separator: ", "))\(suggestion(for: name, in: known))")
        }
    }

    /// The documents of one kind, in the order of their paths, each with its file's name without `.yaml`.
    private mutating func documents(_ kind: CatalogReader.Kind) -> [(node: Node, file: String)] {
        var found: [(Node, String)] = []
        for path in Self.yamlFiles(below: "\(directory)/\(kind.folder)", log: log).sorted() {
            guard found.count < Self.filesMax else {
                log.error(
                    at: Mark(file: path, line: 0), code: "catalog.too_many", "more than \(Self.filesMax) files; the rest was not read")
                break
            }
            do throws(Diagnostic) {
                let node = try YAMLReader.read(path: path)
                guard var reader = NodeReader(node, kind: kind.rawValue, log: log), let schema = reader.text("schema") else {
                    noteFaulty(kind, node, path.fileName)
                    continue
                }
                guard schema == "martlet.\(kind.rawValue)/v1" else {
                    log.error(
                        at: node.mark, code: "catalog.schema", "the schema is \(quoted(schema)); here it is \"martlet.\(kind.rawValue)/v1\""
                    )
                    noteFaulty(kind, node, path.fileName)
                    continue
                }
                found.append((node, path.fileName))
            } catch {
                log.add(error)
                reader.noteFaulty(kind, path.fileName)
            }
        }
        return found
    }

    /// Paths of all files that end in `.yaml`; what cannot be listed is in `log`.
    static func yamlFiles(below folder: String, log: DiagnosticLog, depth: Int = 1) -> [String] {
        var paths: [String] = []
        for path in entries(of: folder, log: log) {
            var status = stat()
            guard stat(path, &status) == 0 else { continue }
            if status.st_mode & S_IFMT == S_IFDIR {
                if depth < Self.folderDepthMax { paths += yamlFiles(below: path, log: log, depth: depth + 1) }
            } else if path.hasSuffix(".yaml") {
                paths.append(path)
            } else if path.hasSuffix(".yml") {
                log.error(at: Mark(file: path, line: 0), code: "catalog.file_name", "the file's name must end in .yaml; it was not read")
            }
        }
        return paths
    }
    /// Paths of all that is in a folder and not hidden.
    private static func entries(of folder: String, log: DiagnosticLog) -> [String] {
        guard let stream = opendir(folder) else {
            // A catalog may have no rules yet; any other reason must not look like an empty folder.
            if errno != ENOENT {
                log.error(at: Mark(file: folder, line: 0), code: "file.unreadable", "cannot be listed: \(String(cString: strerror(errno)))")
            }
            return []
        }
        defer { closedir(stream) }
        var paths: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if !name.hasPrefix(".") { paths.append("\(folder)/\(name)") }
        }
        return paths
    }
}
