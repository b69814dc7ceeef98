import Catalog
import Healing
import Model
import Seal
import Testing

@Suite struct GateTests {
    static let noon = Timestamp("2026-01-15T12:00:00.000Z")!
    static let digest = Digest(bytes: [UInt8](repeating: 7, count: 32))!
    static let host: HostID = "front-desk"

    /// One plan with everything in order; each test changes one thing.
    struct Case {
        var plan: Plan
        var runbook: RunbookDefinition
        var authority: AuthenticatedOrder?
        var policy: HealingPolicy
        var circumstances: Circumstances

        init(
            tier: Tier = .l1, order: OrderID? = nil, isDisruptive: Bool = false, needsWindow: Bool = false, needsApproval: Bool = false,
            parameters: [String: TypedValue] = ["unit": .string("cron.service")], window: String? = nil
        ) throws {
            plan = Plan(
                id: PlanID(at: noon), host: host, check: "host.services.critical", incident: nil, order: order, tier: tier,
                proposer: "rule:X", runbook: "linux.service.start", runbookDigest: digest, parameters: parameters,
                isDisruptive: isDisruptive,
                made: noon)
            runbook = RunbookDefinition(
                id: "linux.service.start", title: "", checks: ["host.services.critical"], platforms: ["linux"],
                parameters: ["unit": ParameterDefinition(type: .string, summary: "", allowed: ["cron.service", "ssh.service"])],
                steps: [], isDisruptive: false, needsReboot: false, needsApproval: needsApproval, needsWindow: needsWindow,
                timeout: .seconds(60), retries: 0)
            policy = HealingPolicy(window: try window.map { text throws(WindowError) in try MaintenanceWindow(text, zone: .utc) })
            circumstances = Circumstances(
                runbookDigest: digest, platforms: ["linux", "debian"], clock: ClockReading(offsetMilliseconds: 0, source: "ntp"),
                keysAreSafe: true, evidenceIsDurable: true, history: Circumstances.History(hostCount: 20))
        }

        func judge(at now: Timestamp = noon) -> Admission {
            Gate.judge(plan, runbook: runbook, authority: authority, policy: policy, circumstances: circumstances, now: now)
        }
    }

    @Test func whatIsInOrderIsAdmitted() throws {
        #expect(try Case().judge() == .admitted)
    }

    // MARK: 1 order authentication

    @Test("A person's plan, or one that names an order, needs the verified order")
    func unauthenticated() throws {
        #expect(try Case(tier: .l3, order: OrderID(at: Self.noon)).judge() == .refused("gate.order_unauthenticated"))
        #expect(try Case(tier: .l3).judge() == .refused("gate.order_unauthenticated"))
        #expect(try Case(tier: .l1, order: OrderID(at: Self.noon)).judge() == .refused("gate.order_unauthenticated"))
    }

    @Test("A plan that differs from its order in anything is refused; one host of an order for all is admitted")
    func mismatch() throws {
        func judged(order host: HostID?, parameters: [String: TypedValue] = ["unit": .string("cron.service")]) throws -> Admission {
            let order = try Orders.authenticated(host: host, at: Self.noon)
            var one = try Case(tier: .l3, order: order.order.id, parameters: parameters)
            one.authority = order
            return one.judge()
        }
        #expect(try judged(order: Self.host) == .admitted)
        #expect(try judged(order: nil) == .admitted)
        #expect(try judged(order: "server") == .refused("gate.order_mismatch"))
        #expect(try judged(order: Self.host, parameters: ["unit": .string("ssh.service")]) == .refused("gate.order_mismatch"))
        var other = try Case(tier: .l3, order: OrderID(at: Self.noon))
        other.authority = try Orders.authenticated(host: Self.host, at: Self.noon)
        #expect(other.judge() == .refused("gate.order_mismatch"))
    }

    // MARK: 2 maintenance window, 8 logging

    @Test(
        "Disruptive work waits for the window",
        arguments: [
            ("2026-01-15T21:59:59.999Z", false), ("2026-01-15T22:00:00.000Z", true), ("2026-01-16T03:59:59.999Z", true),
            ("2026-01-16T04:00:00.000Z", false),
        ])
    func window(instant: String, isAdmitted: Bool) throws {
        let now = Timestamp(instant)!
        let one = try Case(isDisruptive: true, window: "22:00-04:00")
        let next = try MaintenanceWindow("22:00-04:00", zone: .utc).nextStart(after: now)
        #expect(one.judge(at: now) == (isAdmitted ? .admitted : .deferred(until: next, "gate.outside_window")))
    }

