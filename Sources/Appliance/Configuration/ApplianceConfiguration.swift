package import Documents
package import Healing
package import Hosts
package import Model
package import Planner
import Seal

/// The configuration, read once, every value typed and in range.
package struct ApplianceConfiguration: Sendable {
    package struct HostEntry: Hashable, Sendable {
        package var access: HostAccess
        package var isClinical: Bool
        /// nil: the site's.
        package var baseline: String?

        package init(access: HostAccess, isClinical: Bool = false, baseline: String? = nil) {
            self.access = access
            self.isClinical = isClinical
            self.baseline = baseline
        }
    }

    package var directory: StateDirectory
    package var hostID: HostID = "appliance"
    /// nil: what enrolment granted.
    package var centralURL: String?
    /// nil: where this appliance was enrolled.
    package var enrollmentURL: String?
    package var reseller: String?
    package var policyVersion = "1"
    package var baseline = "default"
    package var pollInterval: Duration = .seconds(60)
    package var scanConcurrency = 8
    /// Where `martlet-hands` listens; nil where there is none.
    package var handsSocket: String?
    package var heartbeat: Duration = .seconds(3_600)
    package var keepNewest = 200
    package var keepDays: Int64 = 90
    package var incidentDays: Int64 = 30
    package var policy = HealingPolicy()
    package var takesLearned = true
    package var timeServers: [SNTPClient.Server] = []
    package var logLevel = ApplianceSettings.LogLevel.notice
    package var hosts: [HostEntry] = []
    package var plannerMode = ApplianceSettings.PlannerMode.central
    /// The model of `l2.mode` local.
    package var planner: ModelSettings.Model?

    /// What tests begin with: all defaults, no hosts, no time servers.
    package init(directory: StateDirectory) { self.directory = directory }

    package static let defaultPath = "/etc/martlet/appliance.yaml"

    /// - Parameter path: nil where no file was named: then the default one, or none if that is not there.
    /// - Throws: `Diagnostic` or `Diagnostics`; nothing was started.
    package init(path: String?, environment: [String: String]) throws {
        var file: Node?
        do throws(Diagnostic) {
            file = try YAMLReader.read(path: path ?? Self.defaultPath)
        } catch {
            guard path == nil, error.code == "file.unreadable" else { throw error }
        }
        try self.init(file: file, environment: environment)
    }

    package init(file: Node?, environment: [String: String]) throws(Diagnostics) {
        typealias Keys = ApplianceSettings
        let settings = try Settings(Keys.schema, file: file, environment: environment)
        let log = DiagnosticLog()
        directory = StateDirectory(settings[Keys.stateDirectory])
        hostID = settings[Keys.hostID]
        centralURL = settings.optional(Keys.centralURL)
        enrollmentURL = settings.optional(Keys.enrollmentURL)
        for (key, url) in [(Keys.centralURL, centralURL), (Keys.enrollmentURL, enrollmentURL)] {
            guard let url, !url.hasPrefix("https://") else { continue }
            log.error(
                at: settings.origin(key), code: "value.url",
                "\(key.declaration.name) must begin with https://; an address without a path is taken")
        }
        reseller = settings.optional(Keys.reseller)
        policyVersion = settings[Keys.policyVersion]
        baseline = settings[Keys.baseline]
        pollInterval = settings[Keys.pollInterval]
        scanConcurrency = Int(settings[Keys.scanConcurrency])
        handsSocket = settings.optional(Keys.handsSocket)
        heartbeat = settings[Keys.heartbeat]
        keepNewest = Int(settings[Keys.keepNewest])
        keepDays = settings[Keys.keepDays]
        incidentDays = settings[Keys.incidentDays]
        logLevel = settings[Keys.logLevel]
        timeServers = settings[Keys.timeServers].compactMap { text in
            if let server = SNTPClient.Server(text) { return server }
            log.error(
                at: settings.origin(Keys.timeServers), code: "value.form",
                "clock.servers holds \"\(text)\"; taken is host or host:port")
            return nil
        }
        policy = Self.policy(settings, log)
        takesLearned = settings[Keys.learned] == .on
        hosts = settings[Keys.hosts].compactMap { Self.hostEntry($0, log) }
        policy.clinicalHosts = Set(hosts.filter(\.isClinical).map(\.access.id))
        var seen: Set<HostID> = []
        for entry in settings[Keys.hosts] where !seen.insert(entry[Keys.host]).inserted {
            log.error(at: entry.mark, code: "hosts.duplicate", "hosts: \(entry[Keys.host]) stands there twice; each id is taken once")
        }
        plannerMode = settings[Keys.plannerMode]
        planner = try Keys.planner.read(settings)
        if plannerMode == .local, planner == nil {
            log.error(at: settings.origin(Keys.plannerMode), code: "settings.missing", "l2.mode is local and l2.provider names no model")
        }
        try log.throwIfErrors()
    }

    private static func policy(_ settings: Settings, _ log: DiagnosticLog) -> HealingPolicy {
        typealias Keys = ApplianceSettings
        var policy = HealingPolicy(deploymentMode: settings[Keys.mode])
        policy.mode = settings[Keys.healing]
        policy.allowsDisruptiveOutsideWindow = settings[Keys.allowOutsideWindow]
        if let needed = settings.optional(Keys.approveDisruptive) { policy.needsApprovalForDisruptive = needed }
        policy.approvers = settings[Keys.approvers].compactMap { text in
            if let approver = Approver(text) { return approver }
            log.error(
                at: settings.origin(Keys.approvers), code: "value.form",
                "healing.approvers holds \(quoted(text)); taken is a public key as `martlet key` prints it, a space and a name")
            return nil
        }
        policy.unknownClock = settings[Keys.unknownClock]
        policy.cooldown = settings[Keys.cooldown]
        policy.attemptsMax = Int(settings[Keys.attemptsMax])
        policy.actionsPerHourMax = Int(settings[Keys.actionsPerHour])
        policy.repairsPerDayMax = Int(settings[Keys.repairsPerDay])
        policy.hostsAtOncePercentMax = Int(settings[Keys.hostsAtOnce])
        policy.clockOffsetMillisecondsMax = settings[Keys.clockOffsetMax]
        do throws(WindowError) {
            let zone = settings[Keys.windowZone]
            let rules = zone == "UTC" ? TimeZoneRules.utc : try TimeZoneRules(named: zone)
            if let hours = settings.optional(Keys.windowHours) {
                policy.window = try MaintenanceWindow(hours, days: settings[Keys.windowDays], zone: rules)
            }
        } catch {
            log.error(at: settings.origin(Keys.windowHours), code: error.code.description, error.message)
        }
        return policy
    }

    private static func hostEntry(_ entry: Settings, _ log: DiagnosticLog) -> HostEntry? {
        typealias Keys = ApplianceSettings
        // What could not be read is in the log already.
        guard let id = entry.optional(Keys.host), let address = entry.optional(Keys.hostAddress) else { return nil }
        let become = entry.optional(Keys.hostBecome) ?? .none
        var access = HostAccess(id: id, address: .local, become: become)
        if address != "local" {
            guard let keyFile = entry.optional(Keys.hostKeyFile) else {
                log.error(at: entry.mark, code: "settings.missing", "hosts: \(id) has no keyFile; one is needed to log in")
                return nil
            }
            do throws(HostAccessError) {
                let ssh = try SSHAddress(
                    host: address, port: UInt16(entry.optional(Keys.hostPort) ?? 22), user: entry.optional(Keys.hostUser) ?? "root",
                    keyFile: keyFile, hostKey: entry.optional(Keys.hostKey))
                access = HostAccess(id: id, address: .ssh(ssh), become: become)
            } catch {
                log.error(at: entry.mark, code: error.code.description, "hosts: \(id): \(error.message)")
                return nil
            }
        }
        return HostEntry(
            access: access, isClinical: entry.optional(Keys.hostClinical) ?? false, baseline: entry.optional(Keys.hostBaseline))
    }
}

extension SNTPClient.Server {
    /// `host` or `host:port`; an IPv6 address stands in brackets.
    package init?(_ text: String) {
        let (host, port): (Substring, Substring?)
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { return nil }
            host = parts[0]
            port = parts.count == 2 ? parts[1] : nil
        }
        guard !host.isEmpty, host.utf8.count <= 255, host.utf8.allSatisfy({ (33...126).contains($0) }) else { return nil }
        guard let port else {
            self.init(host: String(host))
            return
        }
        guard let number = UInt16(port), number > 0 else { return nil }
        self.init(host: String(host), port: number)
    }
}
