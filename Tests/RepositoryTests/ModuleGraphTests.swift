import Foundation
import Testing

/// The repository's promises about itself: what a reader of `docs/` may rely on.
@Suite struct ModuleGraphTests {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// `docs/modules.txt`, in order.
    func documentedModules() throws -> [(name: String, imports: Set<String>)] {
        try String(contentsOf: root.appending(path: "docs/modules.txt"), encoding: .utf8)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { line in
                let halves = line.split(separator: ":", omittingEmptySubsequences: false)
                return (String(halves[0]), Set(halves[1].split(separator: " ").map(String.init)))
            }
    }

    /// The names that the module's sources import.
    func imports(of module: String) throws -> Set<String> {
        let folder = root.appending(path: "Sources/\(module)")
        let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
        var names: Set<String> = []
        for case let file as URL in files where file.pathExtension == "swift" {
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let words = line.split(separator: " ")
                guard let position = words.firstIndex(of: "import"), position <= 2, words.count > position + 1,
                    words[..<position].allSatisfy({
                        ["package", "public", "internal", "private", "fileprivate", "@preconcurrency"].contains($0)
                    })
                else { continue }
                names.insert(String(words[position + 1].split(separator: ".")[0]))
            }
        }
        return names
    }

    @Test func everyModuleImportsExactlyWhatTheGraphSays() throws {
        let documented = try documentedModules()
        let ours = Set(documented.map(\.name))
        var above: Set<String> = []
        for (name, expected) in documented {
            #expect(expected.isSubset(of: above), "\(name) is documented to import a module that does not stand above it")
            let found = try imports(of: name).intersection(ours)
            #expect(found == expected, "\(name) imports \(found.sorted()), docs/modules.txt says \(expected.sorted())")
            above.insert(name)
        }
    }

    @Test func everySourceFolderIsInTheGraphOrAnExecutableOrAnInterfaceToC() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: "Sources").path)
        let known = Set(try documentedModules().map(\.name))
        let outside = Set(folders).subtracting(known)
        #expect(outside == ["CCurl", "CPostgres", "martlet", "martlet-appliance", "martlet-hands", "martlet-central"])
    }

    /// C stays behind one module each.
    @Test(arguments: [
        ("CCurl", "Central"), ("CPostgres", "Postgres"), ("GRDB", "Database"), ("Yams", "Documents"), ("CYaml", "Documents"),
    ])
    func onlyOneModuleSpeaksTo(library: String, module: String) throws {
        for (name, _) in try documentedModules() where name != module {
            #expect(try !imports(of: name).contains(library), "\(name) imports \(library), which belongs behind \(module)")
        }
    }
}

@Suite struct DocumentationTests {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    func documents() throws -> [URL] {
        var found = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].map { root.appending(path: $0) }
        let files = try #require(FileManager.default.enumerator(at: root.appending(path: "docs"), includingPropertiesForKeys: nil))
        for case let file as URL in files where file.pathExtension == "md" { found.append(file) }
        return found
    }

    @Test func everyRelativeLinkLeadsSomewhere() throws {
        for document in try documents() {
            let text = try String(contentsOf: document, encoding: .utf8)
            for piece in text.components(separatedBy: "](").dropFirst() {
                guard let target = piece.split(separator: ")", maxSplits: 1, omittingEmptySubsequences: false).first,
                    !target.isEmpty, !target.hasPrefix("http"), !target.hasPrefix("#"), !target.contains(" ")
                else { continue }
                let path = target.split(separator: "#")[0]
                let file = document.deletingLastPathComponent().appending(path: String(path)).standardizedFileURL
                #expect(
                    FileManager.default.fileExists(atPath: file.path), "\(document.lastPathComponent) links to \(path), which is not there")
            }
        }
    }

    @Test func everyDecisionRecordHasItsFourParts() throws {
        let folder = root.appending(path: "docs/adr")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name.hasSuffix(".md") {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            for part in ["## Context", "## Decision", "## Price", "## Alternatives"] {
                #expect(text.contains(part), "\(name) has no \(part)")
            }
        }
    }
}
