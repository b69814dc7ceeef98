import Model

extension Look {
    private static let none: TypedValue = .strings([])

    static let all: [Look] = operatingSystem + access + storage + services + network

    private static let operatingSystem: [Look] = [
        Look("host.os.supported", "debian12", .compliant),
        Look("host.os.supported", "debian12", with: ["daysLeftMin": .integer(700)], .drift("os.unsupported")),
        Look("host.os.supported", "debian12", changing: [("VERSION_ID=\"12\"", "VERSION_ID=\"10\"")], .drift("os.unsupported")),
        Look("host.os.supported", "debian12", changing: [("VERSION_ID=\"12\"", "VERSION_ID=\"99\"")], .unknown("os.not_in_table")),
        Look("host.os.supported", "debian12", changing: [("VERSION_ID=\"12\"\n", "")], .unknown("os.no_version")),
        Look("host.os.supported", "ubuntu2404", .compliant), Look("host.os.supported", "rhel9", .compliant),
        Look("host.os.supported", "nixos2605", .compliant),
        Look("host.os.supported", "nixos2605", changing: [("VERSION_ID=\"26.05\"", "VERSION_ID=\"24.05\"")], .drift("os.unsupported")),

        // A fresh practice host has no package lists, and then nobody knows what is pending.
        Look("linux.patch.security_updates", "debian12", .unknown("patch.no_lists")),
        Look("linux.patch.security_updates", "ubuntu2404", .drift("patch.security_pending")),
        Look(
            "linux.patch.security_updates", "ubuntu2404", with: ["securityPendingAllowed": .strings(["libssl3t64", "openssl"])], .compliant),
        Look(
            "linux.patch.security_updates", "ubuntu2404",
            with: ["securityPendingAllowed": .strings(["libssl3t64", "openssl"]), "listsAgeMaxSeconds": .integer(3_600)],
            .drift("patch.lists_old")),
        Look("linux.patch.security_updates", "rhel9", .drift("patch.security_pending")),
        Look(
            "linux.patch.security_updates", "rhel9",
            with: ["securityPendingAllowed": .strings(["openssl-libs-1:3.2.2-6.el9_5.1.x86_64", "kernel-5.14.0-503.26.1.el9_5.x86_64"])],
            .drift("patch.restart_overdue")),
        Look("linux.patch.security_updates", "nixos2605", .compliant),
        Look(
            "linux.patch.security_updates", "nixos2605",
            changing: [("/nix/store/9x1s6b4v-nixos-system-desk-26.05\n/nix", "/nix/store/zzzz-nixos-system-desk-26.05\n/nix")],
            .drift("patch.generation_not_declared")),
        Look(
            "linux.patch.security_updates", "nixos2605", with: ["generationAgeMaxSeconds": .integer(86_400)], .drift("patch.generation_old")
        ),

        Look("linux.malware.protection", "debian12", .drift("malware.absent")),
        Look("linux.malware.protection", "debian12", with: ["isRequired": .boolean(false)], .notApplicable("malware.not_required")),
        Look("linux.malware.protection", "ubuntu2404", .compliant),
        Look("linux.malware.protection", "ubuntu2404", with: ["signatureAgeMaxSeconds": .integer(3_600)], .drift("malware.signatures_old")),
        Look("linux.malware.protection", "ubuntu2404", changing: [("ActiveState=active", "ActiveState=failed")], .drift("malware.stopped")),
        Look("linux.malware.protection", "ubuntu2404", changing: [("daily.cld ", "daily.cld x")], .unknown("probe.unparseable")),

        Look("linux.integrity.files", "debian12", .compliant), Look("linux.integrity.files", "ubuntu2404", .drift("integrity.changed")),
        Look("linux.integrity.files", "ubuntu2404", with: ["accepted": .strings(["/usr/bin/passwd", "/usr/bin/who"])], .compliant),
        Look("linux.integrity.files", "ubuntu2404", with: ["changedMax": .integer(2)], .compliant),
        Look("linux.integrity.files", "rhel9", .drift("integrity.changed")),

        Look("host.software.inventory", "debian12", .compliant), Look("host.software.inventory", "rhel9", .drift("software.forbidden")),
        Look("host.software.inventory", "rhel9", with: ["forbidden": none], .compliant),
        Look("host.software.inventory", "rhel9", with: ["waived": .strings(["telnet-server"])], .compliant),

        Look("linux.kernel.hardening", "debian12", .drift("kernel.setting")),
        Look(
            "linux.kernel.hardening", "debian12", with: ["settings": .strings(["kernel.randomize_va_space=2"])],
            .drift("kernel.no_mandatory_access_control")),
        Look(
            "linux.kernel.hardening", "debian12",
            with: ["settings": .strings(["kernel.randomize_va_space=2"]), "macAccepted": .strings(["none"])], .compliant),
        Look("linux.kernel.hardening", "debian12", changing: [("net.ipv4.ip_forward = 0\n", "")], .unknown("kernel.setting_missing")),
        Look("linux.kernel.hardening", "rhel9", .compliant),
        Look("linux.kernel.hardening", "rhel9", changing: [("tcp_syncookies = 1", "tcp_syncookies = 0")], .drift("kernel.setting")),
    ]

