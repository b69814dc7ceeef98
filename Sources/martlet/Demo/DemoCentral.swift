import Central
import Compliance
import Database
import Evidence
import Foundation
import Healing
import Model
import Seal
import TransparencyLog
import Wire

/// The demo's Central: the real server process, and beside it the operator's view of the same database.
final class DemoCentral {
    let services: CentralServices
    let directory: String
    let operatorCredential = OperatorCredential(localUser: "demo")
    private let process: DemoProcess
    private let webPort: Int
    private let site: Site
    private let configuration: CentralConfiguration
    /// Runs since this was made; somebody else's.
    let witness: DemoWitness
    private static let logOrigin = "central.example/log"
    private(set) var appliance: ApplianceID?
    private var received: ReceivedEvidence?

    /// Makes keys, database and configuration, and starts the witness of the log only.
    /// - Parameter model: where Central asks what no rule answers; nil: nowhere.
    init(directory: String, databaseURL: String?, binaries: String, model: String? = nil) async throws {
        self.directory = directory
        let keys = try CentralKeys.create(in: directory, at: WallClock.system.now())
        witness = try DemoWitness(
            directory: directory + "/../witness", log: NoteVerifier(name: Self.logOrigin, key: keys.log.verifyingKey), binaries: binaries)
        let witnessKey = try await witness.start()
        webPort = try DemoProcess.freePort()
        var configuration = """
            dataDirectory: "\(directory)"
            web: {port: \(webPort)}
            appliances: {port: \(try DemoProcess.freePort())}
            log: {origin: \(Self.logOrigin), witnesses: ["\(witness.url) \(witnessKey.text)"], quorum: 1}

            """
        if let model {
            configuration += "planner: {provider: llama.cpp, address: \"\(model)\", model: double, price: {input: \"0\", output: \"0\"}}\n"
        }
        if let databaseURL { configuration += "database: {url: \"\(databaseURL)\"}\n" }
        let file = directory + "/central.yaml"
        guard FileManager.default.createFile(atPath: file, contents: Data(configuration.utf8), attributes: [.posixPermissions: 0o600])
        else {
            throw DemoFailure("cannot write \(file)")
        }
        self.configuration = try CentralConfiguration(file: file, environment: [:])
        services = try await CentralServices.open(self.configuration, clock: .system)
        let organization = try await services.tenants.createOrganization("Riverside Family Practice", by: operatorCredential)
        site = try await services.tenants.createSite(
            "Main Street", in: TenantScope(operatorCredential, organization: organization.id))
        process = DemoProcess(
            binaries + "/martlet-central", [], environment: ["MARTLET_CONFIG": file], log: directory + "/central.log")
    }

    var enrollmentURL: String { "https://localhost:\(webPort)" }
    var log: String { process.log }
    var identifier: Int32? { process.identifier }

    func start() async throws {
        let ready = "central.ready"
        let before = process.occurrences(of: ready)
        try process.start()
        try await eventually("Central to listen", within: .seconds(20)) {
            guard self.process.isRunning else { throw DemoFailure("martlet-central ended; see \(self.log)") }
            return self.process.occurrences(of: ready) > before
        }
    }

    func listeningSockets() throws -> Int { try process.listeningSockets() }
    func stop() { process.stop() }
    func kill() { process.kill() }

    // MARK: What an operator does

    var scope: TenantScope { TenantScope(operatorCredential, organization: site.organization) }

    func makeClaimCode() async throws -> ClaimCode {
        let code = ClaimCode(authority: Digest(of: services.keys.authority.der))
        try await services.claims.create(
            secret: code.secret, site: site.id, scope: scope, lifetime: .seconds(600), by: operatorCredential)
        return code
    }

    func publish(_ signedPack: [UInt8]) async throws -> Int64 { try await services.catalogs.publish(signedPack, by: operatorCredential) }

    /// The appliance that has enrolled.
    func findAppliance() async throws {
        guard let found = try await services.evidence.keys(of: site.id, in: scope).first else {
            throw DemoFailure("no appliance is enrolled")
        }
        appliance = found.appliance
        received = ReceivedEvidence(services, of: found.appliance, site: site.id, in: scope)
    }

    func order(_ kind: Order.Kind, _ reason: String) async throws -> Order {
        guard let appliance else { throw DemoFailure("no appliance is enrolled") }
        return try await services.orders.create(
            OrderDraft(appliance: appliance, kind: kind, timeToLive: .seconds(900), requester: "alice@msp.example", reason: reason),
            in: scope)
    }

