import Evidence
import Model
import Seal
import TestSupport

enum Samples {
    static let now = Timestamp(milliseconds: 1_795_000_000_123)

    static func origin(using random: inout SeededGenerator) -> Bundle.Origin {
        Bundle.Origin(
            site: SiteID(at: now, random: &random), appliance: ApplianceID(at: now, random: &random), deploymentMode: .reseller,
            reseller: Bool.random(using: &random) ? "msp-42" : nil, policyVersion: "7", catalogVersion: 12,
            rulesetDigest: Digest(of: [1]), nixosRevision: Bool.random(using: &random) ? "25.05.1" : nil, derivationDigest: nil,
            softwareVersion: "0.1.0")
    }

    static func text(using random: inout SeededGenerator) -> String {
        let pieces = ["a", "B", "7", "\"", "\\", "\n", "\u{1}", "\u{7f}", "é", "€", "😀", "/", " ", "\u{2028}"]
        return (0..<Int.random(in: 0...8, using: &random)).map { _ in pieces.randomElement(using: &random)! }.joined()
    }

    static func facts(using random: inout SeededGenerator) -> Facts {
        var facts = Facts()
        for index in 0..<Int.random(in: 0...6, using: &random) {
            let name = FactName("sshd.fact-\(index)_\(Int.random(in: 0...99, using: &random))")!
            switch Int.random(in: 0..<8, using: &random) {
            case 0: facts[name] = .boolean(.random(using: &random))
            case 1: facts[name] = .integer(.random(in: -1_000...1_000, using: &random))
            case 2: facts[name] = .integer(Bool.random(using: &random) ? .max : .min)
            case 3: facts[name] = .string(text(using: &random))
            case 4: facts[name] = .strings([text(using: &random), text(using: &random)])
            case 5: facts[name] = .instant(now - .seconds(Int.random(in: 0...1_000_000, using: &random)))
            case 6: facts[name] = .version(Version("1:2.3~rc1-4")!)
            default: facts.markUnknown(name, "host.timed_out")
            }
        }
        return facts
    }

    /// Of a bundle with that runbook.
    static func plan(_ runbook: RunbookID?, using random: inout SeededGenerator) -> PlanRecord? {
        let parameters = Dictionary(facts(using: &random).values.map { ($0.key.description, $0.value) }, uniquingKeysWith: { $1 })
        return PlanRecord(
            baseline: runbook == nil ? nil : "default", parameters: runbook == nil ? [:] : parameters,
            platforms: Bool.random(using: &random) ? ["linux", "debian"] : [],
            rule: Bool.random(using: &random) ? "LRN-1" : nil, ruleVersion: nil, runbookDigest: runbook.map { _ in Digest(of: [3]) })
    }

    static func outcome(using random: inout SeededGenerator) -> Outcome {
        let observation = Observation(
            host: "front-desk", check: "linux.ssh.hardening", verdict: .compliant, facts: Facts(), started: now, ended: now + .seconds(1))
        return [
            .success(PassingRecheck(observation, after: now)!), .failed("step.failed"), .reverted("check.still_drift"),
            .deferred(until: now + .seconds(3_600), "window.closed"), .alert("needs.person"), .rejected("order.bad_signature"), .expired,
            .observed,
        ].randomElement(using: &random)!
    }

