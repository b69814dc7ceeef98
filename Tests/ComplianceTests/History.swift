import Compliance
import Evidence
import Model
import Seal
import TestSupport
import Testing

/// What a bundle says, in the shape of its JSON, and the entry that the product reads from it.
struct HistoryBundle {
    var entry: ChainEntry
    var kind: String

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "appliance": .string(entry.appliance.description), "sequence": .integer(entry.sequence),
            "host": .string(entry.host.description),
            "received": .string(entry.received.description), "enrolled": .string(entry.enrolled.description),
            "observed": .string(entry.observed.description),
            "started": .string(entry.started.description), "ended": .string(entry.ended.description), "kind": .string(kind),
            "clock": ["offsetMs": entry.clockOffsetMilliseconds.map { .integer($0) } ?? .null, "source": "test"],
            "check": .null, "verdict": .null, "attested": [], "expected": [],
            "outcome": ["word": "observed", "code": .null, "recheck": .null],
        ]
        switch entry.content {
        case .expectation(let expected): members["expected"] = .array(expected.map(\.json))
        case .gap(let check, let code):
            members["check"] = check.map { .string($0.description) } ?? .null
            members["outcome"] = ["word": "alert", "code": .string(code.description), "recheck": .null]
        case .looks(let looks):
            switch kind {
            case "attestation":
                members["attested"] = .array(
                    looks.map {
                        [
                            "check": .string($0.subject.check.description), "observed": .string($0.instant.description),
                            "verdict": $0.verdict.json,
                        ]
                    })
            case "healing" where looks.first?.verdict == .compliant:
                members["outcome"] = [
                    "word": "success", "code": .null,
                    "recheck": [
                        "host": .string(looks[0].subject.host.description), "check": .string(looks[0].subject.check.description),
                        "started": .string(looks[0].instant.description),
                    ],
                ]
            default:
                guard let look = looks.first else { break }
                members["check"] = .string(look.subject.check.description)
                members["verdict"] = look.verdict.json
            }
        }
        return .object(members)
    }
}

extension Verdict {
    var json: JSONValue { ["word": .string(word), "code": code.map { .string($0.description) } ?? .null] }
}

/// A site's evidence with everything that is asked about it, invented from a seed: sometimes as a healthy site makes it, sometimes by a
/// broken clock, sometimes by somebody who wants it to look better than it was.
struct History {
    static let start = Timestamp(milliseconds: 1_795_046_400_000 / 86_400_000 * 86_400_000)
    let site: SiteID
    var period: CoveragePeriod
    var prior: [ExpectationLedger.Entry] = []
    var statements: [CentralStatement] = []
    var controls: [CheckID: [ControlCitation]] = [:]
    var bundles: [HistoryBundle] = []
    var instants: [Timestamp] = []
    var nonce = "the auditor's own words"
    var root = Model.Digest.genesis
    var count = 7

    private var random: SeededGenerator
    private static let hosts: [HostID] = ["front-desk", "Server", "x-ray"]
    private static let rates: [(CheckID, Int64, Int64)] = [
        ("linux.ssh", 900, 3_600), ("linux.time", 300, 1_800), ("backup.age", 86_400, 172_800), ("log.audit", 5_400, 20_000),
        ("patch.level", 21_600, 86_400), ("scan.weekly", 172_800, 900_000),
    ]

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        site = SiteID(at: Self.start, random: &random)
        let days = Int.random(in: 1...5, using: &random)
        let horizon = Self.start + .seconds(3_600 * Int.random(in: 0...(days * 24 + 60), using: &random) + 17)
        period = CoveragePeriod(from: Self.start, until: Self.start + .seconds(86_400 * days), horizon: horizon)!
        let isHostile = random.chance(60)
        var appliances = (0..<(random.chance(30) ? 2 : 1)).map { _ in ApplianceID(at: Self.start, random: &random) }
        appliances.sort()
        for appliance in appliances { addChain(of: appliance, days: days, isHostile: isHostile) }
        for (check, _, _) in Self.rates where random.chance(80) {
            controls[check] = [
                ControlCitation(framework: "hipaa", control: "164.312(b)", confidence: .direct),
                ControlCitation(framework: "iso \u{fb33}😀", control: "A.\(Int.random(in: 1...2, using: &random))", confidence: .supporting),
            ]
        }
        for _ in 0..<Int.random(in: 0...4, using: &random) { addStatement(appliances) }
        if random.chance(30) {
            prior = [
                ExpectationLedger.Entry(
                    appliance: appliances[0], sequence: 3, host: Self.hosts[0], effective: Self.start - .seconds(100_000),
                    expected: expectation())
            ]
        }
        for _ in 0..<3 { instants.append(instant()) }
        nonce = "nonce \(random.next()) é"
        root = Model.Digest(bytes: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!
    }

    private mutating func instant() -> Timestamp {
        let span = Int64(period.until.milliseconds - period.from.milliseconds)
        return period.from + .milliseconds(Int64.random(in: -span / 4...span * 5 / 4, using: &random))
    }

