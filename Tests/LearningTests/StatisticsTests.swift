import Learning
import Model
import Seal
import Testing

@Suite struct StatisticsTests {
    /// Published examples: 95 % Wilson bounds.
    @Test(arguments: [(5, 5, 0.5655, 1.0), (0, 5, 0.0, 0.4345), (9, 10, 0.5958, 0.9821), (20, 20, 0.8389, 1.0), (0, 0, 0.0, 1.0)])
    func wilsonBounds(successes: Int, trials: Int, lower: Double, upper: Double) {
        let interval = WilsonInterval(successes: successes, of: trials)
        #expect(abs(interval.lower - lower) < 0.0001)
        #expect(abs(interval.upper - upper) < 0.0001)
    }

    @Test func addingUpEqualsCountingAnew() throws {
        let small = try SmallCatalog()
        var random = SplitMix(state: 42)
        var occurrences: [Occurrence] = []
        var statistics = PatternStatistics()
        for position in 1...20_000 {
            occurrences.append(try Self.occurrence(small, &random))
            statistics.add(occurrences[position - 1], at: Int64(position))
            guard [1, 7, 100, 3_000, 20_000].contains(position) else { continue }
            let judged = Dictionary(uniqueKeysWithValues: statistics.judge(LearningPolicy()).map { ($0.key, $0) })
            let recounted = Recount.all(occurrences)
            #expect(judged.count == recounted.count)
            for (key, recount) in recounted {
                let figures = try #require(judged[key])
                #expect(figures.occurrences == recount.occurrences && figures.successes == recount.times.count)
                #expect(figures.attempts == recount.attempts && figures.hosts == min(recount.hosts.count, 16))
                let median = recount.times.isEmpty ? nil : recount.times.sorted()[recount.times.count / 2]
                #expect(figures.lacks.contains(.median) == !(median.map { $0 < 30_000 } ?? false))
                let bound = median.flatMap { median in DurationCounts.bounds.first { median < Int64($0) * 1_000 } }
                #expect(figures.medianBelow == bound)
                #expect(Array(statistics[key]!.evidence) == recount.evidence.suffix(16))
            }
        }
        #expect(statistics.dropped == 0)
    }

    @Test func aPositionCountsOnce() throws {
        let small = try SmallCatalog()
        var random = SplitMix(state: 3)
        let occurrence = try Self.occurrence(small, &random)
        var statistics = PatternStatistics()
        let taken = [statistics.add(occurrence, at: 5), statistics.add(occurrence, at: 5), statistics.add(occurrence, at: 4)]
        #expect(taken == [true, false, false])
        #expect(statistics.entries.map(\.occurrences).reduce(0, +) <= 1)
    }

    @Test func endingAndTreatmentMustAgree() throws {
        let small = try SmallCatalog()
        var random = SplitMix(state: 3)
        let evidence = BundleID(at: SmallCatalog.now, random: &random)
        for ending in Occurrence.Ending.allCases {
            for treatment in [nil, small.treatment()] {
                let made = Occurrence(
                    pattern: small.pattern()!.signature, host: SmallCatalog.hosts[0].key, attempt: 1, treatment: treatment, ending: ending,
                    ended: SmallCatalog.now, evidence: evidence)
                #expect((made != nil) == ((treatment == nil) == [.recoveredAlone, .untreated].contains(ending)))
            }
        }
    }

    private static let gates: [(Int, Int, Int, PromotionFigures.Lack)] = [
        (5, 5, 29_999, []), (4, 4, 1_000, [.occurrences]), (5, 2, 1_000, [.resolved, .success]), (5, 5, 30_000, [.median]),
        (6, 5, 1_000, [.success]), (9, 8, 1_000, []),
    ]

    @Test("Each figure of the gate has its boundary", arguments: gates)
    func gate(occurrences: Int, successes: Int, milliseconds: Int, lacks: PromotionFigures.Lack) throws {
        let small = try SmallCatalog()
        var statistics = PatternStatistics()
        var random = SplitMix(state: 9)
        for number in 0..<occurrences {
            let occurrence = Occurrence(
                pattern: small.pattern()!.signature, host: SmallCatalog.hosts[number].key, attempt: 1,
                treatment: small.treatment(milliseconds: Int64(milliseconds)), ending: number < successes ? .held : .failed,
                ended: SmallCatalog.now, evidence: BundleID(at: SmallCatalog.now, random: &random))!
            statistics.add(occurrence, at: Int64(number + 1))
        }
        #expect(statistics.judge(LearningPolicy())[0].lacks == lacks)
    }

    @Test func successesOfARuleOrOnOneHostDoNotPromote() throws {
        let small = try SmallCatalog()
        for (tier, lacks) in [(Tier.l1, PromotionFigures.Lack([.resolved, .hosts, .success, .median])), (.l3, [.hosts])] {
            var statistics = PatternStatistics()
            var random = SplitMix(state: 9)
            for number in 1...20 {
                let occurrence = Occurrence(
                    pattern: small.pattern()!.signature, host: SmallCatalog.hosts[0].key, attempt: 1, treatment: small.treatment(by: tier),
                    ending: .held, ended: SmallCatalog.now, evidence: BundleID(at: SmallCatalog.now, random: &random))!
                statistics.add(occurrence, at: Int64(number))
            }
            #expect(statistics.judge(LearningPolicy())[0].lacks == lacks)
        }
    }

