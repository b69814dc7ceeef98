package import Documents
package import Healing
package import Hosts
package import Model
package import Planner

/// Every key of the appliance's configuration; the texts are its manual (`docs/configuration.md`).
package enum ApplianceSettings {
    package static let stateDirectory = Setting<String>.path(
        "stateDirectory", .default("/var/lib/martlet-appliance"),
        manual: "Where keys, evidence and everything else that outlives a restart lie. Must belong to the appliance's user, mode 0700.")
    package static let hostID = Setting<HostID>.parsed(
        "hostId", .default("appliance"), accepts: "name of letters, digits, dot, dash and underscore",
        manual: "The name under which the appliance itself stands in evidence.")
    package static let centralURL = Setting<String>.text(
        "central.url", .optional,
        manual: "Where Central's appliance API is now (`https://host:port`). Only needed when it has moved since enrolment.")
    package static let enrollmentURL = Setting<String>.text(
        "central.enrollmentUrl", .optional,
        manual: "Where Central's web listener is now (`https://host:port`); an appliance that was offline for longer than its "
            + "certificate lives gets another there. Only needed when it has moved since enrolment.")
    package static let mode = Setting<DeploymentMode>.choice(
        "mode", .default(.reseller),
        manual: "`reseller`: an MSP sees every event. `direct`: nobody does, so disruptive work needs an approval.")
    package static let reseller = Setting<String>.text(
        "reseller", .optional, bytesMax: 100, manual: "The MSP's id, as it stands in evidence.")
    package static let policyVersion = Setting<String>.text(
        "policyVersion", .default("1"), bytesMax: 100, manual: "The version of the site's written policy, as it stands in evidence.")
    package static let baseline = Setting<String>.text(
        "baseline", .default("default"), bytesMax: 100, manual: "The catalog's baseline that the site is held to. A host may name another.")

    package static let pollInterval = Setting<Duration>.duration(
        "poll.interval", .default(.seconds(60)), in: .seconds(10)...(.seconds(3_600)),
        manual: "Time between two check-ins with Central; each varies by 10 %.")
    package static let scanConcurrency = Setting<Int64>.integer(
        "detect.concurrency", .default(8), in: 1...64, manual: "Hosts that are looked at at the same time.")
    package static let handsSocket = Setting<String>.path(
        "hands.socket", .optional,
        manual:
            "Where `martlet-hands` listens (`/run/martlet-hands.sock`): through it this machine itself is looked at and repaired. Without it, "
            + "an appliance that is not root changes nothing here, and what only root can see is unknown.")
    package static let heartbeat = Setting<Duration>.duration(
        "evidence.heartbeat", .default(.seconds(3_600)), in: .seconds(60)...(.seconds(86_400)),
        manual: "How often unchanged verdicts are attested, one bundle per host.")
    package static let keepNewest = Setting<Int64>.integer(
        "evidence.keepNewest", .default(200), in: 200...1_000_000, manual: "Bundles that are never pruned, however old.")
    package static let keepDays = Setting<Int64>.integer(
        "evidence.keepDays", .default(90), in: 90...3_660,
        manual: "Age in days up to which no bundle is pruned. One without Central's receipt is never pruned.")
    package static let incidentDays = Setting<Int64>.integer(
        "incidents.keepDays", .default(30), in: 1...3_660, manual: "Age in days up to which resolved incidents are kept here.")

    package static let healing = Setting<HealingPolicy.Mode>.choice(
        "healing.mode", .default(.on),
        manual: "`off`: nothing is repaired. `dryRun`: evidence says what would have been done. `on`: drift is repaired.")
    package static let learned = Setting<LearnedRules>.choice(
        "healing.learned", .default(.on),
        manual: "`off`: rules that Central has learned are refused, in the site's policy too; only the signed catalog's rules decide.")
    package static let windowHours = Setting<String>.text(
        "window.hours", .optional, bytesMax: 11,
        manual: "The maintenance window, `HH:MM-HH:MM`; without one, disruptive work needs a person.")
    package static let windowDays = Setting<[String]>.texts(
        "window.days", .default([]), countMax: 7, manual: "Days on which the window starts (`mon` to `sun`); none means every day.")
    package static let windowZone = Setting<String>.text(
        "window.timeZone", .default("UTC"), bytesMax: 64, manual: "IANA name of the site's time zone (`America/Chicago`).")
    package static let allowOutsideWindow = Setting<Bool>.boolean(
        "healing.allowDisruptiveOutsideWindow", .default(false),
        manual: "Whether disruptive work may run at any time. What needs the window (logging) still waits for it.")
    package static let approveDisruptive = Setting<Bool>.boolean(
        "healing.approveDisruptive", .optional,
        manual: "Whether disruptive work needs the approval of a second person; without it, `mode` decides.")
    package static let approvers = Setting<[String]>.texts(
        "healing.approvers", .default([]), countMax: 100,
        manual: "Who may approve here, one `KEY NAME` each, the key as `martlet key` prints it. With any, only these count, whomever "
            + "Central vouches for: then nobody who breaks in there can approve.")
    package static let unknownClock = Setting<HealingPolicy.UnknownClock>.choice(
        "healing.unknownClock", .default(.defer), manual: "What disruptive work does while no time source can be reached.")
    package static let cooldown = Setting<Duration>.duration(
        "healing.cooldown", .default(.seconds(600)), in: .seconds(1)...(.seconds(86_400)),
        manual: "Shortest time between two attempts on one host and check; a rule may ask for more.")
    package static let attemptsMax = Setting<Int64>.integer(
        "healing.attemptsMax", .default(3), in: 1...20, manual: "Attempts per incident before a person is asked; a rule may ask for fewer.")
    package static let actionsPerHour = Setting<Int64>.integer(
        "healing.actionsPerHourMax", .default(30), in: 1...1_000, manual: "Repairs at the site within an hour.")
    package static let repairsPerDay = Setting<Int64>.integer(
        "healing.repairsPerDayMax", .default(6), in: 1...100,
        manual: "Repairs of one host and check within 24 hours; the next time a person is asked what undoes them.")
    package static let hostsAtOnce = Setting<Int64>.integer(
        "healing.hostsAtOncePercentMax", .default(10), in: 1...100,
        manual: "Share of the site's hosts that may be changed at once; one always may.")

    package static let plannerMode = Setting<PlannerMode>.choice(
        "l2.mode", .default(.central),
        manual: "Who asks a language model where no rule helps. `central`: Central does, and its signed proposals are judged here as a "
            + "rule's plan is. `local`: this appliance asks the model of this section. `off`: nobody; proposals are refused.")
    package static let planner = ModelSettings(section: "l2.")

    package enum PlannerMode: String, CaseIterable, Sendable { case off, central, local }

    package static let timeServers = Setting<[String]>.texts(
        "clock.servers", .default(["0.debian.pool.ntp.org", "1.debian.pool.ntp.org", "2.debian.pool.ntp.org"]), countMax: 10,
        manual:
            "Time servers (`host` or `host:port`) that the clock is compared with every five minutes; three or more outvote a wrong one.")
    package static let clockOffsetMax = Setting<Int64>.integer(
        "clock.offsetMillisecondsMax", .default(5_000), in: 100...60_000,
        manual: "Further off than this, disruptive work waits and evidence says so.")
    package static let logLevel = Setting<LogLevel>.choice("log.level", .default(.notice), manual: "What is written to standard error.")

    package enum LearnedRules: String, CaseIterable, Sendable { case off, on }
    package enum LogLevel: String, CaseIterable, Sendable { case debug, info, notice, warning, error }

    // MARK: Hosts

    package static let host = Setting<HostID>.parsed(
        "id", accepts: "name of letters, digits, dot, dash and underscore", manual: "The host's name in evidence, for its whole life.")
    package static let hostAddress = Setting<String>.text("address", bytesMax: 255, manual: "Name or address; `local` for this machine.")
    package static let hostPort = Setting<Int64>.integer("port", .default(22), in: 1...65_535, manual: "Port of its sshd.")
    package static let hostUser = Setting<String>.text("user", .default("root"), bytesMax: 64, manual: "Whom to log in as.")
    package static let hostKeyFile = Setting<String>.path(
        "keyFile", .optional, manual: "Private key to log in with; mode 0600. Needed unless `local`.")
    package static let hostKey = Setting<String>.text(
        "hostKey", .optional, bytesMax: 2_000,
        manual:
            "The host's public key, as in its `ssh_host_ed25519_key.pub`. Without it, the host is not spoken to and its checks are unknown."
    )
    package static let hostBecome = Setting<HostAccess.Become>.choice(
        "become", .default(.none), manual: "`sudo`: commands run through `sudo -n`, for a log-in that is not root.")
    package static let hostClinical = Setting<Bool>.boolean(
        "clinical", .default(false), manual: "A clinical device: looked at, and never changed by anybody's plan.")
    package static let hostBaseline = Setting<String>.text(
        "baseline", .optional, bytesMax: 100, manual: "The baseline of this host, if not the site's.")
    package static let hosts = Setting<[Settings]>.list(
        "hosts",
        of: [
            host.declaration, hostAddress.declaration, hostPort.declaration, hostUser.declaration, hostKeyFile.declaration,
            hostKey.declaration, hostBecome.declaration, hostClinical.declaration, hostBaseline.declaration,
        ],
        manual: "The machines that the appliance watches.")

    package static let schema = SettingsSchema(
        program: "martlet-appliance",
        "Read from `/etc/martlet/appliance.yaml`, or the file that `--config` or `MARTLET_CONFIG` names.",
        [
            stateDirectory.declaration, hostID.declaration, centralURL.declaration, enrollmentURL.declaration, mode.declaration,
            reseller.declaration,
            policyVersion.declaration, baseline.declaration, pollInterval.declaration, scanConcurrency.declaration, handsSocket.declaration,
            heartbeat.declaration,
            keepNewest.declaration, keepDays.declaration, incidentDays.declaration, healing.declaration, learned.declaration,
            windowHours.declaration,
            windowDays.declaration, windowZone.declaration, allowOutsideWindow.declaration, approveDisruptive.declaration,
            approvers.declaration,
            unknownClock.declaration, cooldown.declaration, attemptsMax.declaration, actionsPerHour.declaration,
            repairsPerDay.declaration, hostsAtOnce.declaration,
            timeServers.declaration, clockOffsetMax.declaration, logLevel.declaration, hosts.declaration, plannerMode.declaration,
        ] + planner.declarations,
        otherVariables: ["MARTLET_CONFIG"])
}