    private mutating func expectation() -> [ExpectedCheck] {
        Self.rates.filter { _ in random.chance(60) }.map { check, interval, stale in
            ExpectedCheck(
                check: check, intervalSeconds: random.chance(90) ? interval : Int64.random(in: 1...100_000, using: &random),
                staleAfterSeconds: random.chance(90) ? stale : Int64.random(in: 1...400_000, using: &random))
        }
    }

    private mutating func verdict() -> Verdict {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: .drift("ssh.root_login")
        case 1: .unknown("host.unreachable")
        case 2: .unknown("probe.timeout")
        case 3: .notApplicable("ssh.not_installed")
        default: .compliant
        }
    }

    private mutating func addChain(of appliance: ApplianceID, days: Int, isHostile: Bool) {
        let hosts = Array(Self.hosts.prefix(Int.random(in: 1...3, using: &random)))
        var now = Self.start - .seconds(Int.random(in: -7_200...90_000, using: &random))
        let end = Self.start + .seconds(86_400 * days + 40_000)
        // What its clock shows beside the real time, and whether it knows.
        var error: Int64 = 0
        var isRead = true
        var sequence: Int64 = Int64.random(in: 0...2, using: &random)
        var delay: Int64 = 5
        let enrolled = isHostile && random.chance(30) ? now + .seconds(Int.random(in: 0...60_000, using: &random)) : now - .seconds(300)
        for host in hosts where random.chance(90) {
            bundles.append(
                HistoryBundle(
                    entry: ChainEntry(
                        appliance: appliance, sequence: sequence, received: now + .seconds(9), enrolled: enrolled, host: host,
                        observed: now, started: now,
                        ended: now, clockOffsetMilliseconds: 0, content: .expectation(expectation())), kind: "expectation"))
            sequence += 1
        }
        while now < end {
            now = now + .seconds(Int.random(in: random.chance(8) ? 3_600...30_000 : 30...4_000, using: &random))
            if random.chance(isHostile ? 12 : 2) {
                error = random.chance(50) ? 0 : Int64.random(in: -40_000_000...40_000_000, using: &random)
                isRead = random.chance(60)
                delay = random.chance(70) ? 5 : Int64.random(in: 5...100_000, using: &random)
            }
            let shown = now + .milliseconds(error)
            let host = hosts.randomElement(using: &random)!
            var offset: Int64? = isRead ? error + Int64.random(in: -2_000...2_000, using: &random) : nil
            if isHostile, random.chance(3) {
                offset = [0, 900_000, 900_001, -900_001, 9_007_199_254_740_991, -9_007_199_254_740_991].randomElement(using: &random)!
            }
            var started = shown - .milliseconds(Int64.random(in: 0...60_000, using: &random))
            var ended = shown
            if isHostile, random.chance(3) {
                ended = Timestamp(["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"].randomElement(using: &random)!)!
            }
            var content: (String, ChainEntry.Content)
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<5: content = ("expectation", .expectation(random.chance(25) ? [] : expectation()))
            case 5..<10:
                started = shown - .milliseconds(Int64.random(in: -3_600_000...80_000_000, using: &random))
                content = (
                    "gap",
                    .gap(
                        check: random.chance(50) ? nil : Self.rates.randomElement(using: &random)!.0,
                        code: ["gap.down", "gap.network", "gap.disk"].randomElement(using: &random)!)
                )
            case 10..<15: content = ("system", .looks([]))
            case 15..<25:
                let look = ChainEntry.Look(
                    WatchedCheck(host: random.chance(90) ? host : "other", check: Self.rates.randomElement(using: &random)!.0),
                    at: started, .compliant)
                content = ("healing", .looks([look]))
            case 25..<45:
                let look = ChainEntry.Look(
                    WatchedCheck(host: host, check: Self.rates.randomElement(using: &random)!.0), at: started, verdict())
                content = ("verdict", .looks([look]))
            default:
                let looks = Self.rates.filter { _ in random.chance(80) }.map { check, _, _ in
                    let age = Int64.random(in: random.chance(90) ? 0...900_000 : -100_000...40_000_000, using: &random)
                    return ChainEntry.Look(WatchedCheck(host: host, check: check), at: shown - .milliseconds(age), verdict())
                }
                content = ("attestation", .looks(looks))
            }
            let entry = ChainEntry(
                appliance: appliance, sequence: sequence, received: now + .seconds(delay), enrolled: enrolled, host: host,
                observed: started,
                started: started, ended: ended, clockOffsetMilliseconds: offset, content: content.1)
            bundles.append(HistoryBundle(entry: entry, kind: content.0))
            sequence += isHostile && random.chance(5) ? Int64.random(in: -2...3, using: &random) : 1
            sequence = max(sequence, 0)
        }
    }

    private mutating func addStatement(_ appliances: [ApplianceID]) {
        let from = instant()
        let until = from + .milliseconds(Int64.random(in: 1...100_000_000, using: &random))
        let host = random.chance(50) ? nil : Self.hosts.randomElement(using: &random)!
        let check = random.chance(60) ? nil : Self.rates.randomElement(using: &random)!.0
        let about = random.chance(95) ? site : SiteID(at: Self.start, random: &random)
        if random.chance(50) {
            let gap = GapStatement(
                site: about, appliance: random.chance(60) ? nil : appliances.randomElement(using: &random)!, host: host, check: check,
                from: from, until: until, cause: random.chance(70) ? .silent : .revoked, issued: until)!
            statements.append(.gap(gap))
        } else {
            let exception = try! ExceptionStatement(
                id: random.chance(60) ? "E-\(statements.count)" : "E", site: about, host: host, check: check, from: from, until: until,
                reason: "moved é",
                requestedBy: "alice", approvedBy: "bob", issued: random.chance(70) ? from : instant())
            statements.append(.exception(exception))
        }
    }
}

