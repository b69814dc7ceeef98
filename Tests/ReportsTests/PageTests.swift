import Foundation
import Model
import Reports
import TestSupport
import Testing

/// `verify.html` as people meet it, in a real browser, judged by axe-core.
@Suite struct PageTests {
    private static let page = "\(repositoryRoot)/Sources/Reports/verify.html"
    private static let driver = "\(repositoryRoot)/scripts/checks/kit_page.py"

    private static func axe(_ page: String, _ kit: String) throws -> String {
        try runCommand("\(repositoryRoot)/scripts/lab/python", [driver, "axe", page, kit])
    }

    @Test("axe-core finds nothing against the page, empty and with a kit judged right or wrong, light and dark, wide and narrow")
    func canBeUsedByEverybody() async throws {
        let directory = try TemporaryDirectory()
        let kit = directory.file("kit.zip")
        let sample = try await KitSample(seed: 5)
        try sample.write(to: kit)
        // Right: the page says so in green, with coverage and a sample. Wrong: findings.
        let wrong = directory.file("wrong.zip")
        var random = SeededGenerator(seed: 5)
        let mutation = try #require(KitMutation.allCases.first { !$0.mayBeHarmless })
        try Data(mutation.apply(to: KitParts(path: kit), of: sample, using: &random))
            .write(to: URL(filePath: wrong))
        for file in [kit, wrong] {
            let states = try Self.axe(Self.page, file).split(separator: "\n")
            // Not vacuously: it looked at both states, by many rules.
            #expect(states.count == 8 && states.count { $0.contains("\"judged\": true") } == 4)
        }
        // It does find what is wrong.
        let page = try String(contentsOfFile: Self.page, encoding: .utf8)
        try page.replacing("<html lang=\"en\">", with: "<html>").write(
            toFile: directory.file("bad.html"), atomically: true, encoding: .utf8)
        #expect(throws: CommandFailed.self) { try Self.axe(directory.file("bad.html"), kit) }
    }
}
