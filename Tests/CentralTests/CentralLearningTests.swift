import Catalog
import Central
import Database
import Evidence
import Foundation
import Learning
import Model
import Seal
import TestSupport
import Testing
import Wire

/// From accepted bundles to rules at appliances, and back, on both databases.
@Suite(.serialized) struct CentralLearningTests {
    private static let person = CentralUnderTest.person

    private func run(
        _ engine: TestEngine = .sqlite, _ body: (inout LearningPractice) async throws -> Void
    ) async throws {
        // Weeks pass here.
        try await CentralUnderTest.run(
            engine, change: { $0.clientCertificateLifetime = .seconds(90 * 86_400) }, hasRecurringWork: false
        ) { central in
            var practice = try await LearningPractice(central)
            try await practice.set(
                "holdSeconds=3600", "shadowFirings=5", "canaryFirings=10", "canaryLimit=600", "canarySitesMax=1", "shadowApproval=person")
            try await body(&practice)
        }
    }

    /// Six repairs on as many hosts, all of which last.
    private func makeReady(_ practice: inout LearningPractice, _ course: LearningPractice.Course = .init()) async throws {
        for number in 0..<6 { try await practice.tell(host: HostID("host-\(number)")!, course) }
        try await practice.pass()
    }

    private func told(_ practice: LearningPractice) async throws -> [[SitePolicy.Learned]] {
        var told: [[SitePolicy.Learned]] = []
        let policies = practice.central.services.policies
        for site in practice.sites {
            told.append(try await practice.central.services.database.read { try policies.learned(of: site.site, in: site.scope, $0) })
        }
        return told
    }

    @Test(
        "What L2 repaired becomes a rule, stage by stage, each signed and in the log; it fires, fails and is taken back",
        arguments: TestEngine.allCases)
    func wholeLife(engine: TestEngine) async throws {
        try await run(engine) { practice in
            let desk = practice.desk
            try await makeReady(&practice)
            #expect(try await desk.ready(of: "msp-one", for: Self.person).map { $0.refusal == nil } == [true])
            #expect(try await practice.act(.admit).map(\.to) == [.shadow])
            let key = try await practice.entry().key
            #expect(try await told(practice).map { $0.map(\.stage) } == [[.shadow], [.shadow]])

            // What would have fired is compared with what people did.
            for number in 0..<5 {
                try await practice.tell(host: HostID("host-\(number)")!, .init(tier: .l3, shadow: (key, 1)))
                try await practice.pass()
            }
            #expect(try await practice.entry().pattern?.awaiting == .canary)
            #expect(try await practice.act(.approve).map(\.to) == [.canary])
            let canary = try #require(try await practice.entry().pattern?.sites.first)
            let box = try #require(practice.sites.firstIndex { $0.site == canary })
            #expect(try await told(practice)[box].map(\.stage) == [.canary])
            #expect(try await told(practice)[1 - box] == [])
            #expect(try await desk.detail(key.name.description, of: "msp-one", for: Self.person).first == nil)

            let first = try await practice.tell(box: box, .init(rule: (key, 1)))
            // One of another version, or where it is no canary, says nothing of it.
            try await practice.tell(box: box, host: "other", .init(rule: (key, 9)))
            try await practice.tell(box: 1 - box, .init(works: false, rule: (key, 1)))
            try await practice.pass()
            for _ in 0..<8 {
                try await practice.tell(box: box, .init(rule: (key, 1)))
                try await practice.pass()
            }
            #expect(try await practice.entry().pattern?.awaiting == nil)
            try await practice.tell(box: box, .init(rule: (key, 1)))
            try await practice.pass()
            #expect(try await practice.act(.approve).map(\.to) == [.active])
            #expect(try await told(practice).map { $0.map(\.stage) } == [[.active], [.active]])

            // The proof: by bundle and by place in the log.
            let detail = try await desk.detail(String(key.name.description.prefix(12)), of: "msp-one", for: Self.person)
            let proof = try #require(detail.first)
            let found = try await practice.central.services.evidence.find(.id(first), for: Self.person)
            #expect(proof.bundle == first && proof.logIndex == found?.logIndex && proof.ending == .held && detail.firings == 11)

            for number in 0..<3 {
                #expect(try await practice.stage() == .active)
                try await practice.tell(box: 1 - box, host: HostID("bad-\(number)")!, .init(works: false, rule: (key, 1)))
                try await desk.learn()
            }
            #expect(try await practice.stage() == .demoted)
            #expect(try await told(practice) == [[], []])
            #expect(try await practice.act(.revoke).map(\.by) == ["alice@msp.example"])
            // Whatever happens: what a person took only a person brings back.
            practice.central.clock.advance(by: .seconds(86_400 * 30))
            try await makeReady(&practice)
            #expect(try await practice.stage() == .revoked)
            #expect(try await desk.ready(of: "msp-one", for: Self.person).isEmpty)
            await #expect(throws: PromotionRefusal.self) { try await practice.act(.admit) }

            let steps = try await desk.history(of: "msp-one", for: Self.person)
            #expect(steps.map(\.change.to) == [.shadow, .canary, .active, .demoted, .revoked])
            #expect(steps.map(\.change.number) == [1, 2, 3, 4, 5] && steps[0].change.note == "seen it work" && steps[3].change.note == "")
            #expect(steps.map(\.logIndex) == steps.map(\.logIndex).sorted() && steps[1].change.bundles.count == 5)
            // A practice's kit does not speak of its partner's other practices.
            let site = practice.sites[0]
            let ofSite = try await practice.central.services.statements.list(of: site.site, in: site.scope)
            #expect(ofSite.allSatisfy { $0.kind != .patternStage })
            // Another process, with nothing in memory, has the same.
            let again = try await practice.central.again()
            #expect(try await again.services.learning.list(of: "msp-one", for: Self.person) == desk.list(of: "msp-one", for: Self.person))
            try await again.stop()
        }
    }

