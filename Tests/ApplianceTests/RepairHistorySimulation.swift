import Catalog
import Database
import Detection
import Healing
import Model
import Seal
import TestSupport

@testable import Appliance

/// One random life of an appliance's repair: events move it, the real gate decides over the real tables, and `Books`, which the test
/// keeps by itself, say whether what was admitted may have been.
struct RepairHistorySimulation {
    struct Tally {
        var admitted = 0, approved = 0, ordered = 0, crashes = 0, recovered = 0
        var codes: [String: Int] = [:]

        mutating func add(_ other: Tally) {
            admitted += other.admitted
            approved += other.approved
            ordered += other.ordered
            crashes += other.crashes
            recovered += other.recovered
            codes.merge(other.codes, uniquingKeysWith: +)
        }
    }

    /// A plan that was admitted. Its intent may not be on disk yet.
    private struct Running {
        let plan: Plan
        let started: Timestamp
        let approval: VerifiedApproval?
        var isSaved = false
    }

    /// What the test itself knows, from nothing but the events.
    private struct Books {
        struct Start { let host: HostID; let check: CheckID; let at: Timestamp }
        var starts: [PlanID: Start] = [:]
        var ends: [(host: HostID, check: CheckID, at: Timestamp)] = []
        var openings: [(host: HostID, check: CheckID, at: Timestamp)] = []
        var attempts: [IncidentID: Int] = [:]
        var inFlight: [HostID: PlanID] = [:]
        var spent: Set<String> = []
        var isPaused = false
        var isPausedLocally = false
    }

    private static let site = SiteID(at: Timestamp(milliseconds: 0))
    private static let appliance = ApplianceID(at: Timestamp(milliseconds: 0))
    private static let orderKey = SigningKey()
    private static let people = ["alice@msp.example", "bob@msp.example", "carol@msp.example"].map { ($0, SigningKey()) }
    private static let approvers = people.compactMap { Approver(name: $0.0, key: $0.1.verifyingKey) }
    private static let checks: [CheckID] = ["host.services.critical", "linux.files.permissions"]

    private(set) var tally = Tally()
    /// Sentences about limits that did not hold; empty as it should be.
    private(set) var broken: [String] = []
    private(set) var trace: [String] = []

    private var random: SeededGenerator
    private var now = Timestamp("2026-03-02T20:00:00.000Z")!
    private let path: String
    /// Another one after a crash.
    private(set) var database: SQLiteDatabase
    private let policy: HealingPolicy
    private let hosts: [HostID]
    private let runbooks: [CheckID: RunbookDefinition]
    private let ruleAttemptsMax: Int?
    private let ruleCooldown: Duration?
    private var clock = ClockReading(offsetMilliseconds: 0, source: "ntp")
    private var running: [HostID: Running] = [:]
    private var admitted: [PlanID: Timestamp] = [:]
    private var tracker = IncidentTracker(open: [])
    private var books = Books()
    private var orders: [AuthenticatedOrder] = []
    private var sequence: Int64 = 0
    private var envelopes: [String] = []
    private var asked: [PlanStatement] = []

