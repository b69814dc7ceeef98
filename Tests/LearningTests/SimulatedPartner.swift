import Catalog
import Glibc
import Learning
import Model

/// A year of one partner whose truth is known: ten kinds of drift, each with two remedies, whose real rates the learner cannot see.
struct SimulatedPartner {
    /// What is really so.
    enum Truth {
        /// The remedy repairs with this probability.
        case remedy(Double)
        /// It does until this day, and hardly ever after.
        case decaying(Double, day: Int)
        /// It does, but most drift is of one host, where it comes back within hours.
        case flapping
        /// It does nothing; the drift goes by itself after an exponential time with this mean, in seconds.
        case coincidence(mean: Double)

        /// The share of incidents that it repairs for good.
        func rate(day: Int) -> Double {
            switch self {
            case .remedy(let rate): rate
            case .decaying(let rate, let last): day < last ? rate : 0.3
            case .flapping: 0.98 * (1 - 0.8 * 0.6)
            case .coincidence: 0
            }
        }
    }

    struct Tally {
        var sound = 0, soundFound = 0
        var unsound = 0
        var promotions = 0, falsePromotions = 0
        var decayedWhileActive = 0, decayedStillActive = 0, firingsAfterDecay = 0
        var falseOnes: [String] = []

        static func + (a: Tally, b: Tally) -> Tally {
            Tally(
                sound: a.sound + b.sound, soundFound: a.soundFound + b.soundFound, unsound: a.unsound + b.unsound,
                promotions: a.promotions + b.promotions, falsePromotions: a.falsePromotions + b.falsePromotions,
                decayedWhileActive: a.decayedWhileActive + b.decayedWhileActive,
                decayedStillActive: a.decayedStillActive + b.decayedStillActive,
                firingsAfterDecay: a.firingsAfterDecay + b.firingsAfterDecay, falseOnes: a.falseOnes + b.falseOnes)
        }
    }

    private struct Incident {
        let at: Timestamp
        let drift: Int
        let host: Int
    }

    private struct Waiting {
        let key: PatternKey
        /// Of the rule that fired; nil where L2 or L3 acted.
        let version: Int?
        let site: SiteID
    }

    static let days = 365
    private let small: SmallCatalog
    private let rules: [PatternKey: LearnedRule]
    private let signatures: [PatternSignature]
    private var random: SplitMix
    private var truths: [Truth] = []
    private var portfolio: PartnerPortfolio
    private var watch = HoldWatch(period: .seconds(86_400))
    private var waiting: [BundleID: Waiting] = [:]
    private var incidents: [Incident] = []
    private var position: Int64 = 0
    private var tally = Tally()
    private var found: Set<PatternKey> = []
    private var decayed: Set<PatternKey> = []

    init(seed: UInt64, policy: LearningPolicy, small: SmallCatalog, rules: [LearnedRule]) {
        self.small = small
        self.rules = Dictionary(uniqueKeysWithValues: rules.map { ($0.key, $0) })
        signatures = (0..<10).map { small.pattern($0)!.signature }
        random = SplitMix(state: seed &* 0x2545_f491_4f6c_dd1d)
        portfolio = PartnerPortfolio("msp-one", policy: policy, sites: SmallCatalog.sites)
        for drift in 0..<10 {
            truths.append(truth())
            var isFlapping = false
            if case .flapping = truths[drift] { isFlapping = true }
            for _ in 0..<Int.random(in: 100...600, using: &random) {
                let host = isFlapping && uniform() < 0.8 ? drift : Int.random(in: 0..<60, using: &random)
                incidents.append(Incident(at: instant(Double.random(in: 0..<Double(Self.days), using: &random)), drift: drift, host: host))
            }
        }
        // The next one last.
        incidents.sort { $0.at > $1.at }
    }

