import Compliance
import Model
import Seal
import Testing

@Suite struct StatementTests {
    private let site = CoverageTests.site
    private let now = CoverageTests.instant(50)

    private func exception(
        id: String = "E-1", until: Double = 24, reason: String = "out for repair", requestedBy: String = "alice", approvedBy: String = "bob"
    ) throws(ExceptionError) -> ExceptionStatement {
        try ExceptionStatement(
            id: id, site: site, host: "x-ray", from: CoverageTests.instant(0), until: CoverageTests.instant(until), reason: reason,
            requestedBy: requestedBy, approvedBy: approvedBy, issued: CoverageTests.instant(0))
    }

    @Test func anExceptionNeedsAnEndAReasonAndASecondPerson() throws {
        #expect(throws: Never.self) { try exception(until: 24 * 366) }
        #expect(throws: ExceptionError.period) { try exception(until: 24 * 366 + 1) }
        #expect(throws: ExceptionError.period) { try exception(until: 0) }
        #expect(throws: ExceptionError.reason) { try exception(reason: "") }
        #expect(throws: ExceptionError.reason) { try exception(reason: String(repeating: "x", count: 1_001)) }
        #expect(throws: ExceptionError.samePerson) { try exception(approvedBy: "alice") }
        for alike in ["alice ", "  ALICE", "Alice"] {
            #expect(throws: ExceptionError.samePerson) { try exception(approvedBy: alike) }
        }
        for empty in ["", "   ", "bob\n", "b\u{202e}ob"] { #expect(throws: ExceptionError.person) { try exception(approvedBy: empty) } }
        #expect(throws: ExceptionError.reason) { try exception(reason: "busy\u{1b}[8m") }
        #expect(throws: ExceptionError.id) { try exception(id: "no spaces") }
    }

    @Test func statementsReadBackAndEveryMissingMemberIsRefused() throws {
        let exception = try exception()
        #expect(try ExceptionStatement(json: exception.json) == exception)
        for key in ["id", "site", "from", "until", "issued", "reason", "requestedBy", "approvedBy", "schema"] {
            var members = try #require(exception.json.object)
            members[key] = nil
            #expect(throws: ExceptionError.self) { try ExceptionStatement(json: .object(members)) }
        }
        let gap = try #require(
            GapStatement(
                site: site, appliance: CoverageTests.box, from: CoverageTests.instant(0), until: now, cause: .silent, issued: now, note: "é"
            ))
        #expect(try GapStatement(json: gap.json) == gap)
        for (key, value) in [("code", "gap.down"), ("until", gap.from.description), ("schema", "martlet.exception/v1")] {
            var members = try #require(gap.json.object)
            members[key] = .string(value)
            #expect(throws: FieldError.self) { try GapStatement(json: .object(members)) }
        }
    }

    @Test func aLedgerReadsBack() throws {
        let ledger = try History(seed: 5).coverage().ledger
        #expect(!ledger.entries.isEmpty)
        #expect(try ExpectationLedger(json: ledger.json) == ledger)
    }
}
