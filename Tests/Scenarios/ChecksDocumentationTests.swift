import Catalog
import Foundation
import Healing
import Testing

/// The generated part of `docs/checks.md` is what the shipped catalog says. `make docs` (`MARTLET_REWRITE=1`) writes it anew.
@Suite struct ChecksDocumentationTests {
    @Test func theManualOfTheChecksIsCurrent() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let catalog = try CatalogLoader.load(directory: root.appending(path: "Catalog").path, schema: .code(), version: 1)
        let file = root.appending(path: "docs/checks.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let begin = try #require(text.range(of: ChecksManual.begin)).upperBound
        let end = try #require(text.range(of: ChecksManual.end)).lowerBound
        let current = ChecksManual.markdown(catalog)
        if ProcessInfo.processInfo.environment["MARTLET_REWRITE"] == "1" {
            try Data(text.replacingCharacters(in: begin..<end, with: current).utf8).write(to: file)
            return
        }
        #expect(text[begin..<end] == current, "docs/checks.md is stale; run `make docs`")
    }
}
