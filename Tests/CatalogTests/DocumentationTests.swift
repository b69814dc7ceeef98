import Catalog
import Foundation
import Model
import Testing

/// The examples of `docs/catalog.md` are a catalog that lints without a finding.
@Suite struct CatalogDocumentationTests {
    @Test func theExamplesOfTheManualAreAGoodCatalog() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/catalog.md"), encoding: .utf8)
        var folder = CatalogFolder()
        folder.files = folder.files.filter { $0.key.hasPrefix("frameworks/") }
        for block in text.components(separatedBy: "```yaml\n").dropFirst() {
            let example = try #require(block.components(separatedBy: "```").first)
            let lines = example.split(separator: "\n")
            let kind = try #require(lines.first?.split(separator: ".").last?.split(separator: "/").first)
            let id = try #require(lines.first { $0.hasPrefix("id: ") }?.dropFirst(4))
            folder.files["\(kind)s/example/\(id).yaml"] = example
        }
        #expect(folder.files.count == 8)
        let (catalog, findings) = try folder.lint()
        #expect(findings.map(\.description) == [])
        #expect(catalog?.rules.count == 1)
    }
}
