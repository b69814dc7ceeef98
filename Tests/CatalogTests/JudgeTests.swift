import Catalog
import Model
import Testing

@Suite struct JudgeTests {
    let now = Timestamp(milliseconds: 1_800_000_000_000)
    let good = Facts([
        "sshd.installed": .boolean(true), "sshd.permit_root_login": .string("no"), "sshd.port": .integer(22),
        "sshd.version": .version(Version("9.2")!),
    ])

    private func judge(_ facts: Facts) throws -> Verdict {
        let catalog = try #require(try CatalogFolder().lint().catalog)
        let check = try #require(catalog.checks["linux.ssh.hardening"])
        return check.judge(facts, parameters: catalog.parameters(of: check, baseline: nil), at: now)
    }

    private func changed(_ change: (inout Facts) -> Void) -> Facts {
        var facts = good
        change(&facts)
        return facts
    }

    @Test func allFactsInOrderAreCompliantAndTheFirstClauseThatHoldsNamesTheDrift() throws {
        #expect(try judge(good) == .compliant)
        #expect(try judge(changed { $0["sshd.permit_root_login"] = .string("yes") }) == .drift("ssh.root_login"))
        #expect(try judge(changed { $0["sshd.port"] = .integer(1_024) }) == .compliant)
        #expect(try judge(changed { $0["sshd.port"] = .integer(1_025) }) == .drift("ssh.port"))
        #expect(
            try judge(
                changed {
                    $0["sshd.port"] = .integer(1_025); $0["sshd.permit_root_login"] = .string("yes")
                }) == .drift("ssh.root_login"))
    }

    @Test func whatIsRequiredAndMissingOrUnreadIsUnknown() throws {
        #expect(try judge(Facts()) == .unknown("facts.missing"))
        #expect(try judge(changed { $0.markUnknown("sshd.installed", "probe.denied") }) == .unknown("probe.denied"))
    }

    @Test func notInstalledIsNotApplicable() throws {
        #expect(try judge(Facts(["sshd.installed": .boolean(false)])) == .notApplicable("ssh.not_installed"))
    }

    @Test func anUndecidedClauseNeverEndsInCompliance() throws {
        let hidden = changed { $0.markUnknown("sshd.permit_root_login", "probe.denied") }
        #expect(try judge(hidden) == .unknown("probe.denied"))
        var drifting = hidden
        drifting["sshd.port"] = .integer(2_000)
        #expect(try judge(drifting) == .drift("ssh.port"))
        #expect(try judge(changed { $0["sshd.port"] = .string("22") }) == .unknown("fact.type"))
    }

    @Test func aParameterWithoutAValueIsUnknown() throws {
        let catalog = try #require(try CatalogFolder().lint().catalog)
        let check = try #require(catalog.checks["linux.ssh.hardening"])
        #expect(check.judge(good, parameters: [:], at: now) == .unknown("parameter.missing"))
    }
}