    private mutating func truth() -> Truth {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<3: .remedy(Double.random(in: 0.95...1, using: &random))
        case 3..<6: .remedy(Double.random(in: 0.1..<0.8, using: &random))
        case 6: .decaying(Double.random(in: 0.95...1, using: &random), day: Int.random(in: 60...300, using: &random))
        case 7: .flapping
        default: .coincidence(mean: [3, 10, 30, 120, 600].randomElement(using: &random)!)
        }
    }

    private mutating func uniform() -> Double { Double.random(in: 0..<1, using: &random) }
    private func instant(_ day: Double) -> Timestamp { SmallCatalog.now + .milliseconds(Int64(day * 86_400_000)) }
    private func day(_ instant: Timestamp) -> Int { Int((instant - SmallCatalog.now).wholeSeconds / 86_400) }

    mutating func run() throws -> Tally {
        var today = 0
        while let incident = incidents.popLast() {
            while today < day(incident.at) {
                today += 1
                try midnight(today)
            }
            try happen(incident)
        }
        for drift in 0..<10 {
            let key = PatternKey(signatures[drift], small.remedy())
            let isSound = if case .remedy(let rate) = truths[drift] { rate >= 0.95 } else { false }
            if isSound {
                tally.sound += 1
                if found.contains(key) { tally.soundFound += 1 }
            } else {
                tally.unsound += 1
            }
            if decayed.contains(key), portfolio.patterns[key]?.stage == .active { tally.decayedStillActive += 1 }
        }
        return tally
    }

    private mutating func midnight(_ today: Int) throws {
        for settled in watch.settle(at: instant(Double(today))) { try learn(settled) }
        for drift in 0..<10 {
            let key = PatternKey(signatures[drift], small.remedy())
            if case .decaying(_, today) = truths[drift], portfolio.patterns[key]?.stage == .active {
                tally.decayedWhileActive += 1
                decayed.insert(key)
            }
        }
        for change in portfolio.tick(at: instant(Double(today))) { note(change) }
        for key in portfolio.ready { if let rule = rules[key] { note(try portfolio.admit(rule, at: instant(Double(today)))) } }
    }

    private mutating func happen(_ incident: Incident) throws {
        let (host, site) = SmallCatalog.hosts[incident.host]
        let signature = signatures[incident.drift]
        if let before = watch.drifted(signature, on: host, at: incident.at) { try learn(before) }
        // When it would go by itself, in seconds.
        var alone = Double.infinity
        if case .coincidence(let mean) = truths[incident.drift] { alone = -mean * Glibc.log(max(uniform(), 1e-12)) }
        var attempt = 1
        if let pattern = portfolio.told(to: site).first(where: { $0.stage.runs && $0.key.signature == signature }) {
            if decayed.contains(pattern.key) { tally.firingsAfterDecay += 1 }
            let isStart = pattern.rule.runbook == "svc.start"
            if try treat(incident, after: 0, .l1, isStart ? "svc.start" : "svc.restart", alone, attempt, pattern.version) { return }
            attempt = 2
        }
        let isPerson = uniform() < 0.3
        let after = isPerson ? Double.random(in: 120...1_800, using: &random) : Double.random(in: 3...30, using: &random)
        guard alone > after else { return try settle(incident, nil, .recoveredAlone, attempt, nil) }
        let runbook: RunbookID = uniform() < 0.85 ? "svc.start" : "svc.restart"
        _ = try treat(incident, after: after, isPerson ? .l3 : .l2, runbook, alone, attempt, nil)
    }

    /// Whether the re-check passed.
    private mutating func treat(
        _ incident: Incident, after: Double, _ tier: Tier, _ runbook: RunbookID, _ alone: Double, _ attempt: Int, _ version: Int?
    ) throws -> Bool {
        let takes = Double.random(in: 2...20, using: &random)
        let works: Bool
        switch truths[incident.drift] {
        case .coincidence: works = alone < after + takes
        case .flapping: works = uniform() < 0.98
        case let truth: works = uniform() < (runbook == "svc.start" ? truth.rate(day: day(incident.at)) : 0.4)
        }
        let treatment = small.treatment(runbook, by: tier, milliseconds: Int64(takes * 1_000))
        if works, case .flapping = truths[incident.drift], incident.host == incident.drift, uniform() < 0.6 {
            let again = Incident(
                at: incident.at + .seconds(Int.random(in: 3_600...43_200, using: &random)), drift: incident.drift, host: incident.host)
            incidents.insert(again, at: incidents.firstIndex { $0.at < again.at } ?? incidents.count)
        }
        try settle(incident, treatment, works ? .held : .failed, attempt, version)
        return works
    }

    private mutating func settle(
        _ incident: Incident, _ treatment: Occurrence.Treatment?, _ ending: Occurrence.Ending, _ attempt: Int, _ version: Int?
    ) throws {
        let (host, site) = SmallCatalog.hosts[incident.host]
        let bundle = BundleID(at: incident.at, random: &random)
        let key = PatternKey(signatures[incident.drift], treatment?.remedy ?? small.remedy())
        waiting[bundle] = Waiting(key: key, version: version, site: site)
        let occurrence = Occurrence(
            pattern: key.signature, host: host, attempt: attempt, treatment: treatment, ending: ending, ended: incident.at, evidence: bundle
        )!
        if let now = watch.take(occurrence) { try learn(now) }
    }

    private mutating func learn(_ occurrence: Occurrence) throws {
        position += 1
        portfolio.add(occurrence, at: position)
        guard let waited = waiting.removeValue(forKey: occurrence.evidence) else { return }
        let held = occurrence.ending == .held
        if let version = waited.version {
            let event = PatternEvent.fired(version: version, site: waited.site, held: held, occurrence.evidence)
            for change in try portfolio.take(event, of: waited.key, at: occurrence.ended) { note(change) }
            return
        }
        for runbook in SmallCatalog.runbooks {
            let key = PatternKey(occurrence.pattern, small.remedy(runbook))
            guard let pattern = portfolio.patterns[key], pattern.stage == .shadow else { continue }
            let comparison = ShadowComparison(occurrence, against: pattern.rule)
            for change in try portfolio.take(.compared(comparison, occurrence.evidence), of: key, at: occurrence.ended) { note(change) }
        }
    }

    private mutating func note(_ change: StageChange) {
        guard change.to == .active else { return }
        tally.promotions += 1
        let drift = signatures.firstIndex(of: change.key.signature)!
        let rate: Double
        switch truths[drift] {
        case .flapping, .coincidence: rate = truths[drift].rate(day: day(change.at))
        case let truth: rate = change.key.remedy == small.remedy() ? truth.rate(day: day(change.at)) : 0.4
        }
        if rate < 0.8 {
            tally.falsePromotions += 1
            tally.falseOnes.append("\(truths[drift]) day \(day(change.at))")
        } else {
            found.insert(change.key)
        }
    }
}
