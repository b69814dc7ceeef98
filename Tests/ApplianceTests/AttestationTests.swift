import Catalog
import Conditions
import Evidence
import Model
import Seal
import Testing

@testable import Appliance

@Suite struct AttestationTests {
    let looked = Timestamp(milliseconds: 1_795_000_000_000)
    let check = CheckDefinition(
        id: "linux.files.permissions", title: "File permissions", probe: "files", platforms: ["linux"], severity: .high,
        interval: .seconds(600), staleAfter: .seconds(3_600), phiRisk: "low", parameters: [:], notApplicable: [],
        drift: [Clause(code: "files.wrong", condition: .exists("files.first_wrong_path"))], requires: [], controls: [])

    private func verdict(catalogSince: Duration?, at age: Duration) -> Verdict {
        let entry = ObservationTable.Entry(
            host: "front-desk", check: check.id, verdict: .compliant, factsDigest: .genesis, started: looked, ended: looked)
        return ObservationTable.attested(check, entry, catalogSince: catalogSince.map { looked + $0 }, at: looked + age).verdict
    }

    @Test("A verdict is attested until it is stale, and not before the look")
    func staleness() {
        #expect(verdict(catalogSince: nil, at: .seconds(3_600)) == .compliant)
        #expect(verdict(catalogSince: nil, at: .seconds(3_601)) == .unknown("observation.stale"))
        #expect(verdict(catalogSince: nil, at: .seconds(-1)) == .unknown("observation.stale"))
    }

    @Test("What an earlier catalog concluded is not attested in the name of the one in force")
    func otherCatalog() {
        #expect(verdict(catalogSince: .zero, at: .seconds(60)) == .compliant)
        #expect(verdict(catalogSince: .milliseconds(1), at: .seconds(60)) == .unknown("observation.stale"))
        // The clock was put back: the catalog's instant says nothing.
        #expect(verdict(catalogSince: .seconds(90_000), at: .seconds(60)) == .compliant)
    }
}
