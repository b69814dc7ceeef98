import Catalog
import Glibc
import Hosts
import Model
import Testing

/// What a probe's commands gave on one host, as text that people read and mend: `Fixtures/<system>/<probe>.txt`.
struct Recording {
    var results: [Result<CommandResult, HostError>]

    static let folder = "\(#filePath)".split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/HostsTests/Fixtures"

    init(_ system: String, _ probe: ProbeID) throws {
        try self.init(try TextFile.read("\(Self.folder)/\(system)/\(probe).txt"))
    }

    /// `==== status N` begins a command's standard output, `==== error` its error output; `==== missing` is a program that is not installed.
    init(_ text: String) throws {
        results = []
        var output: [Substring] = []
        var errors: [Substring] = []
        var status: Int?
        var isError = false
        func bytes(_ lines: [Substring]) -> [UInt8] { lines.isEmpty ? [] : Array((lines.joined(separator: "\n") + "\n").utf8) }
        func finish() {
            if let status { results.append(.success(CommandResult(exitStatus: status, output: bytes(output), errorOutput: bytes(errors)))) }
            (output, errors, status, isError) = ([], [], nil, false)
        }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ")
            if line.hasPrefix("==== ") {
                switch words[1] {
                case "status":
                    finish()
                    status = try #require(Int(words[2]))
                case "error": isError = true
                default:
                    finish()
                    results.append(.failure(.commandMissing(String(words.last!))))
                }
            } else if status == nil {
                try #require(line.hasPrefix("#"), "a recording begins with where it is from")
            } else if isError {
                errors.append(line)
            } else {
                output.append(line)
            }
        }
        finish()
    }

    static func text(_ results: [Result<CommandResult, HostError>], from origin: String) -> String {
        var text = "# \(origin)\n"
        for result in results {
            switch result {
            case .success(let result):
                text += "==== status \(result.exitStatus)\n" + result.text
                if !result.output.isEmpty, result.output.last != 10 { text += "\n" }
                if !result.errorOutput.isEmpty { text += "==== error\n" + String(decoding: result.errorOutput, as: UTF8.self) }
            case .failure(let failure): text += "==== missing \(failure)\n"
            }
        }
        return text
    }

    /// Replaces text in every output; each must be there.
    func replacing(_ changes: [(String, String)]) throws -> Recording {
        var copy = self
        for (old, new) in changes {
            var isFound = false
            copy.results = copy.results.map { result in
                guard case .success(let command) = result, command.text.contains(old) else { return result }
                isFound = true
                let text = command.text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
                return .success(CommandResult(exitStatus: command.exitStatus, output: Array(text.utf8), errorOutput: command.errorOutput))
            }
            try #require(isFound, "nothing to replace: \(old)")
        }
        return copy
    }
}

enum TextFile {
    static func read(_ path: String) throws -> String {
        let file = try #require(fopen(path, "r"), "\(path)")
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"), "\(path)")
        defer { fclose(file) }
        fputs(text, file)
    }
}

/// The repository's own catalog: checks as they are shipped.
enum ShippedCatalog {
    static let repository = "\(#filePath)".split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    static let checks: [CheckID: CheckDefinition] = {
        do {
            let schema = CatalogSchema(probes: Dictionary(uniqueKeysWithValues: ProbeRegistry.all.map { ($0.id, $0.facts) }), verbs: [:])
            // Only the checks: rules and runbooks name verbs, which this module does not know.
            var template = Array("/tmp/mlt-catalog-XXXXXX".utf8CString)
            let folder = String(cString: try #require(mkdtemp(&template)))
            for part in ["checks", "frameworks"] { symlink("\(repository)/Catalog/\(part)", "\(folder)/\(part)") }
            defer {
                for part in ["checks", "frameworks"] { unlink("\(folder)/\(part)") }
                rmdir(folder)
            }
            return try CatalogLoader.load(directory: folder, schema: schema, version: 1).checks
        } catch {
            Issue.record("the catalog does not load: \(error)")
            return [:]
        }
    }()

    static func check(_ id: CheckID) throws -> CheckDefinition { try #require(checks[id], "no check \(id)") }

    /// The check's defaults, and what a site that wants everything would set.
    static func parameters(_ check: CheckDefinition, _ own: [String: TypedValue] = [:]) -> [String: TypedValue] {
        check.parameters.compactMapValues(\.default).merging(own) { $1 }
    }
}
