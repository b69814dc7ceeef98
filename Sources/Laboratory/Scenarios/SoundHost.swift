package import Catalog
package import Model

/// The facts of a simulated host that is as it should be, by check; a scenario changes some of them.
package enum SoundHost {
    package static let platforms: Set<String> = ["linux", "debian"]

    package static let facts: [CheckID: [FactName: SimulatedFact]] = [
        "linux.firewall.ruleset": [
            "nft.ruleset_digest": .value(.string("ef0caf66bcba62c6a901727a52afe80f6fb019581a5b2741169cf46712329537")),
            "nft.input_policy": .value(.string("drop")), "nft.rules": .value(.integer(7)),
            "firewall.service_active": .value(.boolean(true)), "firewall.service_enabled": .value(.boolean(true)),
        ],
        "linux.ssh.hardening": [
            "sshd.installed": .value(.boolean(true)), "sshd.permit_root_login": .value(.string("no")),
            "sshd.permit_empty_passwords": .value(.boolean(false)), "sshd.password_authentication": .value(.boolean(false)),
            "sshd.kbd_interactive": .value(.boolean(false)), "sshd.hostbased_authentication": .value(.boolean(false)),
            "sshd.max_auth_tries": .value(.integer(4)), "sshd.allow_list": .value(.string("unset")),
            "sshd.log_level": .value(.string("INFO")),
        ],
        "linux.ssh.crypto": [
            "sshd.installed": .value(.boolean(true)), "sshd.ciphers": .value(.strings(["aes256-gcm@openssh.com"])),
            "sshd.macs": .value(.strings(["hmac-sha2-512-etm@openssh.com"])), "sshd.kex": .value(.strings(["curve25519-sha256"])),
        ],
        "linux.session.timeout": [
            "sshd.installed": .value(.boolean(true)), "session.shell_seconds": .value(.integer(900)),
            "session.shell_is_fixed": .value(.boolean(true)), "session.ssh_seconds": .value(.integer(600)),
        ],
        "host.services.critical": [
            "services.not_running": .value(.strings([])), "services.not_enabled": .value(.strings([])),
            "services.failed": .value(.strings([])),
        ],
        "log.pipeline.canary": [
            "log.services_down": .value(.strings([])), "log.canary_in_journal": .value(.boolean(true)),
            "log.canary_in_spool": .value(.boolean(true)),
        ],
        "linux.audit.rules": [
            "audit.installed": .value(.boolean(true)), "audit.daemon_active": .value(.boolean(true)), "audit.enabled": .value(.integer(1)),
            "audit.missing_watches": .value(.strings([])), "audit.lost": .value(.integer(0)),
        ],
        "linux.files.permissions": [
            "files.wrong": .value(.strings([])), "files.set_id": .value(.strings([])), "files.world_writable": .value(.strings([])),
        ],
        "linux.integrity.files": ["integrity.changed": .value(.strings([])), "integrity.changed_count": .value(.integer(0))],
        "linux.encryption.at_rest": [
            "encryption.is_container": .value(.boolean(false)), "encryption.clear_mounts": .value(.strings([])),
        ],
        "linux.accounts.integrity": [
            "accounts.duplicate_uids": .value(.strings([])), "accounts.duplicate_names": .value(.strings([])),
            "accounts.empty_passwords": .value(.strings([])), "accounts.system_shells": .value(.strings([])),
            "accounts.weak_hashes": .value(.strings([])),
        ],
        "linux.accounts.privileged": [
            "accounts.uid0": .value(.strings(["root"])), "accounts.privileged": .value(.strings(["root"])),
            "accounts.nopasswd": .value(.strings([])),
        ],
        "linux.accounts.password_policy": [
            "accounts.with_password": .value(.strings(["drcox"])), "password.quality_checked": .value(.boolean(true)),
            "password.min_length": .value(.integer(14)), "password.history": .value(.integer(5)),
            "password.without_ageing": .value(.strings([])), "lockout.tries": .value(.integer(5)), "lockout.seconds": .value(.integer(900)),
        ],
        "linux.kernel.hardening": ["kernel.deviations": .value(.strings([])), "kernel.mac": .value(.string("apparmor"))],
        "host.software.inventory": ["software.count": .value(.integer(400)), "software.forbidden": .value(.strings([]))],
        "linux.patch.security_updates": [
            "patch.manager": .value(.string("apt")), "patch.security_pending": .value(.strings([])),
            "patch.lists_updated": .ago(.seconds(3_600)),
        ],
        "host.time.sync": [
            "time.service": .value(.string("chrony")), "time.synchronized": .value(.boolean(true)),
            "time.offset_milliseconds": .value(.integer(3)), "time.sources": .value(.integer(2)),
        ],
        "network.dns.filtering": ["dns.servers": .value(.strings(["9.9.9.9"]))],
        "host.storage.capacity": [
            "storage.least_free_percent": .value(.integer(40)), "storage.root_free_mebibytes": .value(.integer(20_000)),
            "storage.least_free_inodes_percent": .value(.integer(60)),
        ],
        "backup.job.success": [
            "backup.status_present": .value(.boolean(true)), "backup.last": .ago(.seconds(6 * 3_600)),
            "backup.archive_intact": .value(.boolean(true)),
        ],
        "backup.restore.test": ["backup.status_present": .value(.boolean(true)), "backup.last_restore_test": .ago(.seconds(86_400))],
        "network.tls.cert_expiry": ["tls.certificates": .value(.integer(1)), "tls.days_left": .value(.integer(60))],
    ]

    /// What a look finds.
    package static func facts(of check: CheckID, with scenario: Scenario?, at now: Timestamp) -> Facts {
        var values: [FactName: TypedValue] = [:]
        var unknowns: [FactName: Code] = [:]
        let merged = (facts[check] ?? [:]).merging(scenario?.facts ?? [:]) { $1 }
        for (name, fact) in merged {
            switch fact {
            case .value(let value): values[name] = value
            case .ago(let span): values[name] = .instant(now - span)
            case .absent: break
            case .unreadable(let code): unknowns[name] = code
            }
        }
        return Facts(values, unknowns: unknowns)
    }
}