    private static let access: [Look] = [
        Look("linux.ssh.hardening", "debian12", .drift("ssh.root_login")),
        Look("linux.ssh.hardening", "debian12", with: ["rootLoginAllowed": .strings(["without-password"])], .drift("ssh.password_login")),
        Look("linux.ssh.hardening", "rhel9", .compliant),
        Look("linux.ssh.hardening", "rhel9", changing: [("permitrootlogin no", "permitrootlogin yes")], .drift("ssh.root_login")),
        Look(
            "linux.ssh.hardening", "rhel9", changing: [("permitemptypasswords no", "permitemptypasswords yes")],
            .drift("ssh.empty_passwords")),
        Look("linux.ssh.hardening", "rhel9", changing: [("maxauthtries 4", "maxauthtries 5")], .drift("ssh.auth_tries")),
        Look(
            "linux.ssh.hardening", "rhel9", changing: [("maxauthtries 4", "maxauthtries 5")], with: ["authTriesMax": .integer(5)],
            .compliant),
        Look("linux.ssh.hardening", "rhel9", changing: [("allowgroups ssh-users\n", "")], .drift("ssh.no_allow_list")),
        Look("linux.ssh.hardening", "rhel9", changing: [("loglevel VERBOSE", "loglevel QUIET")], .drift("ssh.log_level")),
        Look("linux.ssh.hardening", "rhel9", changing: [("passwordauthentication no\n", "")], .unknown("probe.unparseable")),
        Look("linux.ssh.hardening", "nixos2605", .notApplicable("ssh.not_installed")),
        Look("linux.ssh.crypto", "debian12", .drift("ssh.weak_mac")), Look("linux.ssh.crypto", "rhel9", .compliant),
        Look(
            "linux.ssh.crypto", "rhel9", changing: [("ciphers aes256-gcm@openssh.com", "ciphers 3des-cbc,aes256-gcm@openssh.com")],
            .drift("ssh.weak_cipher")),
        Look("linux.ssh.crypto", "rhel9", with: ["rsaBitsMin": .integer(4_096)], .drift("ssh.weak_host_key")),
        Look("linux.ssh.crypto", "rhel9", with: ["keyExchanges": .strings(["x"])], .drift("ssh.weak_key_exchange")),

        Look("linux.accounts.privileged", "debian12", .drift("accounts.sudo_without_password")),
        Look("linux.accounts.privileged", "debian12", with: ["nopasswdAllowed": .strings(["martlet"])], .compliant),
        Look("linux.accounts.privileged", "debian12", changing: [("games:x:5:", "games:x:0:")], .drift("accounts.second_root")),
        Look(
            "linux.accounts.privileged", "debian12", changing: [("sudo:x:27:\n", "sudo:x:27:eve\n")],
            .drift("accounts.unapproved_administrator")),
        Look(
            "linux.accounts.privileged", "debian12",
            changing: [("sudo:x:27:\n", "sudo:x:27:drcox\n"), ("martlet:locked\n", "martlet:locked\ndrcox:y:1\n")],
            with: ["nopasswdAllowed": .strings(["martlet"])], .compliant),
        Look(
            "linux.accounts.privileged", "debian12",
            changing: [("sudo:x:27:\n", "sudo:x:27:drcox\n"), ("martlet:locked\n", "martlet:locked\ndrcox:y:99999\n")],
            with: ["nopasswdAllowed": .strings(["martlet"])],
            .drift("accounts.unapproved_administrator")),
        Look("linux.accounts.privileged", "rhel9", .drift("accounts.unapproved_administrator")),
        Look("linux.accounts.privileged", "rhel9", with: ["privilegedAllowed": .strings(["root", "ansible"])], .compliant),
        Look("linux.accounts.privileged", "rhel9", changing: [("ansible:x:1000:", "ansible:x:0:")], .drift("accounts.second_root")),
        Look("linux.accounts.integrity", "debian12", .compliant),
        Look("linux.accounts.integrity", "debian12", changing: [("games:locked", "games:empty")], .drift("accounts.empty_password")),
        Look("linux.accounts.integrity", "debian12", changing: [("games:x:5:", "games:x:3:")], .drift("accounts.shared_id")),
        Look(
            "linux.accounts.integrity", "debian12", changing: [("/usr/games:/usr/sbin/nologin", "/usr/games:/bin/sh")],
            .drift("accounts.system_shell")),
        Look("linux.accounts.integrity", "debian12", changing: [("games:locked", "games:1")], .drift("accounts.weak_hash")),
        Look(
            "linux.accounts.integrity", "debian12", changing: [("games:locked", "games:1")],
            with: ["weakHashesAllowed": .strings(["games"])],
            .compliant),
        Look("linux.accounts.integrity", "rhel9", .compliant),

        Look("linux.accounts.password_policy", "debian12", .notApplicable("passwords.none_used")),
        Look("linux.accounts.password_policy", "debian12", changing: [("martlet:locked", "martlet:y")], .drift("passwords.too_short")),
        Look("linux.accounts.password_policy", "rhel9", .compliant),
        Look("linux.accounts.password_policy", "rhel9", with: ["lengthMin": .integer(15)], .drift("passwords.too_short")),
        Look("linux.accounts.password_policy", "rhel9", with: ["historyMin": .integer(6)], .drift("passwords.no_history")),
        Look("linux.accounts.password_policy", "rhel9", changing: [("pam_faillock.so", "pam_other.so")], .drift("passwords.no_lockout")),
        Look("linux.accounts.password_policy", "rhel9", changing: [("deny = 5", "deny = 50")], .drift("passwords.too_many_tries")),
        Look(
            "linux.accounts.password_policy", "rhel9", changing: [("unlock_time = 900", "unlock_time = 60")],
            .drift("passwords.lock_too_short")),
        Look(
            "linux.accounts.password_policy", "rhel9", changing: [("unlock_time = 900", "unlock_time = soon")],
            .unknown("probe.unparseable")),
        Look("linux.accounts.password_policy", "rhel9", changing: [("pam_pwquality.so", "pam_other.so")], .drift("passwords.not_checked")),
        Look("linux.accounts.password_policy", "rhel9", with: ["ageMaxDays": .integer(90)], .drift("passwords.too_old")),
        Look(
            "linux.accounts.password_policy", "rhel9", changing: [("ansible:99999", "ansible:90")], with: ["ageMaxDays": .integer(90)],
            .compliant),
        Look(
            "linux.accounts.password_policy", "rhel9", changing: [("ansible:99999", "ansible:"), ("defs:90", "defs:")],
            with: ["ageMaxDays": .integer(365)], .drift("passwords.too_old")),
        Look(
            "linux.accounts.password_policy", "rhel9", changing: [("ansible:99999\nend", "ansible:90")],
            with: ["ageMaxDays": .integer(90)], .unknown("probe.truncated")),

        Look("linux.session.timeout", "debian12", .drift("session.shell_no_limit")), Look("linux.session.timeout", "rhel9", .compliant),
        Look("linux.session.timeout", "rhel9", with: ["idleMaxSeconds": .integer(899)], .drift("session.shell_too_long")),
        Look("linux.session.timeout", "rhel9", changing: [("readonly TMOUT=900", "TMOUT=900")], .drift("session.shell_not_fixed")),
        Look(
            "linux.session.timeout", "rhel9", changing: [("clientaliveinterval 300", "clientaliveinterval 0")],
            .drift("session.ssh_no_limit")),
        Look(
            "linux.session.timeout", "rhel9", changing: [("clientaliveinterval 300", "clientaliveinterval 301")],
            .drift("session.ssh_too_long")),

        Look("linux.files.permissions", "debian12", .compliant),
        Look(
            "linux.files.permissions", "debian12", changing: [("640 root shadow /etc/shadow", "644 root shadow /etc/shadow")],
            .drift("files.wrong_permissions")),
        Look("linux.files.permissions", "debian12", changing: [("640 root shadow /etc/shadow", "400 root root /etc/shadow")], .compliant),
        Look(
            "linux.files.permissions", "debian12", changing: [("644 root root /etc/passwd", "644 eve root /etc/passwd")],
            .drift("files.wrong_permissions")),
        Look("linux.files.permissions", "debian12", with: ["setIdAllowed": none], .drift("files.unapproved_set_id")),
        Look("linux.files.permissions", "rhel9", .drift("files.world_writable")),
        Look("linux.files.permissions", "rhel9", with: ["worldWritableAllowed": .strings(["/usr/local/bin/sync.sh"])], .compliant),

        Look("linux.audit.rules", "debian12", .drift("audit.not_installed")), Look("linux.audit.rules", "rhel9", .compliant),
        Look("linux.audit.rules", "rhel9", with: ["watches": .strings(["/etc/hosts"])], .drift("audit.rules_missing")),
        Look("linux.audit.rules", "rhel9", changing: [("lost 0", "lost 3")], .drift("audit.events_lost")),
        Look("linux.audit.rules", "rhel9", changing: [("enabled 1", "enabled 0")], .drift("audit.disabled")),
        Look("linux.audit.rules", "rhel9", changing: [("ActiveState=active", "ActiveState=inactive")], .drift("audit.stopped")),
    ]

