import Central
import Database
import Learning
import Model
import Seal

/// What 100,000 occurrences of 2,000 patterns say about promotion: added up as they came, and counted anew from the list.
enum LearningBenchmark {
    private static let count = 100_000
    private static let patterns = 2_000

    static func run() async throws -> [Line] { try judging() + (try await restarting()) }

    private static func judging() throws -> [Line] {
        let occurrences = Self.occurrences()
        var statistics = PatternStatistics()
        for (index, occurrence) in occurrences.enumerated() { statistics.add(occurrence, at: Int64(index + 1)) }
        let policy = LearningPolicy()
        var ready = 0
        let figures = try measure([
            Measurement("judge", operations: 1) { ready = statistics.judge(policy).count { $0.isReady } },
            Measurement("recount", operations: 1) { precondition(recount(occurrences) == ready, "the recount differs") },
            Measurement("add", operations: count) {
                var fresh = PatternStatistics()
                for (index, occurrence) in occurrences.enumerated() { fresh.add(occurrence, at: Int64(index + 1)) }
                precondition(fresh.entries.count == statistics.entries.count)
            },
        ])
        precondition(ready > 0 && ready < statistics.judge(policy).count, "a gate that takes all or none")
        return [
            Line(
                what: "promotion statistics over 100,000 occurrences", value: "\((1_000 / figures[0].rate).readable) ms",
                peer: "counted anew from a list in memory \((1_000 / figures[1].rate).readable) ms", isReached: 1_000 / figures[0].rate <= 5
            ),
            Line(
                what: "the same with adding all of them up first", value: "\((1_000 * Double(count) / figures[2].rate).readable) ms",
                peer: "\((1e9 / figures[2].rate).readable) ns for one more", isReached: nil),
        ]
    }

    /// What a process reads and adds up before it can decide, at its start and after another one's change.
    private static func restarting() async throws -> [Line] {
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        _ = try CentralKeys.create(in: scratch.path, at: Samples.now)
        let services = try await CentralServices.open(CentralConfiguration(dataDirectory: scratch.path), clock: .system)
        let person = OperatorCredential(localUser: "benchmark")
        let practice = try await services.tenants.createOrganization("Practice", partner: "msp", by: person)
        let site = try await services.tenants.createSite("Main", in: TenantScope(person, organization: practice.id)).id
        var random = SplitMix(state: 8)
        let appliance = ApplianceID(at: Samples.now, random: &random)
        let rows = occurrences().enumerated().map { number, occurrence -> [SQLValue] in
            [
                .integer(Int64(number)), .text("msp"), .blob(occurrence.pattern.digest.bytes), .integer(occurrence.host.stored),
                .integer(1),
                .text(occurrence.treatment!.tier.rawValue), .blob(occurrence.treatment!.remedy.digest.bytes),
                .text(occurrence.treatment!.runbook.description), .text("{\"unit\":\"rsyslog.service\"}"),
                .integer(occurrence.treatment!.milliseconds), .text(occurrence.ending.rawValue), .integer(Samples.now.milliseconds),
                .text(occurrence.evidence.description), .text(appliance.description), .text(site.description), .text(""),
                .integer(Int64(number + 1)),
            ]
        }
        try await services.database.write { transaction in
            try transaction.execute(
                """
                INSERT INTO appliance (id, site_id, organization_id, evidence_key, sealing_key, hostname, software_version, enrolled_at)
                VALUES (\(appliance.description), \(site.description), \(practice.id.description), \([UInt8](repeating: 1, count: 32)),
                    \([UInt8](repeating: 2, count: 32)), 'box', '0', 0)
                """)
            try transaction.insert(
                into: "learning_occurrence",
                columns: """
                    position, partner, pattern, host, attempt, tier, remedy, runbook, parameters, milliseconds, ending, ended_at, bundle_id,
                    appliance_id, site_id, shadow, settled
                    """,
                rows: rows)
        }
        var shortest = Double.infinity
        for _ in 0..<3 {
            let taken = try await ContinuousClock().measure {
                let known = try await services.learning.list(of: "msp", for: person)
                precondition(known.count > patterns, "not all patterns are there")
            }
            shortest = min(shortest, taken.inSeconds)
        }
        await services.close()
        return [
            Line(
                what: "learning read anew from 100,000 stored occurrences", value: "\((1_000 * shortest).readable) ms",
                peer: "at a start, and after a person's command", isReached: nil)
        ]
    }

    private static func occurrences() -> [Occurrence] {
        var random = SplitMix(state: 7)
        let signatures = (0..<patterns).map { PatternSignature(Digest(of: Array("pattern \($0)".utf8))) }
        let treatments = (0..<4).map { number in
            let digest = Digest(of: Array("runbook \(number)".utf8))
            return [Tier.l1, .l2, .l3].flatMap { tier in
                [500, 4_000, 40_000].map { milliseconds in
                    Occurrence.Treatment(
                        tier: tier, remedy: RemedyID(digest), runbook: RunbookID("runbook.r\(number)")!,
                        parameters: ["unit": .string("rsyslog.service")], milliseconds: milliseconds)
                }
            }
        }
        let site = SiteID(at: Samples.now, random: &random)
        let hosts = (0..<500).map { HostKey(HostID("host-\($0)")!, at: site) }
        return (0..<count).map { _ in
            let pattern = Int.random(in: 0..<patterns, using: &random)
            let treatment = treatments[(pattern + Int.random(in: 0..<2, using: &random)) % 4].randomElement(using: &random)!
            return Occurrence(
                pattern: signatures[pattern], host: hosts.randomElement(using: &random)!, attempt: 1, treatment: treatment,
                ending: Int.random(in: 0..<(2 + pattern % 20), using: &random) == 0 ? .failed : .held, ended: Samples.now,
                evidence: BundleID(at: Samples.now, random: &random))!
        }
    }

    /// How many remedies pass the gate, from the list alone.
    private static func recount(_ occurrences: [Occurrence]) -> Int {
        var seen: [PatternSignature: Int] = [:]
        var byKey: [PatternKey: (attempts: Int, times: [Int64], hosts: Set<HostKey>)] = [:]
        for occurrence in occurrences {
            seen[occurrence.pattern, default: 0] += 1
            guard let treatment = occurrence.treatment, treatment.tier != .l1 else { continue }
            let key = PatternKey(occurrence.pattern, treatment.remedy)
            byKey[key, default: (0, [], [])].attempts += 1
            if occurrence.ending == .held {
                byKey[key]!.times.append(treatment.milliseconds)
                byKey[key]!.hosts.insert(occurrence.host)
            }
        }
        return byKey.count { key, found in
            seen[key.signature]! >= 5 && found.times.count >= 3 && found.hosts.count >= 2
                && WilsonInterval(successes: found.times.count, of: found.attempts).lower > 0.5
                && found.times.sorted()[found.times.count / 2] < 30_000
        }
    }
}
