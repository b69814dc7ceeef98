import Catalog
import Compliance
import Database
import Detection
import Logging
import Model

/// Runs the checks that are due, each host by itself so that a slow one delays nobody, and attests what did not change.
package actor DetectService {
    package static let interval: Duration = .seconds(30)
    /// How often a host is asked again what kind of machine it is.
    static let platformInterval: Duration = .seconds(21_600)
    /// For how long a repair is remembered for its relapse look.
    static let repairSpan: Duration = .seconds(86_400)

    private let context: ApplianceContext
    private let hosts: SiteHosts
    private let recorder: ObservationRecorder
    /// When the newest look of each check began; from the state file at the first turn.
    private var last: [Detector.Subject: Timestamp]?
    /// Ends of repairs whose relapse look may be due; from the state file at every turn.
    private var repaired: [Detector.Subject: Timestamp] = [:]
    /// What the looks that `last` holds were made under.
    private var stamp: ActiveCatalog.Stamp?
    private var platformsRead: [HostID: Timestamp] = [:]
    /// Looks that no bundle lists yet. The last one of each hour has to be listed before the next takes its place: that the check was
    /// seen in that hour could not be shown any more.
    private var waiting: [Detector.Subject: Timestamp] = [:]
    private var scans: [HostID: Task<Void, Never>] = [:]

    package init(_ context: ApplianceContext, hosts: SiteHosts) {
        self.context = context
        self.hosts = hosts
        recorder = ObservationRecorder(context)
    }

    package func turn() async -> Duration {
        do {
            guard let loaded = try await context.catalog.current() else { return Self.interval }
            try await loadOnce()
            try await forgetLooksThatNoLongerCount(loaded)
            try await readRepairs()
            let rest = startScans(loaded)
            try await attest(loaded)
            return rest
        } catch {
            context.logger.warning("detection turn not finished", metadata: ["error": "\(error)"])
            return Self.interval
        }
    }

    /// Makes every check of every host due: what an operator at the box asks for by SIGHUP.
    package func lookAtEverything() async {
        do {
            try await loadOnce()
            last = [:]
            context.wakes.detect.ring()
        } catch {
            context.logger.error("cannot look at everything now", metadata: ["error": "\(error)"])
        }
    }

    /// Gives up running looks: they are made again after the next start.
    package func stop() {
        for scan in scans.values { scan.cancel() }
    }

    // MARK: Looking

    /// One check, now, judged and not yet written down: the proof of a repair.
    func look(_ check: CheckID, on host: HostID, _ loaded: ActiveCatalog.Loaded) async -> Observation {
        let now = context.clock.now()
        guard let definition = loaded.catalog.checks[check], let entry = hosts.entries[host] else {
            return Observation(host: host, check: check, verdict: .unknown("check.missing"), facts: Facts(), started: now, ended: now)
        }
        return await scanner(for: host, loaded).scan(Scanner.Request(host: entry.host, checks: [definition]))[0]
    }

    /// What kind of machine it is, asked now if nobody has yet; empty where it cannot be said, which fits no runbook.
    func platforms(of host: HostID) async -> Set<String> {
        if let known = hosts.platforms(of: host) { return known }
        guard let entry = hosts.entries[host] else { return [] }
        guard let platforms = try? await HostPlatforms.read(entry.host, at: context.clock.now()) else { return [] }
        hosts.setPlatforms(platforms, of: host)
        return platforms
    }

    /// Writes observations down. A disk that does not take them only means that they are made again.
    func record(_ observations: [Observation], _ loaded: ActiveCatalog.Loaded) async {
        do {
            // A check may have been switched off since the look began: it was not required any more when it ended.
            let inForce = try await context.catalog.current() ?? loaded
            let observations = observations.filter { !inForce.isDisabled($0.check) }
            guard !observations.isEmpty else { return }
            try await attestLooks(before: observations, loaded)
            let needsRepair = try await recorder.record(observations, checks: loaded.catalog.checks)
            for observation in observations {
                let subject = Detector.Subject(host: observation.host, check: observation.check)
                last?[subject] = observation.started
                waiting[subject] = observation.started
            }
            if needsRepair { context.wakes.heal.ring() }
        } catch {
            context.logger.error("observations not recorded", metadata: ["error": "\(error)"])
        }
    }

    /// Runs one check, or all that speak of the host, whether due or not.
    /// - Returns: how many were run.
    func scanNow(_ host: HostID, check: CheckID?, _ loaded: ActiveCatalog.Loaded) async -> Int {
        guard let entry = hosts.entries[host] else { return 0 }
        let checks = check.flatMap { loaded.catalog.checks[$0] }.map { [$0] } ?? loaded.detector.checks(for: target(host))
        let observations = await scanner(for: host, loaded).scan(Scanner.Request(host: entry.host, checks: checks))
        await record(observations, loaded)
        return observations.count
    }

    private func startScans(_ loaded: ActiveCatalog.Loaded) -> Duration {
        let now = context.clock.now()
        let idle = hosts.ids.filter { scans[$0] == nil }.map(target)
        let due = loaded.detector.due(idle, last: last ?? [:], repaired: repaired, at: now)
        for host in due.keys.sorted() {
            // The others have their turn when one of these ends.
            guard scans.count < context.configuration.scanConcurrency else { break }
            scans[host] = Task {
                await self.scan(host, loaded)
                self.ended(host)
            }
        }
        guard due.isEmpty, let next = loaded.detector.nextDue(idle, last: last ?? [:], repaired: repaired, at: now) else {
            return Self.interval
        }
        return min(Self.interval, max(next - now, .seconds(1)))
    }

    private func ended(_ host: HostID) {
        scans[host] = nil
        if scans.isEmpty { context.atRest() }
        if !Task.isCancelled { context.wakes.detect.ring() }
    }

    private func scan(_ host: HostID, _ loaded: ActiveCatalog.Loaded) async {
        guard let entry = hosts.entries[host] else { return }
        let now = context.clock.now()
        if platformsRead[host].map({ $0 > now || now - $0 >= Self.platformInterval }) ?? true,
            let platforms = try? await HostPlatforms.read(entry.host, at: now)
        {
            let isNews = hosts.platforms(of: host) != platforms
            hosts.setPlatforms(platforms, of: host)
            platformsRead[host] = now
            if isNews { await expect(loaded) }
        }
        // Where the kind could not be read, all checks are due, and each says why it is unknown.
        let due = loaded.detector.due([target(host)], last: last ?? [:], repaired: repaired, at: context.clock.now())[host] ?? []
        let observations = await scanner(for: host, loaded).scan(Scanner.Request(host: entry.host, checks: due))
        // A look that our own stop cut short says nothing about the host.
        if Task.isCancelled { return }
        await record(observations, loaded)
    }

    private func target(_ host: HostID) -> Detector.Target { Detector.Target(host: host, platforms: hosts.platforms(of: host)) }

    private func scanner(for host: HostID, _ loaded: ActiveCatalog.Loaded) -> Scanner {
        Scanner(parameters: { [hosts] in hosts.parameters(of: $0, on: host, in: loaded.catalog) }, clock: context.clock)
    }

    // MARK: Attesting

    private func attest(_ loaded: ActiveCatalog.Loaded) async throws {
        let now = context.clock.now()
        let attested = try await context.database.read { try ObservationTable.attested(in: $0) }
        let due = hosts.ids.filter { host in
            guard let last = attested[host], last <= now else { return true }
            return now - last >= context.configuration.heartbeat
        }
        try await attest(due, loaded)
    }

    private func attest(_ due: [HostID], _ loaded: ActiveCatalog.Loaded) async throws {
        guard !due.isEmpty else { return }
        let now = context.clock.now()
        let (entries, since) = try await context.database.read {
            (try ObservationTable.all(in: $0), try CatalogTable.activeSince(in: $0))
        }
        for host in due {
            let seen = Dictionary(entries.filter { $0.host == host }.map { ($0.check, $0) }, uniquingKeysWith: { $1 })
            // Not before the first look at this host came to an end, whatever it saw.
            guard !seen.isEmpty else { continue }
            let verdicts = loaded.detector.checks(for: target(host)).map {
                ObservationTable.attested($0, seen[$0.id], catalogSince: since, at: now)
            }
            try await context.journal.append([context.drafts.attestation(host, verdicts)]) { transaction, _ in
                try ObservationTable.setAttested(host, at: now, in: transaction)
            }
            waiting = waiting.filter { subject, look in subject.host != host || seen[subject.check].map { look > $0.started } ?? false }
        }
    }

    private func attestLooks(before observations: [Observation], _ loaded: ActiveCatalog.Loaded) async throws {
        let hosts = observations.filter { observation in
            let look = waiting[Detector.Subject(host: observation.host, check: observation.check)]
            return look.map { $0.hour < observation.started.hour } ?? false
        }.map(\.host)
        try await attest(Set(hosts).sorted(), loaded)
    }

    /// Attests what no bundle lists yet. Afterwards another catalog may come into force, which must not speak of these looks.
    package func attestWaiting() async {
        do {
            guard let loaded = try await context.catalog.current() else { return }
            try await attest(Set(waiting.keys.map(\.host)).sorted(), loaded)
        } catch {
            context.logger.warning("looks not attested", metadata: ["error": "\(error)"])
        }
    }

    /// What is expected of a host follows from its kind. Written by `ContinuityService` if it cannot be written now.
    private func expect(_ loaded: ActiveCatalog.Loaded) async {
        do {
            try await context.expectations.append([], loaded)
        } catch {
            context.logger.warning("expectation not recorded", metadata: ["error": "\(error)"])
        }
    }

    /// With a new catalog every check is due: what the one before concluded is no longer attested. And so is what is switched on again.
    private func forgetLooksThatNoLongerCount(_ loaded: ActiveCatalog.Loaded) async throws {
        guard stamp != loaded.stamp else { return }
        if stamp?.version != loaded.stamp.version, let since = try await context.database.read({ try CatalogTable.activeSince(in: $0) }) {
            last = last?.filter { $0.value >= since }
        }
        last = last?.filter { !loaded.isDisabled($0.key.check) }
        waiting = waiting.filter { !loaded.isDisabled($0.key.check) }
        stamp = loaded.stamp
    }

    /// Older ones have been looked at since, or the appliance was off for so long that every check is due anyway.
    private func readRepairs() async throws {
        let since = context.clock.now() - Self.repairSpan
        let repairs = try await context.database.read { try IntentTable.repairs(since: since, in: $0) }
        repaired = Dictionary(
            repairs.map { (Detector.Subject(host: $0.key.host, check: $0.key.check), $0.value) }, uniquingKeysWith: { $1 })
    }

    private func loadOnce() async throws {
        guard last == nil else { return }
        let entries = try await context.database.read { try ObservationTable.all(in: $0) }
        last = Dictionary(
            entries.map { (Detector.Subject(host: $0.host, check: $0.check), $0.started) }, uniquingKeysWith: { $1 })
        // Whether a bundle of the run before lists them is not known: once more does no harm.
        waiting = last ?? [:]
    }
}
