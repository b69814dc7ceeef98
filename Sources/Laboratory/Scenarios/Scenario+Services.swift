import Model

extension Scenario {
    /// Services, logging and audit: what has to run.
    static let services: [Scenario] = [
        Scenario(
            "service.stopped", .service, "Cron was stopped", check: "host.services.critical", code: "services.stopped", .healed,
            facts: stopped, course: Course(perHostYear: 6), rehearsal: Rehearsal("systemctl stop cron")),
        Scenario(
            "service.disabled", .service, "Cron would not start by itself", check: "host.services.critical", code: "services.disabled",
            .healed,
            facts: [
                "services.not_enabled": .value(.strings(["cron.service"])), "services.first_not_enabled": .value(.string("cron.service")),
            ],
            course: Course(isLeftToL2: true), rehearsal: Rehearsal("systemctl -q disable cron")),
        Scenario(
            "service.failed", .service, "A service has failed", check: "host.services.critical", code: "services.failed", .healed,
            facts: failed, course: Course(worksPermille: 850, seconds: 5...60), rehearsal: failing),
        Scenario(
            "service.outside_window", .service, "A service has failed, and people would notice its restart",
            check: "host.services.critical", code: "services.failed", .waits("gate.outside_window"), place: .outsideWindow,
            facts: failed, course: Course(seconds: 5...60), rehearsal: failing),
        Scenario(
            "service.clinical", .service, "Cron was stopped on an imaging device", check: "host.services.critical",
            code: "services.stopped", .handedOver("gate.clinical_device"), place: .clinicalDevice, facts: stopped,
            rehearsal: Rehearsal(
                "systemctl stop cron", state: "systemctl is-active cron; systemctl is-enabled cron; true", undo: "systemctl start cron")),
        Scenario(
            "service.flapping", .service, "Something stops cron again and again", check: "host.services.critical",
            code: "services.stopped", .handedOver("gate.flapping"), comesBackAfter: .seconds(200), facts: stopped,
            course: Course(perHostYear: 0.5, worksPermille: 1_000, alonePermille: 0),
            rehearsal: Rehearsal("systemctl stop cron", state: "systemctl is-active cron; true", undo: "systemctl start cron")),
        // Six repairs of it take as many hours: not for a rehearsal.
        Scenario(
            "service.undone_hourly", .service, "Something stops cron an hour after each start", check: "host.services.critical",
            code: "services.stopped", .handedOver("gate.daily"), comesBackAfter: .seconds(3_600), facts: stopped,
            course: Course(perHostYear: 0.5, worksPermille: 1_000, alonePermille: 0)),
        Scenario(
            "log.service_stopped", .log, "No log is written", check: "log.pipeline.canary", code: "log.service_down", .healed,
            facts: [
                "log.services_down": .value(.strings(["rsyslog.service"])), "log.first_service_down": .value(.string("rsyslog.service")),
                "log.canary_in_spool": .value(.boolean(false)),
            ], rehearsal: Rehearsal("systemctl stop syslog.socket rsyslog", touches: ["unit syslog.socket"])),
        Scenario(
            "log.records_lost", .log, "Records do not arrive in the spool", check: "log.pipeline.canary", code: "log.canary_not_in_spool",
            .healed, facts: ["log.canary_in_spool": .value(.boolean(false))], course: Course(worksPermille: 900, seconds: 5...40)),
        Scenario(
            "audit.stopped", .audit, "Nothing is audited", check: "linux.audit.rules", code: "audit.stopped", .healed,
            facts: ["audit.daemon_active": .value(.boolean(false))],
            rehearsal: Rehearsal("systemctl -q disable --now auditd", touches: ["file /etc/audit/rules.d/"])),
        Scenario(
            "audit.rules_gone", .audit, "The audit rules are gone", check: "linux.audit.rules", code: "audit.rules_missing", .healed,
            facts: [
                "audit.missing_watches": .value(.strings(["/etc/shadow"])), "audit.first_missing_watch": .value(.string("/etc/shadow")),
            ], rehearsal: Rehearsal("auditctl -D; rm -rf /etc/audit/rules.d", touches: ["file /etc/audit/rules.d"])),
        Scenario(
            "audit.not_installed", .audit, "The audit package was removed", check: "linux.audit.rules", code: "audit.not_installed",
            .healed, facts: ["audit.installed": .value(.boolean(false)), "audit.daemon_active": .absent, "audit.enabled": .absent],
            course: Course(perHostYear: 1, seconds: 20...240),
            rehearsal: Rehearsal(
                """
                systemctl -q disable --now auditd; dpkg -P auditd >/dev/null 2>&1; rm -rf /etc/audit /run/auditctl*
                install -d -m 750 /etc/audit/rules.d
                """,
                // The practice hosts' package does not enable its service, as the real one does.
                touches: ["file /etc/audit", "unit auditd", "file /etc/systemd/system/multi-user.target.wants"])),
    ]

    private static let stopped: [FactName: SimulatedFact] = [
        "services.not_running": .value(.strings(["cron.service"])), "services.first_not_running": .value(.string("cron.service")),
    ]
    private static let failed: [FactName: SimulatedFact] = ["services.failed": .value(.strings(["intake-forms.service"]))]

    /// It fails once; what made it fail is gone when somebody starts it again.
    private static let failing = Rehearsal(
        """
        printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/usr/bin/test -e /run/intake-ready\\n' \
            >/etc/systemd/system/intake-forms.service
        systemctl daemon-reload; systemctl start intake-forms 2>/dev/null; touch /run/intake-ready
        """, state: "systemctl is-failed intake-forms; true",
        undo: "systemctl stop intake-forms; systemctl reset-failed intake-forms 2>/dev/null; true",
        touches: ["file /etc/systemd/system/intake-forms.service", "unit intake-forms"])
}
