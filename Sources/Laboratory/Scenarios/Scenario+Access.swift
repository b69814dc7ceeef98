import Model

extension Scenario {
    /// Firewall, SSH, idle sessions: who may come in, and for how long.
    static let access: [Scenario] = [
        Scenario(
            "firewall.flushed", .firewall, "Somebody flushed the firewall", check: "linux.firewall.ruleset", code: "firewall.not_loaded",
            .healed, facts: ["nft.rules": .value(.integer(0)), "nft.input_policy": .value(.string("none"))],
            rehearsal: Rehearsal("nft flush ruleset", touches: ["file /etc/nftables.conf"])),
        Scenario(
            "firewall.port_opened", .firewall, "A vendor opened telnet", check: "linux.firewall.ruleset", code: "firewall.ruleset_differs",
            .healed, facts: ["nft.ruleset_digest": .value(.string("of another ruleset"))],
            rehearsal: Rehearsal("nft add rule inet filter input tcp dport 23 accept", touches: ["file /etc/nftables.conf"])),
        Scenario(
            "firewall.service_disabled", .firewall, "The firewall would not be there after a restart", check: "linux.firewall.ruleset",
            code: "firewall.service_disabled", .healed, facts: ["firewall.service_enabled": .value(.boolean(false))],
            rehearsal: Rehearsal("systemctl -q disable nftables", touches: ["file /etc/nftables.conf"])),
        Scenario(
            "firewall.unreadable", .firewall, "The ruleset cannot be read", check: "linux.firewall.ruleset", code: nil, .unseen,
            facts: [
                "nft.ruleset_digest": .unreadable("probe.command_missing"), "nft.input_policy": .unreadable("probe.command_missing"),
                "nft.rules": .unreadable("probe.command_missing"),
            ], course: Course(perHostYear: 1),
            rehearsal: Rehearsal(
                "mv /usr/sbin/nft /usr/sbin/nft.away; ln -s /bin/false /usr/sbin/nft",
                state: "readlink /usr/sbin/nft; sha256sum </etc/nftables.conf; /usr/sbin/nft.away list ruleset",
                undo: "mv -f /usr/sbin/nft.away /usr/sbin/nft")),
        Scenario(
            "ssh.root_login", .ssh, "A vendor's drop-in lets root log in", check: "linux.ssh.hardening", code: "ssh.root_login", .healed,
            facts: ["sshd.permit_root_login": .value(.string("yes"))],
            rehearsal: Rehearsal(
                "echo PermitRootLogin yes >/etc/ssh/sshd_config.d/05-vendor.conf; systemctl reload ssh", touches: [sshdDropIns])),
        Scenario(
            "ssh.tries", .ssh, "Twenty tries for each connection", check: "linux.ssh.hardening", code: "ssh.auth_tries", .healed,
            facts: ["sshd.max_auth_tries": .value(.integer(20))],
            rehearsal: Rehearsal(
                "echo MaxAuthTries 20 >/etc/ssh/sshd_config.d/05-vendor.conf; systemctl reload ssh", touches: [sshdDropIns])),
        Scenario(
            "ssh.passwords", .ssh, "Passwords are accepted again", check: "linux.ssh.hardening", code: "ssh.password_login", .healed,
            facts: ["sshd.password_authentication": .value(.boolean(true))],
            rehearsal: Rehearsal(
                "echo PasswordAuthentication yes >/etc/ssh/sshd_config.d/05-vendor.conf; systemctl reload ssh", touches: [sshdDropIns])),
        Scenario(
            "ssh.weak_cipher", .ssh, "A cipher that nobody should use", check: "linux.ssh.crypto", code: "ssh.weak_cipher",
            .handedOver("rule.none"), facts: ["sshd.ciphers": .value(.strings(["aes128-cbc", "aes256-gcm@openssh.com"]))],
            course: Course(perHostYear: 1),
            rehearsal: Rehearsal(
                "echo 'Ciphers aes128-cbc,aes256-gcm@openssh.com' >/etc/ssh/sshd_config.d/06-old.conf; systemctl reload ssh",
                state: "sshd -T | grep -i ^ciphers; cat /etc/ssh/sshd_config.d/06-old.conf",
                undo: "rm -f /etc/ssh/sshd_config.d/06-old.conf; systemctl reload ssh")),
        Scenario(
            "session.shell", .session, "Idle shells stay open", check: "linux.session.timeout", code: "session.shell_no_limit", .healed,
            facts: ["session.shell_seconds": .absent, "session.shell_is_fixed": .absent], course: Course(isLeftToL2: true),
            rehearsal: Rehearsal(
                "rm -f /etc/profile.d/10-idle.sh",
                touches: ["file /etc/profile.d/10-idle.sh", "file /etc/profile.d/zz-martlet-timeout.sh"])),
        Scenario(
            "session.ssh", .session, "Idle SSH sessions stay open", check: "linux.session.timeout", code: "session.ssh_no_limit", .healed,
            facts: ["session.ssh_seconds": .absent],
            rehearsal: Rehearsal(
                "sed -i /ClientAlive/d /etc/ssh/sshd_config.d/10-practice.conf; systemctl reload ssh", touches: [sshdDropIns])),
    ]

    private static let sshdDropIns = "file /etc/ssh/sshd_config.d/"
}