    private static let storage: [Look] = [
        Look("backup.job.success", "debian12", .drift("backup.none")), Look("backup.job.success", "ubuntu2404", .compliant),
        Look("backup.job.success", "ubuntu2404", changing: [("2026-11-20T22:15:04Z", "2026-11-20T03:40:00Z")], .compliant),
        Look("backup.job.success", "ubuntu2404", changing: [("2026-11-20T22:15:04Z", "2026-11-20T03:39:59Z")], .drift("backup.too_old")),
        Look(
            "backup.job.success", "ubuntu2404", changing: [("2026-11-20T22:15:04Z", "2026-11-19T03:39:59Z")],
            .drift("backup.critically_old")),
        Look("backup.job.success", "ubuntu2404", changing: [("2026-11-20T22:15:04Z", "2026-11-22T22:15:04Z")], .unknown("clock.future")),
        Look("backup.job.success", "ubuntu2404", changing: [("2026-11-20T22:15:04Z", "yesterday")], .unknown("backup.bad_time")),
        Look("backup.job.success", "ubuntu2404", with: ["ageMaxSeconds": .integer(3_600)], .drift("backup.too_old")),
        Look("backup.restore.test", "debian12", .drift("backup.restore_never_tested")),
        Look("backup.restore.test", "ubuntu2404", .compliant),
        Look("backup.restore.test", "ubuntu2404", with: ["testAgeMaxSeconds": .integer(86_400)], .drift("backup.restore_test_old")),
        Look("backup.restore.test", "ubuntu2404", changing: [("\"2026-11-01T08:00:00Z\"", "null")], .drift("backup.restore_never_tested")),

        Look("linux.encryption.at_rest", "debian12", .notApplicable("encryption.container")),
        Look("linux.encryption.at_rest", "ubuntu2404", .compliant),
        Look("linux.encryption.at_rest", "ubuntu2404", with: ["clearMountsAllowed": none], .drift("encryption.off")),
        Look("linux.encryption.at_rest", "ubuntu2404", changing: [("\"type\": \"crypt\"", "\"type\": \"lvm\"")], .drift("encryption.off")),
        Look(
            "linux.encryption.at_rest", "ubuntu2404", changing: [("\"mountpoint\": \"/\"", "\"mountpoint\": null")],
            .unknown("encryption.root_not_seen")),
        Look("linux.encryption.at_rest", "rhel9", .drift("encryption.off")),

        Look("host.storage.capacity", "debian12", .compliant),
        Look("host.storage.capacity", "debian12", with: ["freePercentMin": .integer(90)], .drift("storage.low")),
        Look("host.storage.capacity", "debian12", with: ["rootFreeMebibytesMin": .integer(10_000_000)], .drift("storage.root_low")),
        Look("host.storage.capacity", "rhel9", .drift("storage.low")),
        Look("host.storage.capacity", "rhel9", with: ["freePercentMin": .integer(4)], .drift("storage.inodes_low")),
        Look("host.storage.capacity", "rhel9", with: ["freePercentMin": .integer(4), "freeInodesPercentMin": .integer(2)], .compliant),
    ]

