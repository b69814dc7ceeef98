import Model

extension Scenario {
    /// Kernel, packages, time, name servers.
    static let system: [Scenario] = [
        Scenario(
            "kernel.settings", .kernel, "The kernel takes redirects", check: "linux.kernel.hardening", code: "kernel.setting", .healed,
            facts: [
                "kernel.deviations": .value(.strings(["net.ipv4.conf.all.accept_redirects=1"])),
                "kernel.first_deviation_key": .value(.string("net.ipv4.conf.all.accept_redirects")),
            ],
            rehearsal: Rehearsal(
                "sysctl -qw net.ipv4.conf.all.accept_redirects=1 net.ipv4.conf.all.send_redirects=1", touches: ["file /etc/sysctl.d/"])),
        Scenario(
            "kernel.no_access_control", .kernel, "No mandatory access control", check: "linux.kernel.hardening",
            code: "kernel.no_mandatory_access_control", .handedOver("rule.escalates"), facts: ["kernel.mac": .value(.string("off"))],
            course: Course(perHostYear: 0.2)),
        Scenario(
            "package.forbidden", .package, "Telnet was installed", check: "host.software.inventory", code: "software.forbidden", .healed,
            facts: ["software.forbidden": .value(.strings(["telnetd"]))], course: Course(perHostYear: 1, seconds: 5...60),
            rehearsal: Rehearsal("dpkg -i /srv/repo/telnetd_1.0.deb >/dev/null 2>&1")),
        Scenario(
            "package.update_pending", .package, "A security update waits", check: "linux.patch.security_updates",
            code: "patch.security_pending", .healed, facts: ["patch.security_pending": .value(.strings(["practice-tool"]))],
            course: Course(perHostYear: 12, worksPermille: 950, seconds: 20...600),
            rehearsal: Rehearsal(
                """
                dpkg --force-downgrade -i /srv/repo/practice-tool_1.0.deb >/dev/null 2>&1; rm -f /var/cache/apt/*.bin
                touch /var/lib/apt/lists
                """, touches: ["package practice-tool"])),
        Scenario(
            "package.lists_old", .package, "Nobody asked for updates in ten days", check: "linux.patch.security_updates",
            code: "patch.lists_old", .healed, facts: ["patch.lists_updated": .ago(.seconds(10 * 86_400))],
            course: Course(seconds: 5...90),
            rehearsal: Rehearsal("rm -f /var/lib/apt/periodic/*; touch -d '10 days ago' /var/lib/apt/lists")),
        Scenario(
            "package.restart_overdue", .package, "A restart is overdue", check: "linux.patch.security_updates",
            code: "patch.restart_overdue", .healed, facts: ["patch.restart_needed_since": .ago(.seconds(10 * 86_400))],
            course: Course(seconds: 30...300),
            rehearsal: Rehearsal(
                "touch /var/lib/apt/lists; touch -d '10 days ago' /run/reboot-required",
                // What only the running machine had is gone, and who boots a container writes its resolv.conf.
                touches: ["unit ", "file /etc/resolv.conf"], isLast: true)),
        Scenario(
            "time.no_source", .time, "The clock follows nobody", check: "host.time.sync", code: "time.not_synchronized", .healed,
            facts: ["time.synchronized": .value(.boolean(false)), "time.sources": .value(.integer(0))],
            course: Course(worksPermille: 930, seconds: 5...60),
            rehearsal: Rehearsal(
                """
                rm -f /etc/chrony/sources.d/*; sed -i /^pool/d /etc/chrony/chrony.conf; systemctl restart chrony; sleep 0.3
                """, touches: ["file /etc/chrony/"])),
        Scenario(
            "time.step", .time, "The clock is minutes off", check: "host.time.sync", code: "time.offset", .healed,
            facts: ["time.offset_milliseconds": .value(.integer(180_000))], course: Course(perHostYear: 0.5)),
        Scenario(
            "time.clock_off", .time, "A restart is due, and the appliance's own clock cannot be trusted",
            check: "linux.patch.security_updates", code: "patch.restart_overdue", .waits("gate.clock_offset"), place: .clockOff,
            facts: ["patch.restart_needed_since": .ago(.seconds(10 * 86_400))], course: Course(perHostYear: 0.5, seconds: 30...300)),
        Scenario(
            "network.name_server", .network, "Names are asked of a stranger", check: "network.dns.filtering",
            code: "dns.unapproved_server", .handedOver("rule.none"), facts: ["dns.servers": .value(.strings(["192.0.2.53"]))],
            course: Course(perHostYear: 1),
            rehearsal: Rehearsal(
                "echo 'nameserver 192.0.2.53' >/etc/resolv.conf", state: "cat /etc/resolv.conf",
                undo: "echo 'nameserver 9.9.9.9' >/etc/resolv.conf")),
    ]
}