    static func open(_ path: String) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path, readers: 0)
        try await ApplianceSchema.migrator.migrate(database, now: { Timestamp(milliseconds: 0) })
        return database
    }

    /// - Parameter database: open at `path`; what an earlier history left in it is removed.
    init(seed: UInt64, _ database: SQLiteDatabase, at path: String) throws {
        var random = SeededGenerator(seed: seed)
        self.path = path
        self.database = database
        try database.writeBlocking { transaction in
            try transaction.execute("DELETE FROM incident")
            try transaction.execute("DELETE FROM intent")
            try transaction.execute("DELETE FROM order_inbox")
            try transaction.execute("DELETE FROM approval")
            try transaction.execute("DELETE FROM approval_request")
            try transaction.execute("DELETE FROM setting")
        }
        hosts = (0..<Int.random(in: 1...12, using: &random)).map { HostID("host-\($0)")! }
        var policy = HealingPolicy(
            deploymentMode: random.chance(50) ? .direct : .reseller, window: try MaintenanceWindow("22:00-04:00", zone: .utc))
        policy.cooldown = .seconds([1, 60, 600].randomElement(using: &random)!)
        policy.attemptsMax = Int.random(in: 1...3, using: &random)
        policy.flapOpeningsMax = Int.random(in: 1...3, using: &random)
        policy.actionsPerHourMax = Int.random(in: 1...6, using: &random)
        policy.hostsAtOncePercentMax = [10, 25, 60, 100].randomElement(using: &random)!
        policy.allowsDisruptiveOutsideWindow = random.chance(20)
        policy.clinicalHosts = Set(hosts.filter { _ in random.chance(15) })
        self.policy = policy
        var runbooks: [CheckID: RunbookDefinition] = [:]
        for check in Self.checks {
            runbooks[check] = RunbookDefinition(
                id: RunbookID("repair.\(check)")!, title: "", checks: [check], platforms: ["linux"],
                parameters: ["unit": ParameterDefinition(type: .string, summary: "")], steps: [], isDisruptive: random.chance(30),
                needsReboot: false, needsApproval: random.chance(35), needsWindow: random.chance(10), timeout: .seconds(60), retries: 0)
        }
        self.runbooks = runbooks
        ruleAttemptsMax = random.chance(50) ? Int.random(in: 1...4, using: &random) : nil
        ruleCooldown = random.chance(50) ? .seconds(Int64.random(in: 1...1_200, using: &random)) : nil
        self.random = random
    }

    mutating func run() async throws {
        for _ in 0..<Int.random(in: 15...35, using: &random) where broken.isEmpty { try await event() }
    }

    private mutating func event() async throws {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<26: try look()
        case ..<56: try turn()
        case ..<70: try progress()
        case ..<76: moveClock()
        case ..<80: try await crash()
        case ..<84: try pause()
        case ..<90: try order()
        case ..<98: try approve()
        default:
            clock =
                [
                    ClockReading(offsetMilliseconds: 0, source: "ntp"), ClockReading(offsetMilliseconds: 5_001, source: "ntp"), .unknown,
                ].randomElement(using: &random)!
        }
        now = now + .milliseconds(Int64.random(in: 0...20_000, using: &random))
    }

    // MARK: Events

    private mutating func look() throws {
        guard let host = hosts.randomElement(using: &random), let check = Self.checks.randomElement(using: &random) else { return }
        let unit = ["cron", "ssh"].randomElement(using: &random)!
        let verdict: Verdict = random.chance(70) ? .drift("services.stopped") : random.chance(80) ? .compliant : .unknown("host.silent")
        try observe(host, check, verdict, unit)
    }

    private mutating func observe(_ host: HostID, _ check: CheckID, _ verdict: Verdict, _ unit: String) throws {
        let observation = Observation(
            host: host, check: check, verdict: verdict, facts: Facts(["services.first": .string(unit)]), started: now, ended: now)
        guard let transition = tracker.apply(observation, severity: .high, random: &random) else { return }
        switch transition {
        case .opened(let incident):
            books.openings.append((host, check, incident.opened))
            try database.writeBlocking { try IncidentTable.put(incident, in: $0) }
        case .updated(let incident, _), .resolved(let incident):
            try database.writeBlocking { transaction in
                // The tracker knows nothing of attempts and of who was asked: those are the store's.
                guard var stored = try IncidentTable.find(incident.id, in: transaction) else { return }
                stored.lastSeen = incident.lastSeen
                stored.facts = incident.facts
                if incident.state == .resolved { (stored.state, stored.resolved) = (.resolved, incident.resolved) }
                try IncidentTable.put(stored, in: transaction)
            }
        case .unseen: break
        }
    }

    /// Orders first, then incidents, as the service does.
    private mutating func turn() throws {
        for order in orders where now < order.order.expires {
            guard let host = order.order.host, running[host] == nil else { continue }
            let incident = try database.writeBlocking { try IncidentTable.open(host: host, check: order.order.check!, in: $0) }
            try judge(plan(host, order.order.check!, incident, order), incident, order)
        }
        for incident in try database.writeBlocking({ try IncidentTable.all(openOnly: true, in: $0) }) where incident.state != .escalated {
            // The service leaves a busy host alone; the gate must do so too.
            if running[incident.host] != nil, random.chance(70) { continue }
            try judge(plan(incident.host, incident.check, incident, nil), incident, nil)
        }
    }

    private func plan(_ host: HostID, _ check: CheckID, _ incident: Incident?, _ order: AuthenticatedOrder?) -> Plan {
        let runbook = runbooks[check]!
        let unit: TypedValue = order?.order.parameters["unit"] ?? incident?.facts["services.first"] ?? .string("cron")
        return Plan(
            id: PlanID(at: now), host: host, check: check, incident: incident?.id, order: order?.order.id, tier: order == nil ? .l1 : .l3,
            proposer: order.map { "order:\($0.order.requester)" } ?? "rule:R", runbook: runbook.id, runbookDigest: .genesis,
            parameters: ["unit": unit], isDisruptive: runbook.isDisruptive, made: now)
    }

    private mutating func judge(_ plan: Plan, _ incident: Incident?, _ order: AuthenticatedOrder?) throws {
        let runbook = runbooks[plan.check]!
        let statement = try PlanStatement(
            plan, parameters: plan.parameters, isDisruptive: plan.isDisruptive, documents: [:], site: Self.site, appliance: Self.appliance)
        let (policy, now) = (policy, now)
        let past = try database.writeBlocking { transaction in
            try RepairHistory(
                of: plan, digest: statement.digest, policy: policy,
                verifier: { approver throws(ApprovalRejection) in
                    try ApprovalVerifier(site: Self.site, appliance: Self.appliance, approvers: [approver])
                }, at: now, in: transaction)
        }
        var circumstances = Circumstances(
            runbookDigest: .genesis, platforms: ["linux"], clock: clock, keysAreSafe: true, evidenceIsDurable: true,
            history: past.history(
                hostCount: hosts.count, running: Set(running.keys), admitted: admitted, attempts: incident?.attempts ?? 0))
        circumstances.isPaused = past.isPaused
        circumstances.isPausedLocally = books.isPausedLocally
        circumstances.planDigest = statement.digest
        circumstances.approval = past.approval
        if order == nil { (circumstances.ruleCooldown, circumstances.ruleAttemptsMax) = (ruleCooldown, ruleAttemptsMax) }
        let admission = Gate.judge(plan, runbook: runbook, authority: order, policy: policy, circumstances: circumstances, now: now)
        trace.append("\(now) \(plan.host) \(plan.check) \(plan.tier): \(admission)")
        switch admission {
        case .admitted:
            audit(plan, statement, runbook, order, past.approval)
            tally.admitted += 1
            if order != nil { tally.ordered += 1 }
            running[plan.host] = Running(plan: plan, started: now, approval: past.approval)
            admitted[plan.id] = now
            books.starts[plan.id] = Books.Start(host: plan.host, check: plan.check, at: now)
            books.inFlight[plan.host] = plan.id
            orders.removeAll { $0.order.id == plan.order }
        case .needsApproval(let code):
            tally.codes[code.description, default: 0] += 1
            asked.append(statement)
            try database.writeBlocking { transaction in
                try ApprovalTable.ask(statement, at: now, in: transaction)
                if order == nil, var incident { incident.state = .escalated; try IncidentTable.put(incident, in: transaction) }
            }
        case .refused(let code):
            tally.codes[code.description, default: 0] += 1
            if GateCode(rawValue: code.description)?.isForPerson == true, order == nil, var incident {
                incident.state = .escalated
                try database.writeBlocking { try IncidentTable.put(incident, in: $0) }
            }
        case .deferred(_, let code): tally.codes[code.description, default: 0] += 1
        }
    }

    /// A running plan saves its intent, or ends.
    private mutating func progress() throws {
        guard let host = running.keys.sorted().randomElement(using: &random), var one = running[host] else { return }
        if !one.isSaved {
            let intent = Intent(plan: one.plan, started: one.started, timeout: .seconds(60), preState: Facts(), steps: [])
            try database.writeBlocking { transaction in
                if let approval = one.approval { try ApprovalTable.use(approval.approval.nonce, by: one.plan.id, in: transaction) }
                try IntentTable.put(intent, in: transaction)
            }
            if let nonce = one.approval?.approval.nonce, !books.spent.insert(nonce).inserted {
                broken.append("an approval was spent twice")
            }
            if one.approval != nil { tally.approved += 1 }
            one.isSaved = true
            running[host] = one
            return
        }
        let outcome: Outcome = [.failed("step.failed"), .reverted("services.stopped"), .observed].randomElement(using: &random)!
        let (plan, now) = (one.plan, now)
        try database.writeBlocking { transaction in
            try IntentTable.finish(plan.id, outcome, at: now, in: transaction)
            if let id = plan.incident, var incident = try IncidentTable.find(id, in: transaction) {
                incident.attempts += 1
                try IncidentTable.put(incident, in: transaction)
            }
        }
        if let incident = plan.incident { books.attempts[incident, default: 0] += 1 }
        books.ends.append((plan.host, plan.check, now))
        books.inFlight[host] = nil
        running[host] = nil
        admitted[plan.id] = nil
        if case .observed = outcome { try observe(plan.host, plan.check, .compliant, "cron") }
    }

    private mutating func moveClock() {
        let hour: Int64 = 3_600_000
        let span: Int64 =
            switch Int.random(in: 0..<10, using: &random) {
            case ..<5: Int64.random(in: 0...hour, using: &random)
            case ..<7: Int64.random(in: hour...(30 * hour), using: &random)
            default: -Int64.random(in: 0...(2 * hour), using: &random)
            }
        now = now + .milliseconds(span)
        trace.append("clock to \(now)")
    }

    /// What was only in memory is gone; what is on disk is taken up again, before anything else.
    private mutating func crash() async throws {
        tally.crashes += 1
        trace.append("\(now) crash")
        await database.close()
        database = try SQLiteDatabase(path: path, readers: 0)
        for one in running.values where !one.isSaved {
            books.starts[one.plan.id] = nil
            books.inFlight[one.plan.host] = nil
        }
        running = [:]
        admitted = [:]
        let (incidents, unfinished) = try database.writeBlocking {
            (try IncidentTable.all(openOnly: true, in: $0), try IntentTable.unfinished(in: $0))
        }
        tracker = IncidentTracker(open: incidents)
        for intent in unfinished {
            tally.recovered += 1
            running[intent.plan.host] = Running(plan: intent.plan, started: intent.started, approval: nil, isSaved: true)
            let used = try database.writeBlocking { try ApprovalTable.used(by: intent.plan.id, in: $0) }
            if runbooks[intent.plan.check]!.needsApproval, used == nil { broken.append("after a crash nobody knows who approved") }
        }
    }

    private mutating func pause() throws {
        if random.chance(50) {
            books.isPausedLocally = random.chance(40)
        } else {
            let isPaused = random.chance(40)
            books.isPaused = isPaused
            try database.writeBlocking { transaction in
                if isPaused {
                    try SettingTable.write(.isPaused, "1", in: transaction)
                } else {
                    try SettingTable.remove(.isPaused, in: transaction)
                }
            }
        }
    }

    private mutating func order() throws {
        guard let host = hosts.randomElement(using: &random), let check = Self.checks.randomElement(using: &random) else { return }
        sequence += 1
        let order = Order(
            id: OrderID(at: now, random: &random), site: Self.site, appliance: Self.appliance, host: host, kind: .runbook,
            runbook: runbooks[check]!.id, check: check, parameters: ["unit": .string("cron")], issued: now, expires: now + .seconds(7_200),
            nonce: (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }.hexadecimal, sequence: sequence,
            requester: Self.people.randomElement(using: &random)!.0, reason: "it is down", approver: "bob@msp.example")
        let envelope = try SignedOrder(signing: order, with: Self.orderKey).text
        let verified = try OrderAuthenticator(site: Self.site, appliance: Self.appliance, keys: [Self.orderKey.verifyingKey])
            .authenticate(envelope, lastSequence: sequence - 1, isNonceSeen: { _ in false }, at: now)
        orders.append(verified)
        let now = now
        try database.writeBlocking {
            try OrderTable.accept(order, envelope: envelope, digest: Digest(of: Array(envelope.utf8)), at: now, in: $0)
        }
    }

    /// Somebody approves something: mostly what waits, sometimes what was asked long ago, an old approval again, or with a strange key.
    private mutating func approve() throws {
        let envelope: String
        if random.chance(15), let old = envelopes.randomElement(using: &random) {
            envelope = old
        } else {
            guard let statement = random.chance(80) ? asked.last : asked.randomElement(using: &random) else { return }
            let (name, key) = Self.people.randomElement(using: &random)!
            let issued = now - .seconds(random.chance(15) ? 7_200 : 0)
            envelope = Approval(
                of: statement, approver: name, issued: issued, expires: issued + .seconds(Int64.random(in: 60...7_000, using: &random)),
                random: &random
            ).signed(with: random.chance(10) ? SigningKey() : key)
            envelopes.append(envelope)
        }
        let now = now
        do {
            let given = try ApprovalVerifier(site: Self.site, appliance: Self.appliance, approvers: Self.approvers)
                .verify(envelope, at: now)
            try database.writeBlocking { transaction in
                try ApprovalTable.judge(given, in: transaction)
                try ApprovalTable.accept(given, envelope: envelope, at: now, in: transaction)
            }
            trace.append("\(now) approved by \(given.approver.name)")
        } catch let rejection as ApprovalRejection {
            tally.codes[rejection.code.description, default: 0] += 1
        }
    }

    // MARK: The oracle

    /// Called at each admission, before the books know of it.
    private mutating func audit(
        _ plan: Plan, _ statement: PlanStatement, _ runbook: RunbookDefinition, _ order: AuthenticatedOrder?, _ approval: VerifiedApproval?
    ) {
        func demand(_ holds: Bool, _ limit: String) { if !holds { broken.append("\(now) \(plan.host): \(limit)") } }
        let isAutomatic = order == nil
        demand(!policy.clinicalHosts.contains(plan.host), "a clinical device")
        demand(!books.isPausedLocally, "paused here")
        demand(!isAutomatic || !books.isPaused, "paused by Central")
        demand(books.inFlight[plan.host] == nil, "two plans on one host")
        demand(books.inFlight.count < max(1, hosts.count * policy.hostsAtOncePercentMax / 100), "too many hosts at once")
        let hourAgo = now - .seconds(3_600)
        demand(books.starts.values.count { min($0.at, now) > hourAgo } < policy.actionsPerHourMax, "over the hour's budget")
        if isAutomatic {
            let here = books.ends.filter { $0.host == plan.host && $0.check == plan.check }.map { min($0.at, now) }
            let pause = max(policy.cooldown, ruleCooldown ?? .zero)
            if let last = here.max() { demand(now - last >= pause, "inside the cooldown") }
            let attempts = plan.incident.map { books.attempts[$0, default: 0] } ?? 0
            demand(attempts < min(policy.attemptsMax, ruleAttemptsMax ?? .max), "one attempt too many")
            let openings = books.openings.count { $0.host == plan.host && $0.check == plan.check && $0.at > now - policy.flapSpan }
            demand(openings <= policy.flapOpeningsMax, "a flapping drift")
        }
        if runbook.isDisruptive || runbook.needsWindow {
            demand(clock.offsetMilliseconds.map { $0.magnitude <= 5_000 } ?? false, "disruptive by a wrong clock")
            let hour = now.milliseconds / 3_600_000 % 24
            let isOpen = hour >= 22 || hour < 4
            demand(isOpen || (policy.allowsDisruptiveOutsideWindow && !runbook.needsWindow), "outside the window")
        }
        if runbook.needsApproval || (runbook.isDisruptive && policy.deploymentMode == .direct) {
            guard let approval else { return demand(false, "without an approval") }
            demand(Self.people.contains { $0.0 == approval.approver.name && $0.1.verifyingKey == approval.approver.key }, "a strange key")
            demand(approval.approval.plan == statement.digest, "an approval of another plan")
            demand(now < approval.approval.expires, "an approval past its time")
            demand(order?.order.requester != approval.approver.name, "approved by who asked")
            demand(!books.spent.contains(approval.approval.nonce), "an approval that was used before")
        }
    }
}
