import Appliance
import Catalog
import Central
import Database
import Evidence
import Foundation
import Healing
import Hosts
import Learning
import Logging
import Model
import Planner
import Seal
import ServiceLifecycle
import Wire

/// A second practice with the same machines. Its Central and its appliance are the real ones but run in this process, by a clock that the demo
/// moves: what must last for hours before it counts can be shown in seconds. Its catalog has one check and no rule.
final class LearningPractice {
    static let check: CheckID = "linux.session.timeout"
    /// The hour that a repair has to last, and of each stage the fewest cases that it can be judged by.
    private static let figures = [
        (name: "holdSeconds", value: "3600"), (name: "shadowFirings", value: "5"), (name: "canaryFirings", value: "10"),
        (name: "canaryLimit", value: "600"), (name: "medianSecondsMax", value: "120"),
    ]

    private let clock: MovedClock
    private let services: CentralServices
    private let evidence: ReceivedEvidence
    private let partner: PartnerID
    private let appliance: ApplianceProcess
    private let identity: ApplianceID
    private let scope: TenantScope
    private let person: OperatorCredential
    private let learning: LearningDesk
    private let practice: PracticeHosts
    private let central: ServiceGroup
    private let running: [Task<Void, any Error>]

    /// - Parameters:
    ///   - whole: the catalog of which one check and its runbooks are published.
    ///   - model: where the double listens.
    init(directory: String, whole: CompiledCatalog, practice: PracticeHosts, model: String) async throws {
        // So that none of what it makes is dated in the future.
        clock = MovedClock(at: WallClock.system.now() - .seconds(10 * 86_400))
        self.practice = practice
        var logger = Logger(label: "learning")
        logger.logLevel = .critical

        let home = directory + "/learning"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        _ = try CentralKeys.create(in: home, at: clock.now)
        let process = try await CentralProcess.build(
            try Self.configuration(home, model: model), clock: clock.clock, logger: logger)
        services = process.services
        person = OperatorCredential(localUser: "demo")
        let organization = try await services.tenants.createOrganization("Harbour Clinic", by: person)
        scope = TenantScope(person, organization: organization.id)
        let site = try await services.tenants.createSite("Quay", in: scope)
        guard let partner = PartnerID(organization.id.description), let signer = services.keys.catalogSigner else {
            throw DemoFailure("the second practice has no partner, or no catalog key")
        }
        self.partner = partner
        learning = services.learning
        _ = try await learning.set(Self.figures, of: partner, try .init(by: "alice@msp.example", reason: "for the demo"), for: person)
        _ = try await services.catalogs.publish(
            CatalogPack.sign(CatalogPack.encode(whole.only(Self.check), schema: .code()), with: signer), by: person)
        central = ServiceGroup(configuration: .init(services: process.run, logger: logger))
        let group = central
        let serving = Task { try await group.run() }
        let port = await process.ports().web

        let code = ClaimCode(authority: Digest(of: services.keys.authority.der))
        try await services.claims.create(secret: code.secret, site: site.id, scope: scope, lifetime: .seconds(600), by: person)
        var configuration = ApplianceConfiguration(directory: StateDirectory(home + "/appliance"))
        configuration.pollInterval = .seconds(10)
        configuration.hosts = practice.members.map {
            .init(access: HostAccess(id: $0.id, address: .ssh($0.address), become: $0.become))
        }
        try configuration.directory.prepare()
        let database = try SQLiteDatabase(path: configuration.directory.database)
        try await ApplianceSchema.migrator.migrate(database, now: clock.clock.now)
        let identity = try await Enrollment(
            directory: configuration.directory, database: database, hostname: "learning", softwareVersion: softwareVersion
        ).run(central: "https://localhost:\(port)", code: code.text)
        await database.close()
        let box = try await ApplianceProcess.build(configuration, clock: clock.clock, logger: logger, softwareVersion: softwareVersion)
        appliance = box
        self.identity = identity.appliance
        evidence = ReceivedEvidence(services, of: identity.appliance, site: site.id, in: scope)
        running = [Task { try await box.run(stopOn: []) }, serving]
    }