    @Test("A repair that does not last, one without a plan and one by a rule teach nothing; a person's order does")
    func countsWhatCounts() async throws {
        try await run { practice in
            func figures() async throws -> [Int] {
                let entry = try await practice.desk.list(of: "msp-one", for: Self.person).first
                return [entry?.figures?.occurrences ?? 0, entry?.figures?.successes ?? 0, entry?.figures?.attempts ?? 0]
            }
            try await practice.tell(.init(hasPlan: false))
            try await practice.tell(.init(catalogVersion: 99))
            try await practice.pass()
            #expect(try await figures() == [0, 0, 0])
            // Waits until its hold period is over by the box's own evidence.
            try await practice.tell()
            try await practice.desk.learn()
            #expect(try await figures() == [0, 0, 0])
            try await practice.pass(.seconds(3_000))
            #expect(try await figures() == [0, 0, 0])
            try await practice.pass(.seconds(600))
            #expect(try await figures() == [1, 1, 1])
            // Back within the hour: the repair before it was none.
            try await practice.tell()
            try await practice.tell()
            try await practice.pass()
            #expect(try await figures() == [3, 2, 3])
            try await practice.tell(.init(works: false))
            try await practice.tell(.init(tier: .l3, hasIncident: false))
            try await practice.pass()
            #expect(try await figures() == [5, 3, 5])
            try await practice.tell(host: "other", .init(works: nil))
            try await practice.tell(host: "another", .init(tier: .l1))
            try await practice.pass()
            #expect(try await figures() == [7, 3, 5])
        }
    }

    @Test("What an appliance makes up grows nothing: runbooks that its pack has not, one id for many bundles, rules without end")
    func takesNoAbsurdWord() async throws {
        try await run { practice in
            // A remedy that no pack has.
            let real = practice.catalog
            practice.catalog = try LearningPractice.catalog(version: 1, timeout: .seconds(61))
            try await practice.tell()
            practice.catalog = real
            try await practice.pass()
            #expect(try await practice.desk.list(of: "msp-one", for: Self.person).isEmpty)

            // Another practice's bundle id: its repair counts as before, and so does the stranger's own.
            let (said, id) = try practice.story(box: 0, host: "records")
            let (other, _) = try practice.story(box: 1, host: "other", bundle: id)
            try await practice.send(said, box: 0)
            try await practice.send(other, box: 1)
            try await practice.pass()
            let figures = try #require(try await practice.entry().figures)
            #expect(figures.successes == 2 && figures.hosts == 2)

            let incident = IncidentID(at: practice.now)
            for number in 0..<3 {
                let bundle = try practice.boxSays(box: 0) {
                    $0.kind = .decision
                    ($0.check, $0.incident, $0.outcome) = (LearningPractice.check, incident, .alert("rule.none"))
                    $0.shadow = (0..<ShadowFiring.countMax).map { index in
                        ShadowFiring(pattern: .genesis, version: 1, rule: RuleID("LRN-\(number)-\(10 + index)")!)
                    }
                }
                try await practice.send([bundle], box: 0)
            }
            try await practice.desk.learn()
            let kept = try await practice.central.services.database.read {
                try $0.query("SELECT shadow FROM learning_incident WHERE incident_id = \(incident.description)")[0].text(0)
            }
            #expect(kept.split(separator: " ").count == ShadowFiring.countMax && kept.contains("LRN-2-10@1"))
        }
    }