    private static let services: [Look] = [
        Look("host.services.critical", "debian12", .compliant),
        Look("host.services.critical", "debian12", changing: [("ActiveState=active", "ActiveState=inactive")], .drift("services.stopped")),
        Look(
            "host.services.critical", "debian12", changing: [("UnitFileState=enabled", "UnitFileState=disabled")],
            .drift("services.disabled")),
        Look("host.services.critical", "debian12", with: ["services": .strings(["ssh.service"])], .unknown("probe.unparseable")),
        Look("host.services.critical", "rhel9", .drift("services.failed")),
        Look("host.services.critical", "rhel9", with: ["failedAllowed": .strings(["kdump.service"])], .compliant),
        Look("log.pipeline.canary", "debian12", .compliant),
        Look("log.pipeline.canary", "debian12", changing: [("spool yes", "spool no")], .drift("log.canary_not_in_spool")),
        Look("log.pipeline.canary", "debian12", changing: [("spool yes", "spool no")], with: ["spoolFiles": none], .compliant),
        Look("log.pipeline.canary", "debian12", changing: [("journal yes", "journal no")], .drift("log.canary_not_in_journal")),
        Look("log.pipeline.canary", "debian12", changing: [("journal yes", "journal maybe")], .unknown("probe.unparseable")),
        Look("log.pipeline.canary", "debian12", changing: [("ActiveState=active", "ActiveState=failed")], .drift("log.service_down")),
        Look("log.pipeline.canary", "rhel9", .compliant),
        Look("host.persistence.review", "debian12", .drift("persistence.unexplained")),
        Look(
            "host.persistence.review", "debian12",
            with: [
                "approved": .strings(["/etc/systemd/system/practice-backup.service", "/etc/systemd/system/chrony.service.d/lab.conf"])
            ], .compliant),
        Look("host.persistence.review", "debian12", changing: [("end\n", "partly\n")], .unknown("host.not_permitted")),
        Look("host.persistence.review", "rhel9", .compliant),
        Look("host.time.sync", "debian12", .drift("time.not_synchronized")), Look("host.time.sync", "rhel9", .compliant),
        Look("host.time.sync", "rhel9", changing: [("-0.000123456", "-5.000123456")], .drift("time.offset")),
        Look("host.time.sync", "rhel9", with: ["sourcesMin": .integer(3)], .drift("time.few_sources")),
        Look("host.time.sync", "ubuntu2404", .compliant),
        Look("host.time.sync", "ubuntu2404", changing: [("Offset: -1.182ms", "Offset: -5s 1us")], .drift("time.offset")),
        Look("host.time.sync", "ubuntu2404", changing: [("Offset: -1.182ms", "Offset: soon")], .unknown("time.offset_not_read")),
        Look("host.time.sync", "ubuntu2404", changing: [("NTP=yes", "NTP=no")], .drift("time.no_service")),
    ]

