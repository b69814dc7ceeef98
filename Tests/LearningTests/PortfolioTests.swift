import Catalog
import Learning
import Model
import Seal
import Testing

@Suite struct PortfolioTests {
    /// Whatever happens in whatever order: the stages follow one another, the limits hold, and only a person brings back what a person took.
    @Test(arguments: 0..<40)
    func randomHistoriesKeepEveryRule(seed: Int) throws {
        var random = SplitMix(state: UInt64(seed))
        let small = try Self.small.get()
        var figures = LearningPolicy.Figures()
        (figures.canariesMax, figures.activeMax) = (Int.random(in: 1...3, using: &random), Int.random(in: 1...3, using: &random))
        figures.canaryFailuresMax = Int.random(in: 0...1, using: &random)
        figures.canaryFirings = figures.canaryFailuresMax == 0 ? 20 : 30
        figures.canaryApproval = Bool.random(using: &random) ? .automatic : .person
        figures.activeApproval = Bool.random(using: &random) ? .automatic : .person
        let policy = try LearningPolicy(figures)
        var portfolio = PartnerPortfolio("msp-one", policy: policy, sites: SmallCatalog.sites)
        let rules = try Self.rules.get()
        var position: Int64 = 0
        var now = SmallCatalog.now
        var histories: [PatternKey: [StageChange]] = [:]
        var added: [(position: Int64, occurrence: Occurrence)] = []

        for step in 0..<3_000 {
            // Ended and started again: nothing of it is another.
            if step % 500 == 499 {
                let patterns = try portfolio.patterns.values.map { try LearnedPattern(stored: $0.stored) }
                let again = PartnerPortfolio("msp-one", policy: policy, sites: SmallCatalog.sites, patterns: patterns, occurrences: added)
                #expect(again.patterns == portfolio.patterns && again.statistics.position == portfolio.statistics.position)
                let judged = (again.statistics.judge(policy), portfolio.statistics.judge(policy))
                #expect(Set(judged.0) == Set(judged.1) && judged.0.count == judged.1.count)
                portfolio = again
            }
            now = now + .seconds(Int.random(in: 60...40_000, using: &random))
            let rule = rules.randomElement(using: &random)!
            let bundle = BundleID(at: now, random: &random)
            let before = portfolio.patterns[rule.key]
            let isGood = Int.random(in: 0..<40, using: &random) != 0
            var event: PatternEvent?
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<15:
                position += 1
                let occurrence = Occurrence(
                    pattern: rule.key.signature, host: SmallCatalog.hosts.randomElement(using: &random)!.key, attempt: 1,
                    treatment: small.treatment(rule.runbook), ending: isGood ? .held : .failed, ended: now, evidence: bundle)!
                portfolio.add(occurrence, at: position)
                added.append((position, occurrence))
                if portfolio.ready.contains(rule.key) {
                    let change = try portfolio.admit(rule, at: now)
                    histories[rule.key, default: []].append(change)
                } else {
                    #expect(throws: PromotionRefusal.self) { try portfolio.admit(rule, at: now) }
                }
            case 15..<40:
                let comparison = isGood ? ShadowComparison.sameHeld : ShadowComparison.allCases.randomElement(using: &random)!
                event = .compared(comparison, bundle)
            case 40..<42:
                let site = Int.random(in: 0..<SmallCatalog.sites.count, using: &random)
                event = .refused(
                    version: before?.version ?? 1, by: Self.appliances[site], at: SmallCatalog.sites[site], under: Self.basis(step),
                    "policy.learned_refused", bundle)
            case 42..<45: event = .heard(from: Self.appliances.randomElement(using: &random)!, under: Self.basis(step), bundle)
            case 45: event = .gone(Self.appliances.randomElement(using: &random)!)
            case 46..<90:
                let site = before?.sites.randomElement(using: &random) ?? SmallCatalog.sites.randomElement(using: &random)!
                event = .fired(version: before?.version ?? 1, site: site, held: isGood, bundle)
            case 90..<96: event = .approved(by: "alice@msp.example")
            case 96: event = .revoked(by: "alice@msp.example")
            case 97: event = .reinstated(by: "alice@msp.example")
            case 98: event = .lost("learned.runbook_changed")
            default: event = .tick
            }
            if let event {
                let changes = (try? portfolio.take(event, of: rule.key, at: now)) ?? []
                histories[rule.key, default: []] += changes
                if case .fired(_, let site, false, _) = event, let before, before.stage == .canary, before.sites.contains(site),
                    before.failures >= figures.canaryFailuresMax
                {
                    #expect(portfolio.patterns[rule.key]?.stage == .demoted)
                }
            }
            let stages = portfolio.patterns.values
            #expect(stages.count { $0.stage == .canary } <= figures.canariesMax)
            #expect(stages.count { $0.stage == .active } <= figures.activeMax)
            #expect(stages.allSatisfy { $0.sites.isEmpty || ($0.stage == .canary && $0.sites.count <= figures.canarySitesMax) })
            let running = stages.filter(\.stage.runs).map(\.key.signature)
            #expect(Set(running).count == running.count)
            for pattern in stages where pattern.stage == .shadow || pattern.stage.runs {
                #expect(pattern.refusedSites.allSatisfy { site in !portfolio.told(to: site).contains { $0.key == pattern.key } })
                #expect(pattern.refusedSites.count < SmallCatalog.sites.count && pattern.sites.allSatisfy { !pattern.isRefused(at: $0) })
            }
        }
        try Self.verify(histories, portfolio)
    }

    /// - What a stage may follow, with whom it needs.
    private static func verify(_ histories: [PatternKey: [StageChange]], _ portfolio: PartnerPortfolio) throws {
        let legal: Set<[Stage]> = [
            [.candidate, .shadow], [.shadow, .canary], [.canary, .active], [.shadow, .demoted], [.canary, .demoted], [.active, .demoted],
            [.candidate, .revoked], [.shadow, .revoked], [.canary, .revoked], [.active, .revoked], [.demoted, .revoked],
            [.demoted, .candidate], [.revoked, .candidate],
        ]
        let ofOneSite: Set<[Stage]> = [[.shadow, .shadow], [.canary, .canary], [.active, .active]]
        for (key, changes) in histories where !changes.isEmpty {
            #expect(changes.map(\.number) == Array(1...changes.count))
            #expect(changes[0].from == .candidate && changes.last?.to == portfolio.patterns[key]?.stage)
            for (change, next) in zip(changes, changes.dropFirst()) {
                #expect(change.to == next.from && change.at <= next.at)
            }
            for change in changes {
                #expect((change.site == nil ? legal : ofOneSite).contains([change.from, change.to]))
                #expect(change.bundles.count <= StageChange.bundlesMax)
                if change.from == .revoked || change.to == .revoked { #expect(change.by == "alice@msp.example") }
                if change.from == .demoted && change.to == .candidate { #expect(change.version > 1) }
                if change.site == nil, change.to == .canary || change.to == .active {
                    #expect(change.successes + change.failures == change.bundles.count)
                    #expect(change.successes > change.failures)
                }
                let document = try JSONValue(parsing: try change.json.canonicalBytes(), limits: .signed(bytesMax: 65_536, depthMax: 8))
                #expect(try StageChange(json: document) == change)
            }
        }
    }

    private static let appliances = SmallCatalog.sites.map { _ in ApplianceID(at: SmallCatalog.now) }

    private static func basis(_ catalog: Int, software: String = "1.0", policy: String = "1+7") -> LintBasis {
        LintBasis(catalog: Int64(catalog), software: software, policyVersion: policy)
    }

    @Test("A site that refuses a rule is not told it until it may answer otherwise; lost is what nobody takes, or a canary refuses")
    func refusalsAreOfTheirSite() throws {
        let small = try Self.small.get()
        let (now, sites, boxes) = (SmallCatalog.now, Array(SmallCatalog.sites.prefix(2)), Self.appliances)
        let bundle = BundleID(at: now)
        func begin() throws -> Walk {
            var walk = Walk(portfolio: PartnerPortfolio("msp-one", policy: LearningPolicy(), sites: sites), rule: try small.rule())
            try walk.toShadow(small)
            return walk
        }
        var walk = try begin()
        let key = walk.rule.key
        func take(_ event: PatternEvent) throws -> [StageChange] { try walk.portfolio.take(event, of: key, at: now) }
        func refuse(_ site: Int, _ basis: LintBasis, version: Int = 1) throws -> [StageChange] {
            try take(.refused(version: version, by: boxes[site], at: sites[site], under: basis, "policy.learned_refused", bundle))
        }
        func told() -> [Bool] { sites.map { !walk.portfolio.told(to: $0).isEmpty } }

        #expect(try refuse(0, Self.basis(3), version: 2) == [])
        let out = try #require(try refuse(0, Self.basis(3)).first)
        #expect(out.site == sites[0] && out.from == .shadow && out.to == .shadow && out.bundles == [bundle])
        #expect(out.reason == "policy.learned_refused" && told() == [false, true])
        #expect(try refuse(0, Self.basis(3)) == [])
        // Another document, or a bundle from before, is no reason to ask again; nor is another appliance's.
        #expect(try take(.heard(from: boxes[0], under: Self.basis(3, policy: "1+8"), bundle)) == [])
        #expect(try take(.heard(from: boxes[0], under: Self.basis(2), bundle)) == [])
        #expect(try take(.heard(from: boxes[1], under: Self.basis(4), bundle)) == [])
        for basis in [Self.basis(4), Self.basis(4, software: "1.1"), Self.basis(4, software: "1.1", policy: "2+9")] {
            #expect(try take(.heard(from: boxes[0], under: basis, bundle)).map(\.reason) == ["promotion.site_returned"])
            #expect(told() == [true, true])
            #expect(try refuse(0, basis).count == 1)
        }
        // One that answers otherwise each time is not asked for ever.
        for catalog in 5..<40 {
            _ = try take(.heard(from: boxes[0], under: Self.basis(catalog), bundle))
            _ = try refuse(0, Self.basis(catalog))
        }
        #expect(try take(.heard(from: boxes[0], under: Self.basis(99), bundle)) == [] && told() == [false, true])
        let number = walk.portfolio.patterns[key]?.number
        #expect(number == 1 + 1 + 2 * (RuleRefusal.countMax - 1))
        #expect(try take(.gone(boxes[0])).map(\.site) == [sites[0]])
        #expect(told() == [true, true])
        #expect(try refuse(0, Self.basis(99)).count == 1)
        #expect(try refuse(1, Self.basis(3)).map(\.to) == [.shadow, .demoted])
        #expect(told() == [false, false])

        walk = try begin()
        #expect(try refuse(0, Self.basis(3)).count == 1)
        for _ in 0..<10 { try walk.take(.compared(.sameHeld, bundle)) }
        try walk.take(.approved(by: "alice@msp.example"))
        #expect(walk.portfolio.patterns[key]?.sites == [sites[1]])
        #expect(try refuse(1, Self.basis(3)).map(\.reason) == ["policy.learned_refused"])
        #expect(walk.portfolio.patterns[key]?.stage == .demoted)
    }

    @Test func thePathToActiveAndBackIsEvidenceThatVerifies() throws {
        let small = try Self.small.get()
        var portfolio = PartnerPortfolio("msp-one", policy: LearningPolicy(), sites: SmallCatalog.sites)
        let rule = try small.rule()
        var walk = Walk(portfolio: portfolio, rule: rule)
        try walk.toShadow(small)
        #expect(walk.rules(at: SmallCatalog.sites[0]) == [] && walk.portfolio.told(to: SmallCatalog.sites[0]).map(\.rule) == [rule])
        // Shadow passes, and waits for a person.
        for _ in 0..<10 { try walk.take(.compared(.sameHeld, walk.bundle())) }
        #expect(walk.stage == .shadow && walk.portfolio.patterns[rule.key]?.awaiting == .canary)
        try walk.take(.approved(by: "alice@msp.example"))
        let sites = try #require(walk.portfolio.patterns[rule.key]?.sites)
        #expect(sites.count == 3)
        for site in SmallCatalog.sites { #expect(walk.rules(at: site) == (sites.contains(site) ? [rule] : [])) }
        // What another site or version reports is not counted.
        let elsewhere = try #require(SmallCatalog.sites.first { !sites.contains($0) })
        try walk.take(.fired(version: 1, site: elsewhere, held: false, walk.bundle()))
        try walk.take(.fired(version: 9, site: sites[0], held: false, walk.bundle()))
        for _ in 0..<19 { try walk.take(.fired(version: 1, site: sites[0], held: true, walk.bundle())) }
        #expect(throws: PromotionRefusal.nothingToApprove(.canary)) { try walk.take(.approved(by: "alice@msp.example")) }
        try walk.take(.fired(version: 1, site: sites[0], held: true, walk.bundle()))
        try walk.take(.approved(by: "alice@msp.example"))
        #expect(walk.stage == .active && walk.rules(at: elsewhere) == [rule])
        for _ in 0..<3 { try walk.take(.fired(version: 1, site: elsewhere, held: false, walk.bundle())) }
        #expect(walk.stage == .demoted && walk.rules(at: elsewhere) == [])
        #expect(walk.changes.map(\.to) == [.shadow, .canary, .active, .demoted])
        #expect(
            walk.changes.map(\.reason) == [
                "promotion.gate_passed", "promotion.shadow_passed", "promotion.canary_passed", "promotion.failures_in_a_row",
            ])
        let signer = SigningKey()
        let envelope = try SignedEnvelope(signing: walk.changes[2].json, with: signer)
        let opened = try envelope.open(
            schema: StageChange.schema, keys: [signer.verifyingKey], limits: .signed(bytesMax: 65_536, depthMax: 8))
        #expect(try StageChange(json: opened.payload) == walk.changes[2])
        portfolio = walk.portfolio
        #expect(portfolio.ready == [])
        _ = portfolio.tick(at: walk.now + .seconds(7 * 86_400))
        #expect(portfolio.patterns[rule.key]?.stage == .candidate && portfolio.statistics[rule.key] == nil)
    }

    @Test func aFailureInCanaryDemotesAndThreeTimesNeedsAPerson() throws {
        var walk = Walk(portfolio: try Self.portfolio(), rule: try Self.small.get().rule())
        for round in 1...3 {
            try walk.toShadow(try Self.small.get())
            for _ in 0..<10 { try walk.take(.compared(.sameHeld, walk.bundle())) }
            #expect(walk.stage == .canary)
            let site = try #require(walk.portfolio.patterns[walk.rule.key]?.sites.first)
            try walk.take(.fired(version: round, site: site, held: false, walk.bundle()))
            #expect(walk.stage == .demoted)
            walk.now = walk.now + .seconds(7 * 86_400)
            try walk.take(.tick)
            #expect(walk.stage == (round < 3 ? .candidate : .demoted))
        }
        try walk.take(.reinstated(by: "alice@msp.example"))
        #expect(walk.stage == .candidate)
    }

    @Test func whatRecoversAloneDoesNotPassShadow() throws {
        var walk = Walk(portfolio: try Self.portfolio(), rule: try Self.small.get().rule())
        try walk.toShadow(try Self.small.get())
        for number in 0..<10 { try walk.take(.compared(number < 2 ? .recoveredAlone : .sameHeld, walk.bundle())) }
        #expect(walk.stage == .demoted)
    }

    @Test func anActiveRuleIsDemotedByItsUpperBound() throws {
        var walk = Walk(portfolio: try Self.portfolio(), rule: try Self.small.get().rule())
        try walk.toActive(try Self.small.get())
        var firings = 0
        // Never three in a row: two of three hold.
        while walk.stage == .active && firings < 60 {
            try walk.take(.fired(version: 1, site: SmallCatalog.sites[0], held: firings % 5 < 2, walk.bundle()))
            firings += 1
            if firings % 5 == 4, walk.stage == .active {
                try walk.take(.fired(version: 1, site: SmallCatalog.sites[0], held: true, walk.bundle()))
            }
        }
        #expect(walk.stage == .demoted && walk.changes.last?.reason == "promotion.active_failed")
    }

    @Test func nothingLeavesAPartnerWithoutItsConsent() throws {
        var walk = Walk(portfolio: try Self.portfolio(), rule: try Self.small.get().rule())
        try walk.toShadow(try Self.small.get())
        let (key, now) = (walk.rule.key, walk.now)
        func shared(_ pattern: LearnedPattern, partner: PartnerID = "msp-one", withdrawn: Timestamp? = nil, given: Timestamp? = nil) -> Bool
        {
            let consent = PatternConsent(
                partner: partner, signature: key.signature, by: "alice@msp.example", given: given ?? now, withdrawn: withdrawn)
            return SharedPattern(pattern, consent, at: now) != nil
        }
        #expect(!shared(walk.portfolio.patterns[key]!))
        try walk.toActive(nil)
        let active = walk.portfolio.patterns[key]!
        #expect(shared(active))
        #expect(!shared(active, partner: "msp-two"))
        #expect(!shared(active, withdrawn: now))
        #expect(!shared(active, given: now + .seconds(1)))
    }

    @Test func switchedOffNothingIsPromotedAndWithoutSitesNoCanary() throws {
        var figures = LearningPolicy.Figures()
        (figures.canaryApproval, figures.isOn) = (.automatic, false)
        var walk = Walk(
            portfolio: PartnerPortfolio("msp-one", policy: try Self.automatic(), sites: []), rule: try Self.small.get().rule())
        try walk.toShadow(try Self.small.get())
        for _ in 0..<10 { try walk.take(.compared(.sameHeld, walk.bundle())) }
        #expect(walk.stage == .shadow)
        #expect(throws: PromotionRefusal.noSite) { try walk.take(.approved(by: "alice@msp.example")) }
        walk.portfolio.sites = SmallCatalog.sites
        walk.portfolio.policy = try LearningPolicy(figures)
        try walk.take(.tick)
        #expect(walk.stage == .shadow)
        #expect(throws: PromotionRefusal.switchedOff) { try walk.take(.approved(by: "alice@msp.example")) }
        walk.portfolio.policy = try Self.automatic()
        try walk.take(.tick)
        #expect(walk.stage == .canary)
    }

    static let small = Result { try SmallCatalog() }
    static let rules = Result {
        let small = try PortfolioTests.small.get()
        return try (0..<6).map { try small.rule($0 / 2, $0 % 2 == 0 ? "svc.start" : "svc.restart") }
    }

    static func portfolio() throws -> PartnerPortfolio {
        PartnerPortfolio("msp-one", policy: try automatic(), sites: SmallCatalog.sites)
    }

    static func automatic() throws -> LearningPolicy {
        var figures = LearningPolicy.Figures()
        (figures.canaryApproval, figures.activeApproval) = (.automatic, .automatic)
        return try LearningPolicy(figures)
    }
}

/// One rule's way, step by step.
private struct Walk {
    var portfolio: PartnerPortfolio
    let rule: LearnedRule
    var changes: [StageChange] = []
    var now = SmallCatalog.now
    var random = SplitMix(state: 5)
    var position: Int64 = 0

    init(portfolio: PartnerPortfolio, rule: LearnedRule) {
        self.portfolio = portfolio
        self.rule = rule
    }

    var stage: Stage? { portfolio.patterns[rule.key]?.stage }

    /// What runs there.
    func rules(at site: SiteID) -> [LearnedRule] { portfolio.told(to: site).filter(\.stage.runs).map(\.rule) }

    mutating func bundle() -> BundleID { BundleID(at: now, random: &random) }

    mutating func take(_ event: PatternEvent) throws {
        now = now + .seconds(60)
        changes += try portfolio.take(event, of: rule.key, at: now)
    }

    mutating func toShadow(_ small: SmallCatalog) throws {
        for number in 0..<5 {
            position += 1
            let occurrence = Occurrence(
                pattern: rule.key.signature, host: SmallCatalog.hosts[number * 7].key, attempt: 1, treatment: small.treatment(),
                ending: .held,
                ended: now, evidence: bundle())!
            portfolio.add(occurrence, at: position)
        }
        changes.append(try portfolio.admit(rule, at: now))
    }

    mutating func toActive(_ small: SmallCatalog?) throws {
        if let small { try toShadow(small) }
        for _ in 0..<10 { try take(.compared(.sameHeld, bundle())) }
        for _ in 0..<20 { try take(.fired(version: 1, site: portfolio.patterns[rule.key]!.sites[0], held: true, bundle())) }
    }
}
