import Catalog
import Documents
import Foundation
import Model

/// A small catalog on disk, which a test changes before it is read.
struct CatalogFolder {
    var files: [String: String] = [
        "frameworks/checks-crosswalk.yaml": """
        schema: checks/1
        checks:
        - id: linux.ssh.hardening
          title: x
          controls:
            hipaa-security-rule: {direct: [164.312(d)], supporting: [164.312(a)(1)]}
            gdpr: {not_mapped: No honest mapping exists here.}
            cis-controls-v8.1: {direct: ['5.4']}
        - id: linux.time.sync
          controls:
            hipaa-security-rule: {direct: [164.312(b)]}
        """,
        "frameworks/hipaa-security-rule.yaml": """
        schema: framework/1
        controls:
        - {id: 164.312, title: x}
        - {id: 164.312(a)(1), mappable: true}
        - {id: 164.312(b), mappable: true}
        - {id: 164.312(d), mappable: true}
        """,
        "frameworks/gdpr.yaml": """
        schema: framework/1
        controls:
        - {id: Art.32, mappable: true}
        """,
        "frameworks/cis-controls-v8.1.yaml": """
        schema: framework/1
        controls:
        - {id: '5.4', mappable: true}
        """,
        "checks/ssh/linux.ssh.hardening.yaml": """
        schema: martlet.check/v1
        id: linux.ssh.hardening
        title: SSH log-in is restricted
        probe: sshd
        platforms: [linux]
        severity: high
        interval: 15m
        staleAfter: 1h
        phiRisk: low
        parameters:
          rootLoginAllowed: {type: strings, default: ["no"], allowed: ["no", prohibit-password], summary: Values accepted.}
          portMax: {type: integer, default: 1024, minimum: 1, maximum: 65535, summary: Highest port.}
          banner: {type: string, default: none, pattern: "[a-z]{1,10}", summary: The banner.}
        requires: [sshd.installed]
        notApplicable:
        - {code: ssh.not_installed, when: {fact: sshd.installed, equals: false}}
        drift:
        - {code: ssh.root_login, when: {fact: sshd.permit_root_login, notIn: {parameter: rootLoginAllowed}}}
        - {code: ssh.port, when: {fact: sshd.port, greater: {parameter: portMax}}}
        - {code: ssh.old, when: {all: [{fact: sshd.version, less: "9.2"}, {fact: sshd.port, greater: 100}]}}
        """,
        "checks/time/linux.time.sync.yaml": """
        schema: martlet.check/v1
        id: linux.time.sync
        title: The clock is kept right
        probe: time
        platforms: [debian, nixos]
        severity: medium
        interval: 1h
        staleAfter: 2h
        phiRisk: none
        drift:
        - {code: time.unsynchronised, when: {fact: time.synchronised, equals: false}}
        """,
        "runbooks/ssh/linux.sshd.set_option.yaml": """
        schema: martlet.runbook/v1
        id: linux.sshd.set_option
        title: Set an option of sshd
        checks: [linux.ssh.hardening]
        platforms: [linux]
        parameters:
          option: {type: string, allowed: [PermitRootLogin, Port], summary: The option.}
          value: {type: string, pattern: "[a-z0-9-]{1,40}", summary: Its value.}
        timeout: 60s
        steps:
        - {verb: sshd.set_option, with: {option: {parameter: option}, value: {parameter: value}}}
        """,
        "rules/ssh/L1-SSH-001.yaml": """
        schema: martlet.rule/v1
        id: L1-SSH-001
        title: Root may not log in by password
        priority: 100
        check: linux.ssh.hardening
        codes: [ssh.root_login]
        platforms: []
        when: {fact: sshd.port, less: 30000}
        runbook: linux.sshd.set_option
        with: {option: PermitRootLogin, value: "no"}
        cooldown: 10m
        attemptsMax: 2
        """,
        "rules/ssh/L1-SSH-002.yaml": """
        schema: martlet.rule/v1
        id: L1-SSH-002
        title: An old server needs a person
        check: linux.ssh.hardening
        codes: [ssh.old, ssh.port]
        escalate: true
        """,
        "rules/time/L1-TIME-001.yaml": """
        schema: martlet.rule/v1
        id: L1-TIME-001
        title: A person looks at the clock
        check: linux.time.sync
        codes: [time.unsynchronised]
        platforms: [nixos]
        escalate: true
        """,
        "baselines/default.yaml": """
        schema: martlet.baseline/v1
        id: default
        title: What every site is held to
        parameters:
          linux.ssh.hardening: {portMax: 22, rootLoginAllowed: [prohibit-password]}
        documents:
          nftables.ruleset: |
            table inet filter { }
        """,
    ]

    static let schema = CatalogSchema(
        probes: [
            "sshd": [
                "sshd.installed": .boolean, "sshd.permit_root_login": .string, "sshd.port": .integer, "sshd.version": .version,
                "sshd.started": .instant, "sshd.users": .strings,
            ],
            "time": ["time.synchronised": .boolean],
        ],
        verbs: ["sshd.set_option": VerbSignature(required: ["option": .string, "value": .string], optional: ["reload": .boolean])])

    mutating func replace(_ file: String, _ old: String, _ new: String) {
        precondition(files[file]?.contains(old) == true, "\(file) has no \(old)")
        files[file] = files[file]?.replacingOccurrences(of: old, with: new)
    }

    func lint(schema: CatalogSchema = schema) throws -> (catalog: CompiledCatalog?, findings: [Diagnostic]) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        for (path, text) in files {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return CatalogLoader.lint(directory: folder.path, schema: schema, version: 7)
    }
}