/// What the laboratory's site is held to besides the shipped baseline, simulated or real: what is accepted there, and what the practice
/// hosts have that a baseline cannot know.
package enum SiteValues {
    package static let parameters: [CheckID: [String: TypedValue]] = [
        "linux.files.permissions": ["worldWritableAllowed": .strings([Scenario.acceptedFile])],
        "linux.accounts.integrity": ["emptyPasswordsAllowed": .strings([Scenario.acceptedAccount])],
        "linux.accounts.password_policy": ["ageMaxDays": .integer(90), "historyMin": .integer(0)],
        "linux.accounts.privileged": ["nopasswdAllowed": .strings(["martlet"])],
        // A container has the access control of the machine it runs on.
        "linux.kernel.hardening": [
            "macAccepted": .strings(["apparmor", "selinux", "none"]),
            "settings": .strings([
                "net.ipv4.conf.all.accept_redirects=0", "net.ipv4.conf.all.send_redirects=0", "net.ipv4.tcp_syncookies=1",
            ]),
        ],
        "network.tls.cert_expiry": [
            "files": .strings(["/etc/ssl/practice.pem"]), "renewalUnit": .string("practice-renew.service"),
            "reloadUnits": .strings(["ssh.service"]),
        ],
        "host.storage.capacity": ["rootFreeMebibytesMin": .integer(1)],
        "host.services.critical": ["services": .strings(["ssh.service", "cron.service"])],
    ]

    /// - Parameters:
    ///   - others: of this very laboratory: an address.
    ///   - rules: those that take part.
    package static func applied(
        to catalog: CompiledCatalog, others: [CheckID: [String: TypedValue]] = [:], rules: [RuleDefinition]? = nil
    ) -> CompiledCatalog {
        var baselines = catalog.baselines
        if let baseline = baselines["default"] {
            var values = baseline.parameters
            for (check, own) in parameters.merging(others, uniquingKeysWith: { $0.merging($1) { $1 } }) {
                values[check, default: [:]].merge(own) { $1 }
            }
            baselines["default"] = BaselineDefinition(
                id: baseline.id, title: baseline.title, parameters: values, documents: baseline.documents)
        }
        return CompiledCatalog(
            version: catalog.version, digest: catalog.digest, checks: catalog.checks, rules: rules ?? catalog.rules,
            runbooks: catalog.runbooks, runbookDigests: catalog.runbookDigests, baselines: baselines)
    }
}