    @Test("Disruptive work that a model chose needs an approval in every mode; a rule's does not, nor a model's quiet work")
    func modelsAskFirst() throws {
        for mode in [DeploymentMode.reseller, .direct] {
            var chosen = try Case(tier: .l2, isDisruptive: true, window: "00:00-23:59")
            chosen.policy.needsApprovalForDisruptive = mode == .direct
            #expect(chosen.judge() == .needsApproval("gate.approval"))
        }
        #expect(try Case(tier: .l1, isDisruptive: true, window: "00:00-23:59").judge() == .admitted)
        #expect(try Case(tier: .l2).judge() == .admitted)
        #expect(try Case(tier: .l2, needsApproval: true).judge() == .needsApproval("gate.approval"))
    }

    @Test("Outside the window disruptive work runs where the policy allows it; what needs the window never does")
    func outside() throws {
        var disruptive = try Case(isDisruptive: true, window: "22:00-04:00")
        disruptive.policy.allowsDisruptiveOutsideWindow = true
        #expect(disruptive.judge() == .admitted)
        var logging = try Case(needsWindow: true, window: "22:00-04:00")
        logging.policy.allowsDisruptiveOutsideWindow = true
        #expect(logging.judge() == .deferred(until: Timestamp("2026-01-15T22:00:00.000Z")!, "gate.outside_window"))
    }

    @Test func withoutAWindowDisruptiveWorkNeedsAPerson() throws {
        #expect(try Case(isDisruptive: true).judge() == .refused("gate.window_missing"))
        #expect(GateCode.windowMissing.isForPerson)
    }

    // MARK: 3 key files, 9 durability

    @Test func exposedKeysStopEverything() throws {
        var one = try Case()
        one.circumstances.keysAreSafe = false
        #expect(one.judge() == .refused("gate.keys_exposed"))
    }

    @Test func noEvidenceNoAction() throws {
        var one = try Case()
        one.circumstances.evidenceIsDurable = false
        #expect(one.judge() == .refused("gate.evidence_unavailable"))
    }

    // MARK: 6 clock

    @Test(
        "Exactly the limit is accepted, one millisecond more is not, on both sides",
        arguments: [
            (0, true), (4_999, true), (5_000, true), (5_001, false), (-5_000, true), (-5_001, false), (Int64.min, false),
            (Int64.max, false),
        ] as [(Int64, Bool)])
    func clock(offset: Int64, isAdmitted: Bool) throws {
        var one = try Case(isDisruptive: true, window: "00:00-24:00")
        one.circumstances.clock = ClockReading(offsetMilliseconds: offset, source: "ntp")
        #expect(one.judge() == (isAdmitted ? .admitted : .deferred(until: Self.noon + .seconds(300), "gate.clock_offset")))
        var gentle = try Case()
        gentle.circumstances.clock = one.circumstances.clock
        #expect(gentle.judge() == .admitted)
    }

    @Test func anUnknownClockDefersDisruptiveWorkUnlessThePolicyAllows() throws {
        var one = try Case(isDisruptive: true, window: "00:00-24:00")
        one.circumstances.clock = .unknown
        #expect(one.judge() == .deferred(until: Self.noon + .seconds(300), "gate.clock_unknown"))
        one.policy.unknownClock = .allow
        #expect(one.judge() == .admitted)
    }

    // MARK: 10 deployment mode, approvals

    @Test func directModeAsksAPersonBeforeDisruptiveWork() throws {
        var one = try Case(isDisruptive: true, window: "00:00-24:00")
        #expect(one.judge() == .admitted)
        one.policy = HealingPolicy(deploymentMode: .direct, window: one.policy.window)
        #expect(one.judge() == .needsApproval("gate.approval"))
    }

    @Test(
        "An approval counts from somebody else than the one who asked; what an order says of an approver does not",
        arguments: [
            ("alice", false), ("Alice ", false), ("alice@central", false), ("bob", true), ("bob@central", true),
        ])
    func approval(approver: String, isAdmitted: Bool) throws {
        let order = try Orders.authenticated(host: Self.host, requester: "alice", approver: "bob", at: Self.noon)
        var one = try Case(tier: .l3, order: order.order.id, needsApproval: true)
        one.authority = order
        #expect(one.judge() == .needsApproval("gate.approval"))
        one.circumstances.planDigest = Self.digest
        guard let given = try Orders.approval(of: Self.digest, by: approver, at: Self.noon) else {
            #expect(approver.hasSuffix(" "), "no name of an approver")
            return
        }
        one.circumstances.approval = given
        #expect(one.judge() == (isAdmitted ? .admitted : .needsApproval("gate.approval")))
    }