    /// What the practice host's ruleset comes to; of NixOS's own, the digest is not asked.
    private static let network: [Look] = [
        Look("linux.firewall.ruleset", "debian12", .drift("firewall.not_loaded")),
        Look("linux.firewall.ruleset", "ubuntu2404", .unknown("parameter.missing")),
        Look("linux.firewall.ruleset", "ubuntu2404", with: ["rulesetDigest": .string(ruleset)], .compliant),
        // Handles and counted packets are no change; a port is.
        Look(
            "linux.firewall.ruleset", "ubuntu2404",
            changing: [("\"packets\": 4711", "\"packets\": 9"), ("\"handle\": 7", "\"handle\": 70")],
            with: ["rulesetDigest": .string(ruleset)], .compliant),
        Look(
            "linux.firewall.ruleset", "ubuntu2404", changing: [("\"right\": 22", "\"right\": 23")],
            with: ["rulesetDigest": .string(ruleset)],
            .drift("firewall.ruleset_differs")),
        Look(
            "linux.firewall.ruleset", "ubuntu2404", changing: [("\"policy\": \"drop\"", "\"policy\": \"accept\"")],
            with: ["rulesetDigest": .string(ruleset)], .drift("firewall.input_open")),
        Look(
            "linux.firewall.ruleset", "ubuntu2404", changing: [("ActiveState=active", "ActiveState=inactive")],
            with: ["rulesetDigest": .string(ruleset)], .drift("firewall.service_stopped")),
        Look(
            "linux.firewall.ruleset", "ubuntu2404", changing: [("UnitFileState=enabled", "UnitFileState=disabled")],
            with: ["rulesetDigest": .string(ruleset)], .drift("firewall.service_disabled")),
        Look("host.services.listening", "debian12", .compliant),
        Look("host.services.listening", "debian12", with: ["allowed": .strings(["tcp/443"])], .drift("services.unexpected_listener")),
        Look("host.services.listening", "rhel9", .drift("services.unexpected_listener")),
        Look("host.services.listening", "rhel9", with: ["allowed": .strings(["tcp/22", "tcp/9090", "udp/5353"])], .compliant),
        Look("network.dns.filtering", "debian12", .unknown("parameter.missing")),
        Look("network.dns.filtering", "rhel9", with: ["approved": .strings(["192.0.2.53", "2001:db8::53"])], .compliant),
        Look("network.dns.filtering", "rhel9", with: ["approved": .strings(["192.0.2.53"])], .drift("dns.unapproved_server")),
        Look("network.tls.cert_expiry", "debian12", .notApplicable("tls.none_named")),
        Look("network.tls.cert_expiry", "rhel9", with: certificates, .compliant),
        Look(
            "network.tls.cert_expiry", "rhel9", with: certificates.merging(["daysLeftMin": .integer(30)]) { $1 }, .drift("tls.expires")),
        Look(
            "network.tls.cert_expiry", "rhel9", changing: [("Dec  1 12:00:00 2026", "Nov  1 12:00:00 2026")], with: certificates,
            .drift("tls.expires")),
        Look(
            "network.tls.cert_expiry", "rhel9", changing: [("Dec  1 12:00:00 2026", "soon")], with: certificates,
            .unknown("probe.unparseable")),
    ]

    private static let certificates: [String: TypedValue] = [
        "files": .strings(["/etc/pki/tls/certs/ehr.pem", "/etc/pki/tls/certs/mail.pem"])
    ]
    private static let ruleset = "a43981307289875ce7bcf98cb14bda6a467c473a5fee74a8915a91bec4a9ae71"
}
