import Catalog
import Conditions
import Evidence
import Model

/// Inputs of the usual size, the same in every run.
enum Samples {
    static let now = Timestamp(milliseconds: 1_790_000_000_000)

    /// A healing bundle as the appliance writes them: two steps, pre and post state, a dozen citations; about 2 KB.
    static let bundle = bundle(at: now)

    static func bundle(at now: Timestamp) -> Bundle {
        var random = SplitMix(state: 7)
        let facts = Facts([
            "sshd.installed": .boolean(true), "sshd.permit_root_login": .string("yes"), "sshd.password_authentication": .string("no"),
            "sshd.max_auth_tries": .integer(6), "sshd.allow_users": .strings(["alice", "martlet"]),
        ])
        let observation = Observation(
            host: "front-desk", check: "linux.ssh.hardening", verdict: .compliant, facts: facts, started: now, ended: now + .seconds(1))
        let controls = ["164.312(a)(1)", "164.312(d)", "CC6.1", "CC6.6", "2.2.1", "8.2.1", "PR.AA-01", "03.05.01", "AC.L2-3.1.1", "8.5"]
        return Bundle(
            id: BundleID(at: now, random: &random), kind: .healing,
            origin: Bundle.Origin(
                site: SiteID(at: now, random: &random), appliance: ApplianceID(at: now, random: &random), deploymentMode: .reseller,
                reseller: "msp-one", policyVersion: "1", catalogVersion: 12, rulesetDigest: .genesis, nixosRevision: nil,
                derivationDigest: nil, softwareVersion: "0.1.0"),
            host: "front-desk", check: "linux.ssh.hardening",
            controls: controls.map { ControlCitation(framework: "hipaa-security-rule", control: $0, confidence: .direct) },
            verdict: .compliant, preState: facts, postState: facts,
            actions: (1...2).map {
                ActionRecord(
                    step: $0, verb: "sshd.set_option", target: "PermitRootLogin", exitStatus: 0, durationMilliseconds: 120, result: "done")
            },
            isRollbackAvailable: true, observed: now, started: now, ended: now + .seconds(1),
            clock: ClockReading(offsetMilliseconds: 12, source: "ntp:3 sources"),
            outcome: .success(PassingRecheck(observation, after: now)!), runbook: "linux.sshd.set_option",
            incident: IncidentID(at: now, random: &random), tier: .l1, requester: "rule:L1-LIN-SSH-001")
    }

    /// `count` rules over 200 checks of 10 codes each, one condition each, none with a pattern.
    static func rules(_ count: Int) -> [RuleDefinition] {
        (0..<count).map { number in
            RuleDefinition(
                id: RuleID("R-\(number)")!, title: "rule \(number)", priority: number % 7, check: CheckID("area.check.c\(number % 200)")!,
                codes: [Code("drift.code\(number / 200 % 10)")!], platforms: number % 3 == 0 ? ["debian"] : [],
                condition: .compare(
                    Comparison(fact: "service.restarts", operator: .greater, operand: .literal(.integer(Int64(1_000 - number / 2_000))))),
                runbook: "linux.service.start", parameters: ["unit": .literal(.string("rsyslog.service"))], cooldown: .seconds(600),
                attemptsMax: 2)
        }
    }

    static let incidents: [Incident] = (0..<256).map { number in
        var random = SplitMix(state: UInt64(number))
        return Incident(
            id: IncidentID(at: now, random: &random), host: "front-desk", check: CheckID("area.check.c\(number * 37 % 200)")!,
            code: Code("drift.code\(number % 10)")!, severity: .high, opened: now, lastSeen: now,
            facts: Facts(["service.restarts": .integer(Int64(990 + number % 20))]))
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