    @Test("An approval counts for its plan alone, and until the millisecond before it expires")
    func approvalOfThisPlan() throws {
        var one = try Case(needsApproval: true)
        #expect(one.judge() == .needsApproval("gate.approval"))
        let given = try #require(try Orders.approval(of: Self.digest, by: "bob", at: Self.noon))
        one.circumstances.approval = given
        #expect(one.judge() == .needsApproval("gate.approval"), "a plan without a digest")
        one.circumstances.planDigest = .genesis
        #expect(one.judge() == .needsApproval("gate.approval"), "another plan")
        one.circumstances.planDigest = Self.digest
        #expect(one.judge() == .admitted)
        #expect(one.judge(at: Self.noon + .milliseconds(899_999)) == .admitted)
        #expect(one.judge(at: Self.noon + .seconds(900)) == .needsApproval("gate.approval"))
    }

    // MARK: cooldown, attempts, flapping, budget, blast radius, one at a time

    @Test(
        "The cooldown ends exactly after its length; the longer of policy and rule counts",
        arguments: [
            (599_999, nil, false), (600_000, nil, true), (600_001, nil, true), (600_000, 900, false), (900_000, 900, true),
            (600_000, 60, true),
        ] as [(Int64, Int64?, Bool)])
    func cooldown(elapsed: Int64, rule: Int64?, isAdmitted: Bool) throws {
        var one = try Case()
        let last = Self.noon - .milliseconds(elapsed)
        one.circumstances.history.lastAttempt = last
        one.circumstances.ruleCooldown = rule.map { .seconds($0) }
        let end = last + .seconds(max(600, rule ?? 0))
        #expect(one.judge() == (isAdmitted ? .admitted : .deferred(until: end, "gate.cooldown")))
    }

    @Test func anAttemptInTheFutureWaitsNoLongerThanTheCooldown() throws {
        var one = try Case()
        one.circumstances.history.lastAttempt = Self.noon + .seconds(1_000_000)
        #expect(one.judge() == .deferred(until: Self.noon + .seconds(600), "gate.cooldown"))
    }

    @Test(
        "The last allowed attempt runs, the next goes to a person; a rule may ask for fewer",
        arguments: [
            (2, nil, true), (3, nil, false), (4, nil, false), (1, 2, true), (2, 2, false), (3, 9, false),
        ] as [(Int, Int?, Bool)])
    func attempts(done: Int, rule: Int?, isAdmitted: Bool) throws {
        var one = try Case()
        one.circumstances.history.attempts = done
        one.circumstances.ruleAttemptsMax = rule
        #expect(one.judge() == (isAdmitted ? .admitted : .refused("gate.attempts")))
    }

    @Test(
        "Three openings in half an hour are healed, four are flapping; the fourth counts until it is 30 minutes old",
        arguments: [
            (2, 0, true), (3, 0, true), (4, 0, false), (4, 1_799_999, false), (4, 1_800_000, true),
        ] as [(Int, Int64, Bool)])
    func flapping(openings: Int, oldest: Int64, isAdmitted: Bool) throws {
        var one = try Case()
        one.circumstances.history.openings =
            [Self.noon - .milliseconds(oldest)] + [Timestamp](repeating: Self.noon, count: openings - 1)
        #expect(one.judge() == (isAdmitted ? .admitted : .refused("gate.flapping")))
    }

    @Test(
        "Six repairs of one host and check in a day are enough; the oldest counts until it is 24 hours old, and one of the future counts",
        arguments: [
            (5, 1, true), (6, 1, false), (7, 1, false), (6, 86_399_999, false), (6, 86_400_000, true), (7, 86_400_000, false),
            (6, -3_600_000, false),
        ] as [(Int, Int64, Bool)])
    func daily(repairs: Int, oldest: Int64, isAdmitted: Bool) throws {
        var one = try Case()
        one.circumstances.history.repairs =
            [Self.noon - .milliseconds(oldest)] + [Timestamp](repeating: Self.noon - .seconds(3_600), count: repairs - 1)
        #expect(one.judge() == (isAdmitted ? .admitted : .refused("gate.daily")))
        one.policy.repairsPerDayMax = 7
        #expect(one.judge() == (repairs < 7 || oldest == 86_400_000 ? .admitted : .refused("gate.daily")))
    }

    @Test(
        "The budget counts the plans of one hour, and says when there is room again",
        arguments: [
            (29, 1, true), (30, 1, false), (31, 1, false), (30, 3_599_999, false), (30, 3_600_000, true),
        ] as [(Int, Int64, Bool)])
    func budget(count: Int, oldest: Int64, isAdmitted: Bool) throws {
        var one = try Case()
        let first = Self.noon - .milliseconds(oldest)
        one.circumstances.history.actions = [first] + [Timestamp](repeating: Self.noon, count: count - 1)
        let until = count == 30 ? first + .seconds(3_600) : Self.noon + .seconds(3_600)
        #expect(one.judge() == (isAdmitted ? .admitted : .deferred(until: until, "gate.budget")))
    }