    private static func configuration(_ home: String, model: String) throws -> CentralConfiguration {
        var configuration = CentralConfiguration(dataDirectory: home)
        configuration.webPort = try DemoProcess.freePort()
        configuration.appliancePort = try DemoProcess.freePort()
        // TLS goes by the machine's clock.
        configuration.clientCertificateLifetime = .seconds(90 * 86_400)
        configuration.serverCertificateLifetime = .seconds(90 * 86_400)
        guard let price = ProviderConfiguration.Price(input: 0, output: 0) else { throw DemoFailure("no price") }
        var limits = PlannerSettings()
        limits.deadline = .seconds(3_600)
        configuration.planner = ModelSettings.Model(
            provider: try ProviderConfiguration(kind: .llamaCpp, endpoint: model, model: "double", key: nil, price: price), limits: limits)
        return configuration
    }

    func end() async {
        running[0].cancel()
        _ = try? await running[0].value
        await central.triggerGracefulShutdown()
        _ = try? await running[1].value
    }

    // MARK: Time

    /// Waits for what takes real work, while little time goes by.
    private func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while try await !condition() {
            guard ContinuousClock.now < deadline else { throw DemoFailure("waited 90 s for \(what)") }
            clock.advance(by: .milliseconds(500))
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func pass(_ span: Duration) async throws {
        let end = clock.now + span
        while clock.now < end {
            clock.advance(by: .seconds(300))
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    // MARK: What happens

    /// The same thing breaks on each machine, the box looks, and each is repaired; then five hours go by, more than a repair must last.
    /// - Returns: the evidence of the repairs, one for each machine.
    @discardableResult
    func breakAndHeal(by tier: Tier) async throws -> [BundleRecord] {
        for member in practice.members { try await practice.run(member.id, DemoStory.unendingShells) }
        _ = try await services.orders.create(
            OrderDraft(
                appliance: identity, kind: .check, timeToLive: .seconds(3_600), requester: "alice@msp.example", reason: "look now"),
            in: scope)
        var healed: [HostID: BundleRecord] = [:]
        try await eventually("a repair on each machine by \(tier.rawValue)") {
            for record in try await evidence.all() {
                if tier == .l1, record.exchange != nil { throw DemoFailure("a model was asked although a rule answers") }
                guard record.kind == .healing else { continue }
                guard record.outcome.word == "success", record.tier == tier else {
                    throw DemoFailure("not healed by \(tier.rawValue): \(record.outcome), \(record.tier?.rawValue ?? "no tier")")
                }
                healed[record.host] = record
            }
            return healed.count == practice.members.count
        }
        try await pass(.seconds(5 * 3_600))
        return Array(healed.values)
    }

    /// The one remedy that there is; nil before anything was learned.
    private func remedy() async throws -> LearningDesk.Entry? { try await learning.list(of: partner, for: person).first }

    /// Waits until what was counted has brought it there.
    @discardableResult
    func remedy(_ what: String, _ isIt: (LearningDesk.Entry) -> Bool) async throws -> LearningDesk.Entry {
        var found: LearningDesk.Entry?
        try await eventually(what) {
            found = try await remedy()
            return found.map(isIt) ?? false
        }
        guard let found else { throw DemoFailure(what) }
        return found
    }

    func approve(_ name: RuleID) async throws {
        try await learning.act(
            .approve, name.description, of: partner, try .init(by: "alice@msp.example", reason: "seen it work"), for: person)
    }

    /// Waits until the box has fetched, linted and taken the rule at that stage.
    func delivered(at stage: SitePolicy.Learned.Stage) async throws {
        try await eventually("the rule to reach the box, \(stage.rawValue)") {
            try await appliance.context.catalog.current()?.policy?.policy.learned.map(\.stage) == [stage]
        }
    }

    /// Where Central says that the rule fired.
    func proof(_ name: RuleID) async throws -> LearningDesk.Firing? {
        try await learning.detail(name.description, of: partner, for: person).newest
    }

    func history() async throws -> [LearningDesk.Step] { try await learning.history(of: partner, for: person) }
}

extension CompiledCatalog {
    /// One check with its runbooks, and no rule.
    fileprivate func only(_ id: CheckID) -> CompiledCatalog {
        let books = runbooks.filter { $0.value.checks.contains(id) }
        let trimmed = baselines.mapValues {
            BaselineDefinition(id: $0.id, title: $0.title, parameters: $0.parameters.filter { $0.key == id }, documents: [:])
        }
        return CompiledCatalog(
            version: 1, digest: .genesis, checks: checks.filter { $0.key == id }, rules: [], runbooks: books,
            runbookDigests: runbookDigests.filter { books[$0.key] != nil }, baselines: trimmed)
    }
}
