import Appliance
import Central
import Documents
import Foundation
import RootHands
import Testing

/// `docs/configuration.md` is what the declarations say. `make docs` (`MARTLET_REWRITE=1`) writes it anew.
@Suite struct ConfigurationDocumentationTests {
    static let schemas = [ApplianceSettings.schema, HandsSettings.schema, CentralConfiguration.schema]

    @Test func theManualOfTheSettingsIsCurrent() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "docs/configuration.md")
        let text = SettingsManual.markdown(Self.schemas)
        if ProcessInfo.processInfo.environment["MARTLET_REWRITE"] == "1" { try Data(text.utf8).write(to: file) }
        #expect(try String(contentsOf: file, encoding: .utf8) == text, "docs/configuration.md is stale; run `make docs`")
    }
}