    @Test(
        "A tenth of the hosts at once, and always one",
        arguments: [
            (1, 0, true), (9, 1, false), (19, 1, false), (20, 1, true), (20, 2, false), (29, 2, false), (30, 2, true), (30, 3, false),
        ])
    func blastRadius(hosts: Int, running: Int, isAdmitted: Bool) throws {
        var one = try Case()
        one.circumstances.history.hostCount = hosts
        one.circumstances.history.running = Set((0..<running).map { HostID("other-\($0)")! })
        #expect(one.judge() == (isAdmitted ? .admitted : .deferred(until: Self.noon + .seconds(30), "gate.blast_radius")))
    }

    @Test func oneRunbookAtATimePerHost() throws {
        var one = try Case()
        one.circumstances.history.running = [Self.host]
        #expect(one.judge() == .deferred(until: Self.noon + .seconds(30), "gate.host_busy"))
    }

    // MARK: exclusions and switches

    @Test func clinicalDevicesAreNeverTouchedNotEvenByOrder() throws {
        let order = try Orders.authenticated(host: Self.host, approver: "bob", at: Self.noon)
        var one = try Case(tier: .l3, order: order.order.id)
        one.authority = order
        one.policy.clinicalHosts = [Self.host]
        #expect(one.judge() == .refused("gate.clinical_device"))
    }

    @Test("What is switched off is refused to everybody: a rule, a model and a person's order", arguments: [Tier.l1, .l2, .l3])
    func refusesWhatIsSwitchedOff(tier: Tier) throws {
        let order = try Orders.authenticated(host: Self.host, approver: nil, at: Self.noon)
        var one = try Case(tier: tier, order: tier == .l3 ? order.order.id : nil)
        one.authority = tier == .l3 ? order : nil
        #expect(one.judge() == .admitted)
        one.circumstances.isRunbookDisabled = true
        #expect(one.judge() == .refused("gate.runbook_disabled"))
        one.circumstances.isCheckDisabled = true
        #expect(one.judge() == .refused("gate.check_disabled"))
        #expect(GateCode.runbookDisabled.isForPerson && !GateCode.checkDisabled.isForPerson)
    }

    @Test func dryRunAndOffAndPauseChangeNothing() throws {
        var one = try Case()
        one.policy.mode = .dryRun
        #expect(one.judge() == .refused("gate.dry_run"))
        one.circumstances.history.running = [Self.host]
        #expect(one.judge() == .deferred(until: Self.noon + .seconds(30), "gate.host_busy"))
        one.policy.mode = .off
        #expect(one.judge() == .refused("gate.healing_off"))
        one.policy.mode = .on
        one.circumstances.isPaused = true
        #expect(one.judge() == .refused("gate.paused"))
        one.circumstances.isPausedLocally = true
        #expect(one.judge() == .refused("gate.paused_locally"))
    }

    @Test("A person's order passes Central's pause and automation's limits, not the local pause")
    func ordersAndPause() throws {
        let order = try Orders.authenticated(host: Self.host, at: Self.noon)
        var one = try Case(tier: .l3, order: order.order.id)
        one.authority = order
        one.circumstances.isPaused = true
        one.circumstances.history.attempts = 9
        one.circumstances.history.lastAttempt = Self.noon
        one.circumstances.history.openings = [Timestamp](repeating: Self.noon, count: 9)
        one.circumstances.history.repairs = [Timestamp](repeating: Self.noon, count: 9)
        #expect(one.judge() == .admitted)
        one.circumstances.isPausedLocally = true
        #expect(one.judge() == .refused("gate.paused_locally"))
    }

    @Test func aChangedRunbookIsNotRun() throws {
        var one = try Case()
        one.circumstances.runbookDigest = .genesis
        #expect(one.judge() == .refused("gate.runbook_changed"))
    }

    @Test(
        "Arguments that the runbook does not take, a check it does not repair and a foreign platform are refused",
        arguments: [
            [:], ["unit": .string("nginx.service")], ["unit": .integer(1)], ["unit": .string("cron.service"), "x": .boolean(true)],
        ] as [[String: TypedValue]])
    func unfit(parameters: [String: TypedValue]) throws {
        #expect(try Case(parameters: parameters).judge() == .refused("gate.runbook_unfit"))
        var foreign = try Case()
        foreign.circumstances.platforms = ["windows"]
        #expect(foreign.judge() == .refused("gate.runbook_unfit"))
    }

    @Test func everyCodeHasItsSentence() {
        for code in GateCode.allCases {
            #expect(code.code.description == code.rawValue)
            #expect(code == .dryRun || code.sentence.contains("nothing"))
        }
    }
}