    static func bundle(_ origin: Bundle.Origin, using random: inout SeededGenerator) -> Bundle {
        let verdicts: [Verdict] = [.compliant, .drift("ssh.root_login"), .unknown("host.timed_out"), .notApplicable("ssh.not_installed")]
        let controls = [
            ControlCitation(framework: "nist-csf-2.0", control: "PR.AA-01", confidence: .supporting),
            ControlCitation(framework: "hipaa-security-rule", control: "164.312(d)", confidence: .direct),
            ControlCitation(framework: "hipaa-security-rule", control: "164.312(a)(1)", confidence: .supporting),
            ControlCitation(framework: "Z \"~", control: "~ \"\\/", confidence: .direct),
            ControlCitation(framework: "a\\", control: "x", confidence: .direct),
        ]
        let actions = (1...3).map {
            ActionRecord(
                step: $0, verb: "sshd.set_option", target: text(using: &random), exitStatus: $0 == 2 ? nil : 0, durationMilliseconds: 12,
                result: "done")
        }
        let attested = (0..<Int.random(in: 0...3, using: &random)).map { _ in
            Bundle.Attested(
                check: "linux.ssh.hardening", verdict: verdicts.randomElement(using: &random)!, observed: now, factsDigest: Digest(of: [2]))
        }
        let kind = Bundle.Kind.allCases.randomElement(using: &random)!
        let expected = [
            ExpectedCheck(check: "linux.ssh.hardening", intervalSeconds: 900, staleAfterSeconds: 3_600),
            ExpectedCheck(check: "linux.time.sync", intervalSeconds: 1, staleAfterSeconds: 31_622_400),
        ]
        let outcome = kind == .gap ? .alert("gap.down") : outcome(using: &random)
        // A success states the verdict of the look that proves it.
        let isProven = outcome.word == "success"
        let hasMore = Bool.random(using: &random)
        let runbook: RunbookID? = hasMore ? "linux.sshd.set_option" : nil
        let shadow = [
            ShadowFiring(pattern: Digest(of: [4]), version: 2, rule: "LRN-1"),
            ShadowFiring(pattern: Digest(of: [5]), version: 1, rule: "LRN-2"),
        ]
        var bundle = Bundle(
            id: BundleID(at: now, random: &random), kind: kind, origin: origin,
            host: "front-desk", check: hasMore || isProven ? "linux.ssh.hardening" : nil,
            controls: Array(controls.shuffled(using: &random).prefix(Int.random(in: 0...5, using: &random))),
            verdict: isProven ? .compliant : hasMore ? verdicts.randomElement(using: &random)! : nil, attested: attested,
            expected: kind == .expectation && hasMore ? expected : [], preState: facts(using: &random),
            postState: facts(using: &random), actions: hasMore ? actions : [], isRollbackAvailable: hasMore, observed: now,
            started: now + .milliseconds(1), ended: now + .milliseconds(900),
            clock: hasMore ? ClockReading(offsetMilliseconds: -12, source: "ntp:3 sources") : .unknown, outcome: outcome,
            order: hasMore ? OrderID(at: now, random: &random) : nil, runbook: runbook,
            incident: hasMore ? IncidentID(at: now, random: &random) : nil, tier: hasMore ? .l3 : nil,
            plan: kind == .healing || kind == .decision ? plan(runbook, using: &random) : nil,
            shadow: hasMore ? Array(shadow.prefix(Int.random(in: 0...2, using: &random))) : [],
            requester: hasMore ? "order:alice@msp.example" : nil, approver: nil, note: text(using: &random))
        bundle.exchange = bundle.incident.map { exchange(about: $0, using: &random) }
        return bundle
    }

    /// What passed between a site and a model, whole or hardly begun.
    static func exchange(about incident: IncidentID, using random: inout SeededGenerator) -> ExchangeRecord {
        let isWhole = Bool.random(using: &random)
        let choice = ExchangeRecord.Choice(
            runbook: "linux.sshd.set_option", parameters: ["option", "value"], confidencePercent: 87, needsApproval: false,
            reason: text(using: &random))
        return ExchangeRecord(
            incident: incident, started: now, latencyMilliseconds: isWhole ? 1_200 : 0,
            outcome: isWhole ? ExchangeRecord.chosen : "planner.low_confidence", choice: isWhole ? choice : nil,
            unsure: isWhole ? nil : choice, prompt: isWhole ? text(using: &random) : nil, pattern: isWhole ? Digest(of: [6]) : nil,
            provider: "llama.cpp", model: "model-1", answeredModel: isWhole ? text(using: &random) : nil,
            answerDigest: isWhole ? Digest(of: [7]) : nil, answer: isWhole ? text(using: &random) : nil,
            inputTokens: isWhole ? 700 : nil, outputTokens: isWhole ? 60 : nil, cost: 1_000, isFromCache: isWhole)
    }
}
