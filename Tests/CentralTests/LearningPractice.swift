import Catalog
import Central
import Conditions
import Evidence
import Foundation
import Learning
import Model
import Seal
import TestSupport
import Testing
import Wire

/// A partner's sites whose boxes tell of one service that stops again and again, and of what was done about it.
struct LearningPractice {
    static let check: CheckID = "lab.service.up"
    static let (start, restart): (RunbookID, RunbookID) = ("svc.start", "svc.restart")

    /// - Parameter timeout: of a runbook: another makes it another remedy.
    static func catalog(version: Int64, timeout: Duration = .seconds(60), baselines: [BaselineDefinition] = []) throws -> CompiledCatalog {
        let tooOften = Condition.compare(Comparison(fact: "svc.restarts", operator: .greater, operand: .parameter("restartsMax")))
        let definition = CheckDefinition(
            id: check, title: "The service runs", probe: "svc", platforms: ["linux"], severity: .high, interval: .seconds(3_600),
            staleAfter: .seconds(7_200), phiRisk: "none",
            parameters: ["restartsMax": ParameterDefinition(type: .integer, summary: "Restarts.", default: .integer(5))],
            notApplicable: [],
            drift: [
                Clause(
                    code: "svc.inactive",
                    condition: .all([
                        .compare(Comparison(fact: "svc.active", operator: .equals, operand: .literal(.boolean(false)))),
                        .any([tooOften, .not(tooOften)]),
                    ]))
            ], requires: [], controls: [])
        let books = [start, restart].map { id in
            RunbookDefinition(
                id: id, title: "Does it", checks: [check], platforms: ["linux"],
                parameters: ["unit": ParameterDefinition(type: .string, summary: "The unit.", pattern: "[a-z.]{1,40}")],
                steps: [StepDefinition(verb: "svc.do", arguments: ["unit": .parameter("unit")])], isDisruptive: false, needsReboot: false,
                needsApproval: false, needsWindow: false, timeout: timeout, retries: 0)
        }
        let made = CompiledCatalog(
            version: version, digest: .genesis, checks: [check: definition], rules: [],
            runbooks: Dictionary(uniqueKeysWithValues: books.map { ($0.id, $0) }), runbookDigests: [:],
            baselines: Dictionary(uniqueKeysWithValues: baselines.map { ($0.id, $0) }))
        return try CatalogPack.decode(try encode(made), schema: nil)
    }

    private static func encode(_ catalog: CompiledCatalog) throws -> [UInt8] {
        let schema = CatalogSchema(
            probes: ["svc": ["svc.active": .boolean, "svc.restarts": .integer]],
            verbs: ["svc.do": VerbSignature(required: ["unit": .string])])
        return try CatalogPack.encode(catalog, schema: schema)
    }

    let central: CentralUnderTest
    let partner: PartnerID
    var catalog: CompiledCatalog
    private(set) var boxes: [Box] = []
    private(set) var sites: [CentralUnderTest.Tenant] = []
    private(set) var now: Timestamp

    init(_ central: CentralUnderTest, partner: PartnerID = "msp-one", sites count: Int = 2) async throws {
        self.central = central
        self.partner = partner
        catalog = try Self.catalog(version: 1)
        now = central.clock.now
        let person = CentralUnderTest.person
        if try await central.services.catalogs.newestVersion() == 0 { try await publish(catalog) }
        let organization = try await central.services.tenants.createOrganization("Practice of \(partner)", partner: partner, by: person)
        let scope = TenantScope(person, organization: organization.id)
        for number in 0..<count {
            let site = try await central.services.tenants.createSite("Site \(number)", in: scope).id
            sites.append(CentralUnderTest.Tenant(scope: scope, site: site))
            boxes.append(try await enrolledBox(at: central, sites[number]))
        }
    }

    mutating func publish(_ catalog: CompiledCatalog) async throws {
        self.catalog = catalog
        let signer = try #require(central.services.keys.catalogSigner)
        _ = try await central.services.catalogs.publish(
            CatalogPack.sign(try Self.encode(catalog), with: signer), by: CentralUnderTest.person)
    }

    var desk: LearningDesk { central.services.learning }
    static let decision = try! LearningDesk.Decision(by: "alice@msp.example", reason: "seen it work")

    func set(_ figures: String...) async throws {
        let pairs = figures.map { $0.split(separator: "=").map(String.init) }.map { (name: $0[0], value: $0[1]) }
        _ = try await desk.set(pairs, of: partner, Self.decision, for: CentralUnderTest.person)
    }