    @Test("Shadow: what goes away by itself and another remedy that held speak against the rule, and it is demoted")
    func shadowFails() async throws {
        try await run { practice in
            try await makeReady(&practice)
            try await practice.act(.admit)
            let key = try await practice.entry().key
            for (number, course) in [
                LearningPractice.Course(works: nil, shadow: (key, 1)), .init(runbook: LearningPractice.restart, shadow: (key, 1)),
                .init(unit: "other.service", shadow: (key, 1)), .init(shadow: (key, 1)), .init(shadow: (key, 1)),
            ].enumerated() {
                #expect(try await practice.stage() == .shadow)
                try await practice.tell(host: HostID("host-\(number)")!, course)
                try await practice.pass()
            }
            let change = try #require(try await practice.desk.history(of: "msp-one", for: Self.person).last?.change)
            #expect(change.to == .demoted && change.reason == "promotion.shadow_failed" && change.successes == 2 && change.failures == 3)
        }
    }

    @Test("A rule is lost when its runbook changes in a new catalog and when every box's lint refuses it; one box's refusal is of its site")
    func losesRules() async throws {
        try await run { practice in
            try await practice.set("shadowApproval=automatic")
            try await makeReady(&practice)
            #expect(try await practice.stage() == .shadow)
            let key = try await practice.entry().key
            func refuse(_ code: Code, version: Int64, box: Int = 0) async throws {
                let bundle = try practice.boxSays(box: box) {
                    $0.outcome = .rejected(code)
                    $0.preState = Facts([
                        "learned.pattern": .string(key.signature.description), "learned.rule": .string(key.name.description),
                        "learned.version": .integer(version),
                    ])
                }
                try await practice.send([bundle], box: box)
                try await practice.desk.learn()
            }
            try await refuse("policy.learned_off", version: 1)
            try await refuse("policy.learned_refused", version: 2)
            #expect(try await practice.stage() == .shadow)
            try await refuse("policy.learned_refused", version: 1)
            #expect(try await practice.stage() == .shadow)
            #expect(try await told(practice).map(\.count) == [0, 1])
            let said = try #require(try await practice.desk.history(of: "msp-one", for: Self.person).last?.change)
            #expect(said.site == practice.sites[0].site && said.from == .shadow && said.to == .shadow)
            let name = key.name.description
            let shown = try await MartletProgram(practice.central.configuration).run("central", "learning", "show", name)
            #expect(shown.output.contains("refusedAt       \(practice.sites[0].site)"))
            // Whatever it says under the same catalog and policy; and then under another one.
            try await practice.pass()
            #expect(try await told(practice).map(\.count) == [0, 1])
            try await practice.send([try practice.boxSays(box: 0) { $0.origin.catalogVersion = 7 }], box: 0)
            try await practice.desk.learn()
            #expect(try await told(practice).map(\.count) == [1, 1])
            try await refuse("policy.learned_refused", version: 1)
            try await refuse("policy.learned_refused", version: 1, box: 1)
            #expect(try await practice.stage() == .demoted)
            #expect(try await told(practice) == [[], []])

            practice.central.clock.advance(by: .seconds(86_400 * 8))
            try await practice.desk.learn()
            #expect(try await practice.stage() == .candidate)
            try await makeReady(&practice)
            #expect(try await practice.stage() == .shadow)
            #expect(try await practice.entry().pattern?.version == 2)
            try await practice.publish(try LearningPractice.catalog(version: 2, timeout: .seconds(61)))
            try await practice.desk.learn()
            let change = try #require(try await practice.desk.history(of: "msp-one", for: Self.person).last?.change)
            #expect(change.to == .demoted && change.reason == "learned.runbook_changed")
        }
    }

    @Test("Where the catalog's baselines make different patterns of the same facts, one is learned only where the box names the baseline")
    func baselinesMustAgree() async throws {
        try await run { practice in
            let strict = BaselineDefinition(
                id: "strict", title: "Strict", parameters: [LearningPractice.check: ["restartsMax": .integer(0)]], documents: [:])
            try await practice.publish(try LearningPractice.catalog(version: 2, baselines: [strict]))
            try await makeReady(&practice)
            #expect(try await practice.desk.list(of: "msp-one", for: Self.person).isEmpty)
            try await makeReady(&practice, .init(facts: Facts(["svc.active": .boolean(false), "svc.restarts": .integer(9)])))
            #expect(try await practice.desk.list(of: "msp-one", for: Self.person).count == 1)
            try await makeReady(&practice, .init(baseline: "strict"))
            try await makeReady(&practice, .init(baseline: "default"))
            let named = try await practice.desk.list(of: "msp-one", for: Self.person)
            // Under the strict one a restart is one too many, as nine are under both.
            #expect(named.map { $0.figures?.successes } == [12, 6] || named.map { $0.figures?.successes } == [6, 12])
        }
    }