extension History {
    var question: JSONValue {
        [
            "site": .string(site.description), "from": .string(period.from.description), "until": .string(period.until.description),
            "horizon": .string(period.horizon.description), "prior": .array(prior.map(\.json)),
            "statements": .array(statements.map(\.json)),
            "controls": .object(
                Dictionary(
                    uniqueKeysWithValues: controls.map { check, cited in
                        (check.description, .array(cited.map { [.string($0.framework), .string($0.control)] }))
                    })), "bundles": .array(bundles.map(\.json)), "instants": .array(instants.map { .string($0.description) }),
            "sample": ["nonce": .string(nonce), "root": .string(root.description), "count": .integer(Int64(count))],
            "pruned": .array(pruned.map(\.json)),
        ]
    }

    /// Of the last appliance first: one that ends in the period, and one that ends where it begins.
    var pruned: [PrunedSpan] {
        let appliances = Set(bundles.map(\.entry.appliance)).sorted().reversed()
        return appliances.enumerated().map { place, appliance in
            let until = period.from + .milliseconds(place % 2 == 0 ? 40_000_000 : 0)
            return PrunedSpan(appliance: appliance, from: period.from - .seconds(86_400), until: until, lastSequence: 7)
        }
    }

    func coverage() throws -> Coverage {
        var builder = CoverageBuilder(site: site, period: period, prior: prior, statements: statements, pruned: pruned)
        for bundle in bundles { try builder.add(bundle.entry) }
        return builder.finish()
    }

    func runs() -> RunHistory {
        var history = RunHistory()
        var runs: VerdictRuns?
        for bundle in bundles {
            let appliance = bundle.entry.appliance
            if runs?.appliance != appliance {
                let expected = prior.filter { $0.appliance == appliance }.sorted()
                runs = VerdictRuns(
                    appliance: appliance, expected: Dictionary(expected.map { ($0.host, $0.expected) }, uniquingKeysWith: { $1 }))
            }
            history.apply(runs!.apply(bundle.entry), of: appliance)
        }
        history.sort()
        return history
    }

    /// What the product makes of it, in the form of the reference's answer.
    func answer() throws -> JSONValue {
        let coverage = try coverage()
        let map = ControlMap(controls)
        let history = runs()
        var sample = try #require(Sample(nonce: nonce, root: root))
        return [
            "ledger": coverage.ledger.json, "coverage": try parsed(coverage.canonicalBytes),
            "continuity": ContinuityStatement(coverage, controls: map).json,
            "population": try parsed(Population(coverage, controls: map).canonicalBytes), "runs": .array(history.runs.map(\.json)),
            "postures": .array(
                instants.map { instant in
                    let posture = history.posture(at: instant, ledger: coverage.ledger)
                    return .array(posture.keys.sorted().map { json($0, posture[$0]!, history, at: instant) })
                }),
            "sample": .array(
                sample.draw(count, from: coverage.read).map { [.string($0.appliance.description), .integer($0.sequence)] }),
        ]
    }

    private func json(_ subject: WatchedCheck, _ answer: AsOf.Answer, _ history: RunHistory, at instant: Timestamp) -> JSONValue {
        let failing = AsOf.failingSince(history.runs(of: subject), at: instant)
        return [
            "host": .string(subject.host.description), "check": .string(subject.check.description),
            "verdict": .string(answer.verdict.word),
            "code": answer.verdict.code.map { .string($0.description) } ?? .null,
            "proof": .array(answer.proof.map { [.string($0.appliance.description), .integer($0.sequence)] }),
            "failingSince": failing.map {
                [.string($0.since.description), .string($0.proof.appliance.description), .integer($0.proof.sequence)]
            } ?? .null,
        ]
    }

    private func parsed(_ bytes: [UInt8]) throws -> JSONValue {
        var isCanonical = false
        let value = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1 << 26, depthMax: 16), isCanonical: &isCanonical)
        #expect(isCanonical)
        return value
    }
}