    /// How one incident went.
    struct Course {
        var tier = Tier.l2
        var runbook = LearningPractice.start
        var unit = "rsyslog.service"
        /// nil: nobody did anything, and it passed by itself.
        var works: Bool? = true
        var facts = Facts(["svc.active": .boolean(false), "svc.restarts": .integer(1)])
        /// A learned rule that looks on, or acts.
        var shadow: (key: PatternKey, version: Int)?
        var rule: (key: PatternKey, version: Int)?
        /// Without, as boxes from before wrote them.
        var hasPlan = true
        /// Of an order for a host where nothing is open.
        var hasIncident = true
        var catalogVersion: Int64?
        /// That the box names.
        var baseline: String?
    }

    /// Everything that a box says of one incident.
    /// - Returns: the id of the bundle that tells what was done, or that it passed.
    @discardableResult
    mutating func tell(box index: Int = 0, host: HostID = "records", _ course: Course = Course()) async throws -> BundleID {
        let (bundles, last) = try story(box: index, host: host, course)
        try await send(bundles, box: index)
        return last
    }

    /// - Parameter bundle: the id of the one that tells what was done; nil: its own.
    mutating func story(
        box index: Int = 0, host: HostID = "records", _ course: Course = Course(), bundle id: BundleID? = nil
    ) throws -> ([SignedBundle], BundleID) {
        let incident = IncidentID(at: now)
        let shadow = course.shadow.map { [ShadowFiring(pattern: $0.key.signature.digest, version: $0.version, rule: $0.key.name)] } ?? []
        let digest = try #require(catalog.runbookDigests[course.runbook])
        let version = course.catalogVersion ?? catalog.version
        var bundles: [SignedBundle] = []
        var last: BundleID?
        func say(_ kind: Evidence.Bundle.Kind, _ change: (inout Evidence.Bundle) -> Void) throws {
            bundles.append(
                try boxes[index].makeBundle(at: now) {
                    $0.kind = kind
                    $0.origin.catalogVersion = version
                    $0.host = host
                    $0.check = Self.check
                    $0.incident = course.hasIncident ? incident : nil
                    change(&$0)
                    last = $0.id
                })
            now = now + .seconds(1)
        }
        if course.hasIncident {
            try say(.verdict) {
                $0.verdict = .drift("svc.inactive")
                $0.preState = course.facts
            }
        }
        if course.rule == nil, course.hasIncident {
            try say(.decision) {
                $0.outcome = .alert("rule.none")
                $0.preState = course.facts
                $0.shadow = shadow
                $0.plan =
                    course.hasPlan
                    ? PlanRecord(
                        baseline: course.baseline, parameters: [:], platforms: ["linux", "debian"], rule: nil, ruleVersion: nil,
                        runbookDigest: nil) : nil
            }
        }
        if let works = course.works {
            let ended = now
            try say(.healing) {
                $0.tier = course.rule == nil ? course.tier : .l1
                $0.runbook = course.runbook
                $0.preState = course.facts
                $0.started = ended - .seconds(4)
                $0.shadow = shadow
                $0.plan =
                    course.hasPlan
                    ? PlanRecord(
                        baseline: course.baseline, parameters: ["unit": .string(course.unit)], platforms: ["linux", "debian"],
                        rule: course.rule?.key.name,
                        ruleVersion: course.rule?.version, runbookDigest: digest) : nil
                $0.id = id ?? $0.id
                $0.outcome = .failed("check.still_drift")
                let look = Observation(
                    host: host, check: Self.check, verdict: .compliant, facts: Facts(), started: ended, ended: ended)
                if works, let passing = PassingRecheck(look, after: ended) {
                    $0.outcome = .success(passing)
                    $0.verdict = .compliant
                }
            }
        }
        let told = last
        if course.works != false, course.hasIncident { try say(.verdict) { $0.verdict = .compliant } }
        return (bundles, try #require(course.works == nil ? last : told))
    }

    func send(_ bundles: [SignedBundle], box index: Int) async throws {
        let reply = try await central.process.take(bundles, from: try #require(boxes[index].grant?.appliance))
        try #require(reply.refusal == nil, "\(String(describing: reply.refusal))")
    }

    mutating func skip(_ span: Duration) { now = now + span }

    mutating func boxSays(box index: Int, _ say: (inout Evidence.Bundle) -> Void) throws -> SignedBundle {
        try boxes[index].makeBundle(at: now, say)
    }

    /// Each box says something later, and Central learns.
    mutating func pass(_ span: Duration = .seconds(7_200)) async throws {
        now = now + span
        for index in boxes.indices {
            try await send([try boxes[index].makeBundle(at: now) { $0.kind = .attestation }], box: index)
        }
        try await desk.learn()
    }

    func entry() async throws -> LearningDesk.Entry {
        let entries = try await desk.list(of: partner, for: CentralUnderTest.person)
        return try #require(entries.first { $0.runbook == Self.start })
    }

    func stage() async throws -> Stage { try await entry().stage }

    @discardableResult
    func act(_ act: LearningDesk.Act) async throws -> [StageChange] {
        try await desk.act(act, try await entry().key.name.description, of: partner, Self.decision, for: CentralUnderTest.person)
    }
}