    @Test("Figures out of their range are refused with the policy in use unchanged; each change has who and why")
    func keepsRanges() async throws {
        try await run { practice in
            await #expect(throws: LearningPolicyError.range("occurrencesMin", value: 4, 5...1_000)) {
                try await practice.set("occurrencesMin=4")
            }
            await #expect(throws: LearningPolicyError.figure("courage", "9")) { try await practice.set("courage=9") }
            await #expect(throws: LearningPolicyError.figure("canaryApproval", "nobody")) {
                try await practice.set("canaryApproval=nobody")
            }
            let policy = try await practice.desk.policy(of: "msp-one", for: Self.person)
            #expect(policy.figures.shadowFirings == 5)
            #expect(throws: CentralError.self) { try LearningDesk.Decision(by: "alice", reason: "") }
            #expect(throws: CentralError.self) { try LearningDesk.Decision(by: "alice\n", reason: "x") }
        }
    }

    @Test("Nothing of one partner is seen or used by another before it says so, and nothing after it takes that back")
    func keepsPartnersApart() async throws {
        try await run { practice in
            var other = try await LearningPractice(practice.central, partner: "msp-two", sites: 1)
            try await other.set("holdSeconds=3600")
            try await practice.set("shadowApproval=automatic", "canaryApproval=automatic", "activeApproval=automatic")
            try await makeReady(&practice)
            let key = try await practice.entry().key
            for _ in 0..<5 {
                try await practice.tell(.init(tier: .l3, shadow: (key, 1)))
                try await practice.pass()
            }
            let canary = try #require(try await practice.entry().pattern?.sites.first)
            let box = try #require(practice.sites.firstIndex { $0.site == canary })
            for _ in 0..<10 {
                try await practice.tell(box: box, .init(rule: (key, 1)))
                try await practice.pass()
            }
            #expect(try await practice.stage() == .active)
            #expect(try await told(other) == [[]])
            // The same drift, seen once at the other partner.
            try await other.tell()
            try await other.pass()
            let theirs = try await other.entry()
            #expect(theirs.key == key && theirs.stage == .candidate && theirs.figures?.occurrences == 1)
            func shared() async throws -> [RuleID] { try await other.desk.shared(with: "msp-two", for: Self.person).map(\.rule.id) }
            func consent(_ isGiven: Bool) async throws {
                try await practice.desk.consent(
                    isGiven, to: key.name.description, of: "msp-one", LearningPractice.decision, for: Self.person)
            }
            #expect(try await shared() == [])
            await #expect(throws: CentralError.learningConsent(isGiven: false)) { try await consent(false) }
            try await consent(true)
            await #expect(throws: CentralError.learningConsent(isGiven: true)) { try await consent(true) }
            #expect(try await shared() == [key.name])
            #expect(try await practice.desk.shared(with: "msp-one", for: Self.person).isEmpty)
            // A hint, and no more.
            #expect(try await told(other) == [[]])
            #expect(try await other.stage() == .candidate)
            practice.central.clock.advance(by: .seconds(1))
            try await consent(false)
            #expect(try await shared() == [])
        }
    }

    @Test("Killed before or after any commit, it counts nothing twice and loses nothing", arguments: TestEngine.allCases)
    func survivesASuddenEnd(engine: TestEngine) async throws {
        try await run(engine) { practice in
            try await practice.set("shadowApproval=automatic")
            let program = MartletProgram(practice.central.configuration)
            // Three pages of them.
            for number in 0..<300 {
                try await practice.tell(box: number % 2, host: HostID("host-\(number % 20)")!, .init(works: number % 50 != 0))
                practice.skip(.seconds(7_200))
            }
            for end in ["learningBeforeCommit", "learningAfterCommit", "learningBeforeCommit:2", "learningAfterCommit:2"] {
                #expect(try await program.run("central", "learning", "learn", "--crash-at", end).wasKilled, "\(end)")
            }
            try await practice.pass()
            let answer = try await program.run("central", "learning", "learn")
            #expect(answer.status == 0, "\(answer.errors)")
            let figures = try #require(try await practice.entry().figures)
            #expect(figures.occurrences == 300 && figures.attempts == 300 && figures.successes == 294)
            // Taken into shadow once, whoever was killed when.
            #expect(try await practice.desk.history(of: "msp-one", for: Self.person).map(\.change.to) == [.shadow])
            let list = try await program.run("central", "learning", "--partner", "msp-one", "--json")
            let rows = try #require(try JSONValue(parsing: Array(list.output.utf8), limits: JSONLimits(bytesMax: 65_536)).array)
            #expect(rows.count == 1 && rows[0]["stage"]?.string == "shadow", "\(list.output) \(list.errors)")
        }
    }
}
