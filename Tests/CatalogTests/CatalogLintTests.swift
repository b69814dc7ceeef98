import Catalog
import Documents
import Model
import Testing

private let crosswalk = "frameworks/checks-crosswalk.yaml"
private let check = "checks/ssh/linux.ssh.hardening.yaml"
private let rule = "rules/ssh/L1-SSH-001.yaml"
private let other = "rules/ssh/L1-SSH-002.yaml"
private let runbook = "runbooks/ssh/linux.sshd.set_option.yaml"
private let baseline = "baselines/default.yaml"

@Suite struct CatalogLintTests {
    @Test func aGoodCatalogLoadsWithItsControls() throws {
        let (catalog, findings) = try CatalogFolder().lint()
        #expect(findings.map(\.description) == [])
        let loaded = try #require(catalog)
        #expect(loaded.version == 7)
        #expect(
            loaded.checks["linux.ssh.hardening"]?.controls == [
                ControlCitation(framework: "cis-controls-v8.1", control: "5.4", confidence: .direct),
                ControlCitation(framework: "hipaa-security-rule", control: "164.312(d)", confidence: .direct),
                ControlCitation(framework: "hipaa-security-rule", control: "164.312(a)(1)", confidence: .supporting),
            ])
        #expect(loaded.rules.map(\.id) == ["L1-SSH-001", "L1-SSH-002", "L1-TIME-001"])
        #expect(loaded.rules[0].parameters == ["option": .literal(.string("PermitRootLogin")), "value": .literal(.string("no"))])
        #expect(loaded.rules[1].runbook == nil)
        #expect(loaded.baselines["default"]?.documents["nftables.ruleset"] == "table inet filter { }")
        let check = try #require(loaded.checks["linux.ssh.hardening"])
        let values = loaded.parameters(of: check, baseline: loaded.baselines["default"])
        #expect(values == ["rootLoginAllowed": .strings(["prohibit-password"]), "portMax": .integer(22), "banner": .string("none")])
    }

    @Test(
        "One fault in one file is one error, with its code, file and line",
        arguments: [
            (check, "id: linux.ssh.hardening", "id: linux.ssh.hardning", "check.no_crosswalk", 2),
            (check, "probe: sshd", "probe: sshdd", "check.unknown_probe", 4),
            (check, "requires: [sshd.installed]", "requires: [sshd.instaled]", "check.unknown_fact", 14),
            (check, "fact: sshd.port, greater: {", "fact: sshd.prt, greater: {", "condition.unknown_fact", 19),
            (check, "greater: {parameter: portMax}", "greater: {parameter: portMx}", "condition.unknown_parameter", 19),
            (check, "greater: {parameter: portMax}", "contains: x", "condition.operator_type", 19),
            (check, "interval: 15m", "interval: 5s", "value.range", 7),
            (check, "staleAfter: 1h", "staleAfter: 14m", "check.stale_before_due", 8),
            (check, "severity: high", "severity: hihg", "value.choice", 6), (check, "phiRisk: low\n", "", "document.missing_key", 1),
            (check, "platforms: [linux]", "platforms: [linus]", "catalog.unknown_platform", 5),
            (check, "default: 1024", "default: 0", "parameter.default", 12),
            (check, "default: [\"no\"]", "default: [never]", "parameter.default", 11),
            (check, "minimum: 1,", "minimum: 70000,", "parameter.range", 12),
            (check, "pattern: \"[a-z]{1,10}\"", "pattern: \"[a-z\"", "parameter.pattern", 13),
            (check, "greater: 100}", "greater: 100}, {fact: sshd.port, less: 50}", "check.impossible_clause", 20),
            (
                check, "{code: ssh.old, when: {all: [{fact: sshd.version, less: \"9.2\"}, {fact: sshd.port, greater: 100}]}}",
                "{code: ssh.old, when: {fact: sshd.port, greater: {parameter: portMax}}}", "check.repeated_clause", 20
            ),
            (check, "martlet.check/v1", "martlet.rule/v1", "catalog.schema", 1), (check, "title:", "titel:", "document.missing_key", 1),
            (rule, "id: L1-SSH-001", "id: L1-SSH-003", "catalog.file_name", 1),
            (rule, "id: L1-SSH-001", "id: L1-SSH-002", "catalog.file_name", 1),
            (rule, "check: linux.ssh.hardening", "check: linux.ssh.hardenin", "catalog.unknown_check", 5),
            (rule, "codes: [ssh.root_login]", "codes: [ssh.root_logins]", "rule.unknown_code", 6),
            (rule, "codes: [ssh.root_login]", "codes: []", "rule.no_code", 6),
            (rule, "platforms: []", "platforms: [windows]", "rule.platform", 7),
            (rule, "fact: sshd.port", "fact: time.synchronised", "condition.unknown_fact", 8),
            (
                rule, "when: {fact: sshd.port, less: 30000}", "when: {all: [{fact: sshd.port, less: 3}, {fact: sshd.port, greater: 3}]}",
                "rule.unsatisfiable", 8
            ),
            (rule, "when: {fact: sshd.port, less: 30000}", "when: {not: {exists: sshd.permit_root_login}}", "rule.unsatisfiable", 8),
            (rule, "runbook: linux.sshd.set_option", "runbook: linux.sshd.set_options", "rule.unknown_runbook", 9),
            (rule, "cooldown: 10m", "escalate: true", "rule.action", 11), (rule, ", value: \"no\"", "", "rule.missing_argument", 10),
            (rule, "value: \"no\"", "value: \"NO\"", "rule.argument_range", 10),
            (rule, "option: PermitRootLogin", "option: Prot", "rule.argument_range", 10),
            (rule, "value: \"no\"", "value: {fact: sshd.port}", "rule.argument_type", 10),
            (rule, "value: \"no\"", "value: {fact: sshd.prt}", "rule.argument_source", 10),
            (rule, "value: \"no\"", "value: {checkParameter: portMax}", "rule.argument_type", 10),
            (rule, "value: \"no\"", "value: \"no\", extra: 1", "rule.unknown_argument", 10),
            (rule, "attemptsMax: 2", "attemptsMax: 0", "value.range", 12),
            (other, "codes: [ssh.old, ssh.port]", "codes: [ssh.old, ssh.port]\nwith: {a: b}", "rule.action", 6),
            (other, "[ssh.old, ssh.port]", "[ssh.root_login]\npriority: 101\nwhen: {fact: sshd.port, less: 30000}", "rule.unreachable", 7),
            (runbook, "verb: sshd.set_option", "verb: sshd.set_options", "step.unknown_verb", 11),
            (runbook, "{option: {parameter: option}, ", "{", "step.missing_argument", 11),
            (runbook, "option: {parameter: option},", "option: {parameter: optoin},", "step.unknown_parameter", 11),
            (runbook, "option: {parameter: option},", "option: {parameter: option}, x: 1,", "step.unknown_argument", 11),
            (runbook, "option: {parameter: option},", "option: {parameter: option}, reload: {parameter: value},", "step.argument_type", 11),
            (runbook, "checks: [linux.ssh.hardening]", "checks: [linux.time.sync]", "rule.runbook_check", 9),
            (runbook, "checks: [linux.ssh.hardening]", "checks: [linux.ssh.hard]", "catalog.unknown_check", 4),
            (runbook, "platforms: [linux]", "platforms: [nixos]", "rule.runbook_platform", 9),
            (runbook, "timeout: 60s", "timeout: 5h", "value.range", 9),
            (crosswalk, "hipaa-security-rule: {direct: [164.312(b)]}", "hipaa: {direct: [164.312(b)]}", "crosswalk.unknown_framework", 11),
            (crosswalk, "direct: [164.312(b)]", "direct: [164.999(z)]", "crosswalk.unknown_control", 11),
            (crosswalk, "direct: [164.312(b)]", "direct: ['164.312']", "crosswalk.heading", 11),
            (crosswalk, "{direct: [164.312(b)]}", "{direct: []}", "crosswalk.empty", 11),
            (crosswalk, "not_mapped: No", "direct: [Art.32], not_mapped: No", "crosswalk.empty", 7),
            (crosswalk, "direct: [164.312(b)]", "dirct: [164.312(b)]", "document.unknown_key", 11),
            (
                crosswalk, "controls:\n    hipaa-security-rule: {direct: [164.312(b)]}", "controls: {}", "crosswalk.empty", 10
            ),
            (baseline, "portMax: 22", "portMax: 0", "baseline.range", 5), (baseline, "portMax: 22", "portMax: \"22\"", "value.type", 5),
            (baseline, "portMax: 22", "portMx: 22", "baseline.unknown_parameter", 5),
            (baseline, "linux.ssh.hardening:", "linux.ssh.hardning:", "baseline.unknown_check", 5),
        ])
    func finds(file: String, old: String, new: String, code: String, line: Int) throws {
        var folder = CatalogFolder()
        folder.replace(file, old, new)
        let (catalog, findings) = try folder.lint()
        #expect(catalog == nil)
        let found = try #require(findings.first { $0.code == code }, "\(findings)")
        #expect(found.level == .error)
        // Where a rule and its runbook disagree, the rule is named.
        #expect(found.mark.file.hasSuffix(code.hasPrefix("rule.runbook") ? rule : file))
        #expect(found.mark.line == line, "\(found)")
    }

    @Test("What a check's parameter may be, by default or in a baseline, must be what the runbook takes")
    func holdsCheckParametersAgainstRunbooks() throws {
        var folder = CatalogFolder()
        folder.replace(rule, "value: \"no\"", "value: {checkParameter: banner}")
        folder.replace(baseline, "portMax: 22", "portMax: 22, banner: never")
        #expect(try folder.lint().findings.map(\.description) == [])
        for pattern in ["ne[a-z]{3}", "none"] {
            var narrow = folder
            narrow.replace(runbook, "[a-z0-9-]{1,40}", pattern)
            let (catalog, findings) = try narrow.lint()
            #expect(catalog == nil)
            #expect(findings.map(\.code) == ["rule.argument_range"])
            #expect(findings[0].mark.file.hasSuffix(rule) && findings[0].mark.line == 10)
            #expect(findings[0].sentence.contains(pattern == "none" ? "as baseline default sets it" : "the default of"), "\(findings[0])")
        }
    }

    @Test("Without any one file the catalog is refused or says what is open", arguments: CatalogFolder().files.keys.sorted())
    func noticesAMissingFile(file: String) throws {
        var folder = CatalogFolder()
        folder.files[file] = nil
        let (catalog, findings) = try folder.lint()
        if file == baseline {
            #expect(catalog?.baselines.isEmpty == true)
        } else if file.hasPrefix("rules/") {
            #expect(findings.contains { $0.code == "check.unanswered" && $0.level == .warning })
        } else {
            #expect(catalog == nil)
        }
    }

    @Test func anUnconditionalRuleHidesThoseBehindItButOnlyOnItsPlatforms() throws {
        var folder = CatalogFolder()
        folder.files["rules/time/L1-TIME-002.yaml"] = """
            schema: martlet.rule/v1
            id: L1-TIME-002
            title: Behind
            check: linux.time.sync
            codes: [time.unsynchronised]
            platforms: [nixos]
            priority: 200
            escalate: true
            """
        #expect(try folder.lint().findings.map(\.code) == ["rule.unreachable"])
        folder.replace("rules/time/L1-TIME-002.yaml", "[nixos]", "[debian]")
        #expect(try folder.lint().findings.map(\.code) == [])
    }

    /// A second rule for `ssh.root_login`; the first holds where the port is below 30000.
    private func lint(priority: Int, when condition: String?, value: String = "1") throws -> [Diagnostic] {
        var folder = CatalogFolder()
        folder.files["rules/ssh/L1-SSH-003.yaml"] = """
            schema: martlet.rule/v1
            id: L1-SSH-003
            title: Another answer
            priority: \(priority)
            check: linux.ssh.hardening
            codes: [ssh.root_login]
            \(condition.map { "when: \($0)" } ?? "platforms: []")
            runbook: linux.sshd.set_option
            with: {option: PermitRootLogin, value: "\(value)"}
            """
        return try folder.lint().findings
    }

    @Test(
        "Two rules of one priority that can both match and do different things are told, and only those",
        arguments: [
            (100, nil, "1", true), (100, "{fact: sshd.port, less: 100}", "no", false), (101, nil, "1", false), (99, nil, "no", false),
            (100, "{fact: sshd.port, greaterOrEqual: 30000}", "1", false), (100, "{fact: sshd.port, greaterOrEqual: 29999}", "1", true),
            (100, "{fact: sshd.permit_root_login, equals: \"yes\"}", "1", true),
        ] as [(Int, String?, String, Bool)])
    func conflicts(priority: Int, condition: String?, value: String, isConflict: Bool) throws {
        let findings = try lint(priority: priority, when: condition, value: value)
        #expect(findings.contains { $0.code == "rule.conflict" } == isConflict, "\(findings)")
        let conflict = findings.first { $0.code == "rule.conflict" }
        #expect(conflict.map { $0.level == .warning && $0.sentence.contains("L1-SSH-001") && $0.sentence.contains("L1-SSH-003") } ?? true)
    }

    @Test(
        "A rule whose condition lies within an earlier one's is never reached; one number further it is",
        arguments: [
            ("{fact: sshd.port, less: 100}", true), ("{fact: sshd.port, less: 30000}", true), ("{fact: sshd.port, less: 30001}", false),
            ("{all: [{fact: sshd.port, less: 22}, {exists: sshd.version}]}", true),
            ("{any: [{fact: sshd.port, less: 22}, {exists: sshd.version}]}", false), ("{exists: sshd.port}", false),
        ])
    func covered(condition: String, isCovered: Bool) throws {
        let findings = try lint(priority: 200, when: condition)
        #expect(findings.contains { $0.code == "rule.unreachable" } == isCovered, "\(findings)")
    }

    @Test func severalRulesThatLeaveNothingBetweenThemCoverALaterOne() throws {
        var folder = CatalogFolder()
        for (id, priority, condition) in [("A", 110, "{not: {fact: sshd.port, less: 30000}}"), ("B", 120, "{exists: sshd.version}")] {
            folder.files["rules/ssh/L1-SSH-\(id).yaml"] = """
                schema: martlet.rule/v1
                id: L1-SSH-\(id)
                title: Another
                priority: \(priority)
                check: linux.ssh.hardening
                codes: [ssh.root_login]
                when: \(condition)
                escalate: true
                """
        }
        let found = try #require(try folder.lint().findings.first { $0.code == "rule.unreachable" })
        #expect(found.mark.file.hasSuffix("L1-SSH-B.yaml") && found.sentence.contains("L1-SSH-001, L1-SSH-A"))
    }

    @Test func aDriftThatNoRuleAnswersAndARunbookThatNoneUsesAreWarnings() throws {
        var folder = CatalogFolder()
        folder.files[rule] = nil
        let (catalog, findings) = try folder.lint()
        #expect(catalog != nil)
        #expect(findings.map(\.code) == ["check.unanswered", "runbook.unused"])
        #expect(findings.allSatisfy { $0.level == .warning })
    }

    @Test(
        "Every fact and verb that the catalog uses must exist in the code",
        arguments: [
            "sshd.installed", "sshd.permit_root_login", "sshd.port", "sshd.version", "time.synchronised",
        ] as [FactName])
    func noticesAMissingFact(fact: FactName) throws {
        let schema = CatalogFolder.schema
        let probes = schema.probes.mapValues { $0.filter { $0.key != fact } }
        #expect(try CatalogFolder().lint(schema: CatalogSchema(probes: probes, verbs: schema.verbs)).catalog == nil)
        #expect(try CatalogFolder().lint(schema: CatalogSchema(probes: schema.probes, verbs: [:])).catalog == nil)
    }

    @Test func allFaultsOfAllFilesAreToldInOneRun() throws {
        var folder = CatalogFolder()
        folder.replace(check, "severity: high", "severity: hihg")
        folder.replace("checks/time/linux.time.sync.yaml", "interval: 1h", "interval: 1")
        folder.files["rules/ssh/L1-SSH-002.yaml"] = "a: &x [*x]\n"
        let codes = Set(try folder.lint().findings.map(\.code))
        #expect(codes.isSuperset(of: ["value.choice", "value.type", "yaml.anchor"]))
    }

    /// The small catalog with a runbook whose step puts a document of the baseline on a host.
    func folderWithADocument(_ argument: String, parameters: String = "") -> (folder: CatalogFolder, schema: CatalogSchema, file: String) {
        var folder = CatalogFolder()
        let file = "runbooks/ssh/linux.sshd.banner.yaml"
        folder.files[file] = """
            schema: martlet.runbook/v1
            id: linux.sshd.banner
            title: Put the banner back
            checks: [linux.ssh.hardening]
            platforms: [linux]
            parameters: {\(parameters)}
            timeout: 60s
            steps:
            - verb: file.restore
              with: {path: /etc/issue, document: \(argument)}
            """
        var verbs = CatalogFolder.schema.verbs
        verbs["file.restore"] = VerbSignature(required: ["path": .string, "document": .string], documents: ["document"])
        return (folder, CatalogSchema(probes: CatalogFolder.schema.probes, verbs: verbs), file)
    }

    @Test(
        "What has a fault of its own is not also said to be missing, unused or unanswered",
        arguments: [
            (check, "severity: high", "severity: hihg", "value.choice"), (check, "default: 1024", "default: 0", "parameter.default"),
            (check, "type: integer", "type: intger", "value.choice"), (check, "schema: martlet.check/v1", "a: &x", "yaml.anchor"),
            (runbook, "timeout: 60s", "timeout: 5h", "value.range"),
            (runbook, "{type: string, allowed", "{type: strng, allowed", "value.choice"),
            (runbook, "pattern: \"[a-z0-9-]{1,40}\"", "pattern: \"[a\"", "parameter.pattern"),
            (runbook, "id: linux.sshd.set_option", "id: \"?\"", "value.name"), (rule, "attemptsMax: 2", "attemptsMax: 0", "value.range"),
            (rule, "schema: martlet.rule/v1", "a: &x", "yaml.anchor"),
        ])
    func tellsACauseOnce(file: String, old: String, new: String, code: String) throws {
        var folder = CatalogFolder()
        folder.replace(file, old, new)
        let findings = try folder.lint().findings
        #expect(findings.map(\.code) == [code], "\(findings)")
        #expect(findings.first?.mark.file.hasSuffix(file) == true)
    }

    @Test("A folder or file of a name that nothing reads is an error, and says what it may have meant")
    func refusesStrays() throws {
        var folder = CatalogFolder()
        folder.files["runbook/ssh/linux.sshd.other.yaml"] = "schema: martlet.runbook/v1\n"
        folder.files["notes/README.md"] = "nothing of a catalog"
        let (catalog, findings) = try folder.lint()
        #expect(catalog == nil)
        #expect(findings.map(\.code) == ["catalog.unknown_folder"])
        #expect(findings[0].sentence.hasSuffix("did you mean \"runbooks\"?"))
    }

    @Test("A name that is wrong says what there is: whose a fact is, which verbs, which operators, which priority")
    func saysWhatThereIs() throws {
        for (file, old, new, part) in [
            (check, "fact: sshd.port, greater", "fact: time.synchronised, greater", "probe time does"),
            (runbook, "verb: sshd.set_option", "verb: reboot", "there are sshd.set_option"),
            (rule, "sshd.port, less", "sshd.port, smallerThanThat", "lessOrEqual"),
            (other, "[ssh.old, ssh.port]", "[ssh.root_login]\npriority: 101\nwhen: {fact: sshd.port, less: 30000}", "a priority below 100"),
        ] {
            var folder = CatalogFolder()
            folder.replace(file, old, new)
            let findings = try folder.lint().findings
            #expect(findings.contains { $0.level == .error && $0.sentence.contains(part) }, "\(findings)")
        }
    }

    @Test("A document that a step names must stand in every baseline; the step is named, with file and line")
    func holdsBaselinesAgainstSteps() throws {
        var (folder, schema, file) = folderWithADocument("nftables.ruleset")
        #expect(try folder.lint(schema: schema).findings.map(\.code) == ["runbook.unused"])
        folder.files["baselines/strict.yaml"] = "schema: martlet.baseline/v1\nid: strict\ntitle: Without documents\n"
        let (catalog, findings) = try folder.lint(schema: schema)
        #expect(catalog == nil)
        let errors = findings.filter { $0.level == .error }
        #expect(errors.map(\.code) == ["step.no_document"])
        #expect(errors.first?.mark.file.hasSuffix(file) == true && errors.first?.mark.line == 10)
        (folder, schema, file) = folderWithADocument("nftables.rulesett")
        #expect(try folder.lint(schema: schema).findings.filter { $0.level == .error }.map(\.code) == ["step.no_document"])
    }

    @Test(
        "A document that a rule or an order chooses comes from a closed list, all of which every baseline has",
        arguments: [
            ("allowed: [nftables.ruleset], ", [] as [String]), ("allowed: [nftables.ruleset, other], ", ["step.no_document"]),
            ("", ["step.any_document"]),
        ])
    func boundsChosenDocuments(allowed: String, codes: [String]) throws {
        let (folder, schema, _) = folderWithADocument("{parameter: which}", parameters: "which: {type: string, \(allowed)summary: Which.}")
        #expect(try folder.lint(schema: schema).findings.filter { $0.level == .error }.map(\.code.description) == codes)
    }

    @Test func aFileWithTheWrongEndingIsNotPassedOver() throws {
        var folder = CatalogFolder()
        folder.files["rules/ssh/L1-SSH-009.yml"] = "x"
        #expect(try folder.lint().findings.map(\.code) == ["catalog.file_name"])
    }
}