    /// - Returns: the version of the site's policy that says so.
    func switchOff(_ rule: RuleID, because reason: String) async throws -> Int64 {
        let draft = EnablementRegister.Draft(
            appliance: nil, kind: .rule, id: rule.description, isEnabled: false, by: "alice@msp.example", reason: reason)
        _ = try await services.enablement.change(draft, site: site.id, in: scope)
        return try await services.policies.delivery(of: site.id, in: scope).map(\.newest).max() ?? 0
    }

    func story(of incident: IncidentID) async throws -> TicketStore.Story {
        try await services.tickets.story(incident.description, for: operatorCredential)
    }

    /// A person's answer to a ticket: a runbook on its host.
    func decide(_ ticket: Ticket, runbook: RunbookID, parameters: [String: TypedValue], _ reason: String) async throws -> Order {
        let draft = OrderDraft(
            appliance: ticket.appliance, host: ticket.host, kind: .runbook, runbook: runbook, check: ticket.check, parameters: parameters,
            requester: "alice@msp.example", reason: reason)
        let order = try await services.orders.create(draft, in: scope)
        try await services.tickets.act(.order(order.id), on: ticket.incident.description, by: operatorCredential)
        return order
    }

    /// Signs the plan that waits for this order, as somebody else would with `martlet approve`.
    /// - Returns: the plan's digest.
    func approve(_ order: Order, as name: String, with key: SigningKey) async throws -> Digest {
        guard let approver = Approver(name: name, key: key.verifyingKey) else { throw DemoFailure("\(name) cannot be an approver") }
        try await services.approvals.register(approver, in: scope, by: operatorCredential)
        var waiting: ApprovalStore.Waiting?
        try await eventually("the plan to be listed at Central", within: .seconds(60)) {
            waiting = try await services.approvals.waiting(for: operatorCredential).first { $0.statement.order == order.id }
            return waiting != nil
        }
        guard let waiting else { throw DemoFailure("no plan waits") }
        var random = SystemRandomNumberGenerator()
        let now = WallClock.system.now()
        let approval = Approval(of: waiting.statement, approver: name, issued: now, expires: now + .seconds(900), random: &random)
        _ = try await services.approvals.deliver(approval.signed(with: key), of: waiting, by: operatorCredential)
        return waiting.statement.digest
    }

    /// Puts another envelope in the place of an order's: what a Central that somebody has broken into, or whose clock is
    /// wrong, would hand out.
    func replaceEnvelope(of order: Order, with envelope: String) async throws {
        try await services.database.write { transaction in
            try transaction.execute("UPDATE issued_order SET envelope = \(envelope) WHERE id = \(order.id.description)")
        }
    }

    func packet(to path: String) async throws -> PacketService.Summary {
        try await PacketService(services, configuration).write(site.id, to: path, for: operatorCredential)
    }

    // MARK: The log

    var logKey: NoteVerifier {
        get throws { try NoteVerifier(name: Self.logOrigin, key: services.keys.log.verifyingKey) }
    }

    /// The newest checkpoint that the witness has cosigned; nil while there is none that covers so many entries.
    func witnessed(from size: Int64) async throws -> SignedNote? {
        guard let key = witness.key else { return nil }
        return try await services.log(configuration).newest(cosignedBy: [key], from: size)
    }

    /// What somebody with Central's log key would sign in its place, with one entry exchanged.
    func rewritten(_ note: SignedNote) async throws -> RewrittenLog {
        try await RewrittenLog(
            note, directory: directory + "/objects/central/objects/log",
            signer: NoteSigner(name: Self.logOrigin, key: services.keys.log))
    }

    // MARK: What an operator sees

    /// The oldest bundle after those that were seen that is so; nil: none has come yet.
    func nextEvidence(_ isIt: (BundleRecord) -> Bool) async throws -> BundleRecord? { try await received?.first(isIt) }

    /// Evidence that has arrived since the last call.
    func newEvidence() async throws -> [BundleRecord] { try await received?.all() ?? [] }
}

/// Polls until it is so.
func eventually(_ what: String, within limit: Duration, _ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw DemoFailure("waited \(limit.wholeSeconds) s for \(what)") }
        try await Task.sleep(for: .milliseconds(100))
    }
}
