import Catalog
import Central
import Evidence
import Learning
import Model

/// What a model repairs again and again becomes a rule, and needs no model any more.
extension DemoStory {
    func learnARule() async throws {
        narrator.chapter("What a model repairs again and again becomes a rule")
        narrator.tell("a repair counts when it has lasted for an hour, so the clock of this chapter is moved by the demo;", .note)
        narrator.tell("its Central and its appliance run in this process; hosts, TLS, repairs and the model's double are as before", .note)
        let learning = try await LearningPractice(
            directory: directory, whole: catalog, practice: practice, model: model.address)
        do {
            try await promote(learning)
        } catch {
            await learning.end()
            throw error
        }
        await learning.end()
    }

    private func promote(_ learning: LearningPractice) async throws {
        let hosts = practice.members.count
        for _ in 0..<3 { try await learning.breakAndHeal(by: .l2) }
        narrator.tell(
            "no rule knows why shells do not end: three times on each of \(hosts) hosts the model's choice repairs it, and it lasts")
        let shadow = try await learning.remedy("a rule in shadow") { $0.stage == .shadow }
        let name = shadow.key.name
        let bound = shadow.figures.map { String(Int($0.lower * 100)) } ?? "?"
        narrator.tell(
            "Central makes rule \(name.description.prefix(12))… of it (it works in at least \(bound) of 100 cases, with 95 % confidence): in shadow",
            .note)
        try await learning.delivered(at: .shadow)

        for _ in 0..<3 { try await learning.breakAndHeal(by: .l2) }
        let pattern = try await learning.remedy("the canary to be earned") { $0.pattern?.awaiting == .canary }.pattern
        let (same, other) = (pattern?.successes ?? 0, pattern?.failures ?? 0)
        narrator.tell(
            "the model still decides, and the box tells what the rule would have done: the same, \(same) of \(same + other) times", .note)
        try await learning.approve(name)
        try await learning.delivered(at: .canary)
        narrator.tell("alice@msp.example approves a canary: a signed statement in the log, and a new site policy on the box")

        for _ in 0..<5 { try await learning.breakAndHeal(by: .l1) }
        try await learning.remedy("the rule to prove itself") { $0.pattern?.awaiting == .active }
        narrator.tell("\(5 * hosts) times the box heals by the rule alone; no model is asked")
        try await learning.approve(name)
        try await learning.delivered(at: .active)
        narrator.tell("alice@msp.example approves: active", .note)

        guard let healed = try await learning.breakAndHeal(by: .l1).first, healed.plan?.rule == name, healed.exchange == nil else {
            throw DemoFailure("the active rule did not fire")
        }
        narrator.tell("it breaks once more: healed by \(healed.requester ?? ""), tier l1")
        guard let proof = try await learning.proof(name) else { throw DemoFailure("Central does not know that the rule fired") }
        let stages = try await learning.history().map(\.change.to.rawValue).joined(separator: ", ")
        narrator.tell(
            "the proof: bundle \(proof.bundle.description.prefix(12))…, entry \(proof.logIndex) of the log; its stages there: \(stages)",
            .note)
    }
}