    @Test func aRepairThatDoesNotLastIsAFailure() throws {
        let small = try SmallCatalog()
        var watch = HoldWatch(period: .seconds(86_400))
        var random = SplitMix(state: 3)
        let (pattern, host) = (small.pattern()!.signature, SmallCatalog.hosts[0].key)
        let repaired = Occurrence(
            pattern: pattern, host: host, attempt: 1, treatment: small.treatment(), ending: .held, ended: SmallCatalog.now,
            evidence: BundleID(at: SmallCatalog.now, random: &random))!
        #expect(watch.take(repaired) == nil)
        #expect(watch.drifted(pattern, on: SmallCatalog.hosts[1].key, at: SmallCatalog.now + .seconds(60)) == nil)
        #expect(watch.drifted(pattern, on: host, at: SmallCatalog.now + .seconds(86_399))?.ending == .recurred)
        #expect(watch.take(repaired) == nil)
        #expect(watch.settle(at: SmallCatalog.now + .seconds(86_399)) == [])
        #expect(watch.settle(at: SmallCatalog.now + .seconds(86_400)) == [repaired])
        #expect(watch.count == 0)
    }

    @Test func policiesOutOfRangeAreRefused() {
        func code(_ change: (inout LearningPolicy.Figures) -> Void) -> Code? {
            var figures = LearningPolicy.Figures()
            change(&figures)
            do throws(LearningPolicyError) { _ = try LearningPolicy(figures) } catch { return error.code }
            return nil
        }
        #expect(code { _ in } == nil)
        #expect(code { $0.occurrencesMin = 4 } == "learning.policy_range")
        #expect(code { $0.resolvedMin = 2 } == "learning.policy_range")
        #expect(code { $0.medianSecondsMax = 31 } == "learning.policy_median")
        #expect(code { $0.canaryLimit = 900 } == "learning.policy_unreachable")
        #expect(code { ($0.canaryLimit, $0.canaryFirings) = (900, 40) } == nil)
    }

    @Test func figuresThatAPersonSetAreKeptAsTheyWereSet() throws {
        var figures = LearningPolicy.Figures()
        for (name, value) in [("isOn", "false"), ("medianSecondsMax", "45"), ("hostsMin", "3"), ("activeApproval", "automatic")] {
            try figures.set(name, to: value)
        }
        let policy = try LearningPolicy(figures)
        #expect(try LearningPolicy(json: policy.json) == policy && policy != LearningPolicy())
        #expect(!policy.figures.isOn && policy.figures.medianSecondsMax == 45 && policy.figures.activeApproval == .automatic)
        for (name, value) in [("isOn", "yes"), ("hostsMin", "two"), ("activeApproval", ""), ("courage", "1")] {
            #expect(throws: LearningPolicyError.figure(name, value)) { try figures.set(name, to: value) }
        }
        #expect(throws: LearningPolicyError.range("hostsMin", value: 17, 1...16)) {
            try LearningPolicy(json: .object(["hostsMin": "17"]))
        }
    }

    private static func occurrence(_ small: SmallCatalog, _ random: inout SplitMix) throws -> Occurrence {
        let ending = Occurrence.Ending.allCases.randomElement(using: &random)!
        let isTreated = ending != .recoveredAlone && ending != .untreated
        let tier = [Tier.l1, .l2, .l3].randomElement(using: &random)!
        let treatment = small.treatment(
            SmallCatalog.runbooks.randomElement(using: &random)!, by: tier, milliseconds: Int64.random(in: 100...60_000, using: &random))
        return Occurrence(
            pattern: signatures[Int.random(in: 0..<10, using: &random)], host: SmallCatalog.hosts.randomElement(using: &random)!.key,
            attempt: Int.random(in: 1...2, using: &random), treatment: isTreated ? treatment : nil, ending: ending, ended: SmallCatalog.now,
            evidence: BundleID(at: SmallCatalog.now, random: &random))!
    }

    private static let signatures = (0..<10).map { try! SmallCatalog().pattern($0)!.signature }
}

/// The same figures by going through all occurrences again.
struct Recount {
    var occurrences = 0
    var attempts = 0
    var times: [Int64] = []
    var hosts: Set<HostKey> = []
    var evidence: [BundleID] = []

    static func all(_ occurrences: [Occurrence]) -> [PatternKey: Recount] {
        var recounts: [PatternKey: Recount] = [:]
        for occurrence in occurrences {
            guard let treatment = occurrence.treatment else { continue }
            let key = PatternKey(occurrence.pattern, treatment.remedy)
            var recount = recounts[key] ?? Recount()
            if treatment.tier != .l1 {
                recount.attempts += 1
                if occurrence.ending == .held {
                    recount.times.append(treatment.milliseconds)
                    recount.hosts.insert(occurrence.host)
                    recount.evidence.append(occurrence.evidence)
                }
            }
            recounts[key] = recount
        }
        for key in recounts.keys {
            recounts[key]!.occurrences = occurrences.count { $0.pattern == key.signature && $0.attempt == 1 }
        }
        return recounts
    }
}
