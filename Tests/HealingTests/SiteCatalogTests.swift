import Catalog
import Documents
import Foundation
import Healing
import Model
import TestSupport
import Testing

/// What somebody adds to the shipped catalog is held against what the gate and the verbs' code take.
@Suite struct SiteCatalogTests {
    private let directory: TemporaryDirectory
    private var folder: String { directory.file("catalog") }

    init() throws {
        directory = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: WholeCatalogTests.directory.path, toPath: directory.file("catalog"))
    }

    private func write(_ path: String, _ text: String) throws {
        let file = URL(filePath: "\(folder)/\(path)")
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func runbook(_ id: String, parameters: String = "{}", step: String) throws {
        try write(
            "runbooks/site/\(id).yaml",
            """
            schema: martlet.runbook/v1
            id: \(id)
            title: Of a test
            checks: [host.services.critical]
            platforms: [linux]
            parameters: \(parameters)
            timeout: 60s
            steps:
            - \(step)
            """)
    }

    private func rule(_ id: String, runbook: String, with: String) throws {
        try write(
            "rules/site/\(id).yaml",
            """
            schema: martlet.rule/v1
            id: \(id)
            title: Of a test
            priority: 1
            check: host.services.critical
            codes: [services.failed]
            when: {not: {exists: services.first_not_running}}
            runbook: \(runbook)
            with: \(with)
            """)
    }

    private func errors() -> [String] {
        CatalogLoader.lint(directory: folder, schema: .code(), version: 1).findings.filter { $0.level == .error }.map {
            "\($0.mark.file.split(separator: "/").last ?? ""):\($0.mark.line) \($0.code)"
        }
    }

    @Test("An example fails, and says why, where the runbook does not take what the rule hands it, as on the host")
    func unfitArgument() throws {
        try runbook(
            "site.print.restart", parameters: "{units: {type: strings, allowed: [cups.service], summary: The print server.}}",
            step: "{verb: service.restart, with: {units: {parameter: units}}}")
        try rule("L1-SITE-1", runbook: "site.print.restart", with: "{units: {fact: services.failed}}")
        for (id, unit, rule) in [
            ("fits", "cups.service", "\n  rule: L1-SITE-1\n  runbook: site.print.restart"),
            ("unfit", "postgresql.service", "\n  rule: L1-SITE-1\n  runbook: site.print.restart"),
            ("person", "postgresql.service", ""),
        ] {
            try write(
                "examples/site/\(id).yaml",
                """
                schema: martlet.example/v1
                id: \(id)
                check: host.services.critical
                facts: {services.not_running: [], services.not_enabled: [], services.failed: [\(unit)]}
                expect:
                  verdict: drift
                  code: services.failed\(rule)
                """)
        }
        let catalog = try CatalogLoader.load(directory: folder, schema: .code(), version: 1)
        let log = DiagnosticLog()
        let examples = CatalogExample.load(directory: folder, catalog: catalog, schema: .code(), log: log)
        #expect(log.all.isEmpty)
        let index = L1Index(catalog.rules)
        var failures: [String: String] = [:]
        for example in examples where example.expected.rule == "L1-SITE-1" || example.id == "person" {
            failures[example.id] = ExampleRun.failure(
                example, catalog: catalog, index: index, baseline: catalog.baselines["default"], at: WallClock.system.now())
        }
        #expect(
            failures == [
                "unfit": "rule L1-SITE-1 matches, but runbook site.print.restart does not take what units is given: it has an element "
                    + "that is not one of cups.service (gate.runbook_unfit): a person gets it"
            ])
    }

    @Test("What no verb does on any host is an error of the lint, wherever the catalog says it, at its line")
    func refusedLiterals() throws {
        try runbook("site.a", step: #"{verb: account.lock, with: {accounts: [root]}}"#)
        try runbook("site.b", step: #"{verb: sshd.set_option, with: {option: AuthorizedKeysCommand, value: /x}}"#)
        try runbook("site.c", step: #"{verb: disk.clean, with: {places: ["/home * 1"]}}"#)
        try runbook("site.d", step: #"{verb: file.set_content, with: {path: /etc/cron.d/x, document: nftables.ruleset}}"#)
        try runbook("site.e", step: #"{verb: service.start, with: {units: [poweroff.target, "a b; rm"]}}"#)
        try runbook(
            "site.f", step: #"{verb: nft.restore, with: {document: nftables.ruleset, managementPort: 99999, file: /etc/nftables.conf}}"#)
        try runbook("site.g", step: #"{verb: session.set_timeout, with: {seconds: -5}}"#)
        try runbook(
            "site.h", parameters: "{option: {type: string, allowed: [MaxSessions, AuthorizedKeysFile], summary: Which.}}",
            step: #"{verb: sshd.set_option, with: {option: {parameter: option}, value: "1"}}"#)
        try runbook(
            "site.i", parameters: "{units: {type: strings, summary: Which.}}",
            step: #"{verb: service.start, with: {units: {parameter: units}}}"#)
        try rule("L1-SITE-2", runbook: "site.i", with: "{units: [rescue.target]}")
        #expect(
            errors() == [
                "L1-SITE-2.yaml:9 step.refused", "site.a.yaml:9 step.refused", "site.b.yaml:9 step.refused", "site.c.yaml:9 step.refused",
                "site.d.yaml:9 step.refused", "site.e.yaml:9 step.refused", "site.f.yaml:9 step.refused", "site.g.yaml:9 step.refused",
                "site.h.yaml:6 step.refused",
            ])
    }

    @Test("An example that would show nothing is an error: twice one id, an unknown platform, drift of any code, a fact that nobody gave")
    func emptyExamples() throws {
        func example(_ path: String, platforms: String = "[linux]", facts: String, expect: String) throws {
            let id = path.split(separator: "/").last ?? ""
            try write(
                "examples/\(path).yaml",
                """
                schema: martlet.example/v1
                id: \(id)
                check: host.services.critical
                platforms: \(platforms)
                facts: \(facts)
                expect:
                  \(expect)
                """)
        }
        let failed = "{services.not_running: [], services.not_enabled: [], services.failed: [x.service]}"
        try example("site/a-one", facts: failed, expect: "{verdict: drift, code: services.failed}")
        try example("site/again/a-one", facts: failed, expect: "{verdict: drift, code: services.failed}")
        try example("site/a-two", platforms: "[linus]", facts: failed, expect: "{verdict: drift, code: services.failed}")
        try example("site/a-three", facts: failed, expect: "{verdict: drift}")
        try example("site/a-four", facts: "{services.not_running: [], services.not_enabled: []}", expect: "{verdict: compliant}")
        let catalog = try CatalogLoader.load(directory: folder, schema: .code(), version: 1)
        let log = DiagnosticLog()
        let examples = CatalogExample.load(directory: folder, catalog: catalog, schema: .code(), log: log)
        #expect(
            log.all.map { "\($0.mark.line) \($0.code)" }.sorted() == [
                "1 catalog.duplicate_id", "4 catalog.unknown_platform", "7 example.no_code",
            ])
        let last = try #require(examples.first { $0.id == "a-four" })
        #expect(last.mark.line == 6)
        let failure = ExampleRun.failure(last, catalog: catalog, index: L1Index([]), baseline: nil, at: WallClock.system.now())
        #expect(failure == "the verdict is unknown facts.missing (services.failed is not given), expected compliant")
        let check = try #require(catalog.checks["host.services.critical"])
        #expect(check.fault(of: last.facts, schema: .code()) == nil)
        for (fact, value) in [("services.faild", TypedValue.strings([])), ("services.failed", .string("x.service"))] {
            let name = try #require(FactName(fact))
            #expect(check.fault(of: Facts([name: value]), schema: .code())?.contains("services.failed") == true)
        }
    }
}
