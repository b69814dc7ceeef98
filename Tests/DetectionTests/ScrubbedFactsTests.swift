import Catalog
import Evidence
import Foundation
import Hosts
import Model
import Redaction
import TestSupport
import Testing

@testable import Detection

/// What hosts really said, of every probe and system that was recorded: the scrubber finds nothing in it to take out.
@Suite struct ScrubbedFactsTests {
    @Test("Scrubbing changes no fact of any recorded look, and so no verdict", arguments: Look.all)
    func changesNoFact(look: Look) throws {
        let check = try ShippedCatalog.check(look.check)
        let judged = look.judge(try look.recording(check).results, check)
        #expect(judged.facts.scrubbed(by: .ofTests) == nil)
    }

    @Test("Nor does it change the raw output of any probe's commands")
    func changesNoOutput() throws {
        var count = 0
        let files = try #require(FileManager.default.enumerator(atPath: Recording.folder))
        for case let name as String in files where name.hasSuffix(".txt") {
            let text = try TextFile.read("\(Recording.folder)/\(name)")
            for line in text.split(separator: "\n") {
                let scrubbed = Scrubber.ofTests.scrub(String(line)).description
                #expect(scrubbed == String(line), "\(name)")
            }
            count += 1
        }
        #expect(count > 40)
    }

    @Test("A fact with a patient's name in it loses the name, and stays a fact of its type")
    func takesNamesOut() throws {
        let facts: Facts = Facts([
            "services.failed": .strings(["scan-patient_John_Smith.service", "sshd.service"]), "services.count": .integer(2),
        ])
        let scrubbed = try #require(facts.scrubbed(by: .ofTests))
        guard case .strings(let names)? = scrubbed["services.failed"] else {
            Issue.record("no list")
            return
        }
        #expect(names.count == 2 && names[1] == "sshd.service")
        #expect(names[0].hasPrefix("scan-patient_[name:") && names[0].hasSuffix("].service"))
        #expect(scrubbed["services.count"] == .integer(2))
    }
}
