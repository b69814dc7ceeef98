import Central
import Evidence
import Foundation
import Model
import Seal

/// What no rule repairs: a model chooses (L2), and where that is not for a program to say, people do (L3).
extension DemoStory {
    /// Takes away what ends idle shells.
    static let unendingShells = ["sh", "-c", "rm -f /etc/profile.d/*idle* /etc/profile.d/*martlet*"]
    private static let sessions: CheckID = "linux.session.timeout"
    private static let administrators: CheckID = "linux.accounts.privileged"

    func askAModel() async throws {
        narrator.chapter("No rule answers, so a model may choose")
        narrator.tell("no language model is asked: \(model.words)", .note)
        let rule: RuleID = "L1-LIN-SESSION-001"
        let version = try await central.switchOff(rule, because: "the practice wants to see what a model makes of it")
        narrator.tell("alice@msp.example switches rule \(rule) off at this site: a signed statement, and site policy \(version)", .note)
        try await arrives("the policy on the appliance") { $0.kind == .system && $0.note.hasPrefix("Site policy \(version) is in force") }

        try await practice.run("front-desk", Self.unendingShells)
        narrator.tell("front-desk: shells no longer end by themselves", .found)
        _ = try await central.order(.check, "look now: something broke")
        let isAbout = { (record: BundleRecord) in record.host == "front-desk" && record.check == Self.sessions }
        let unanswered = try await arrives("the appliance to hand it over") {
            isAbout($0) && $0.kind == .decision && $0.outcome.code == "rule.none"
        }
        narrator.tell("\(Self.sessions): no rule is left, \(unanswered.outcome.code?.description ?? ""); Central asks the model", .note)
        let proposed = try await arrives("the model's answer") { isAbout($0) && $0.tier == .l2 && $0.exchange != nil }
        guard let exchange = proposed.exchange, let choice = exchange.choice else {
            throw DemoFailure("the model chose nothing: \(proposed.outcome)")
        }
        narrator.tell(
            "asked with \(exchange.prompt?.utf8.count ?? 0) scrubbed bytes and a closed list; it proposes \(choice.runbook); question and answer are evidence"
        )
        let healed = try await arrives("the repair") { isAbout($0) && $0.kind == .healing }
        guard healed.outcome.word == "success", healed.tier == .l2 else { throw DemoFailure("not healed: \(healed.outcome)") }
        narrator.tell("the gate admitted it as any plan; checked again, healed by \(healed.requester ?? ""), tier l2")
        try await tellTicket(of: healed.incident)
    }

    func askAPerson() async throws {
        narrator.chapter("Who may be an administrator is for two people to say")
        try await practice.run("front-desk", ["sh", "-c", "useradd -M leaver && usermod -aG sudo leaver"])
        narrator.tell("front-desk: somebody who left the practice is an administrator again", .found)
        _ = try await central.order(.check, "look now: something broke")
        let isAbout = { (record: BundleRecord) in record.host == "front-desk" && record.check == Self.administrators }
        let handed = try await arrives("the appliance to hand it over") {
            isAbout($0) && $0.kind == .decision && $0.outcome.word == "alert"
        }
        guard let incident = handed.incident else { throw DemoFailure("no incident was handed over") }
        let ticket = try await central.story(of: incident).ticket
        narrator.tell(
            "a rule hands it to a person: ticket \(ticket.incident.description.suffix(6)), \(ticket.priority.rawValue), "
                + "to be answered by \(ticket.due.respond)",
            .waiting)
        let order = try await central.decide(
            ticket, runbook: "linux.account.expire", parameters: ["accounts": .strings(["leaver"])], "she left in spring")
        narrator.tell("alice@msp.example decides: end that account (order \(order.id.description.prefix(12))…)", .note)
        let asking = try await arrives("the gate to ask for a second person") { isAbout($0) && $0.outcome.code == "gate.approval" }
        narrator.tell("\(asking.outcome.code?.description ?? ""): what alice orders somebody else must approve", .refused)
        let plan = try await central.approve(order, as: "bob@msp.example", with: SigningKey())
        narrator.tell("bob@msp.example signs the plan's digest \(plan.description.prefix(12))… with a key of his own", .note)
        let healed = try await arrives("the repair") { isAbout($0) && $0.kind == .healing }
        guard healed.outcome.word == "success", healed.tier == .l3, healed.approver == "bob@msp.example" else {
            throw DemoFailure("not healed: \(healed.outcome)")
        }
        narrator.tell("checked again, healed; the evidence names alice, bob and both signatures")
        try await tellTicket(of: incident)
    }

    private func tellTicket(of incident: IncidentID?) async throws {
        guard let incident else { throw DemoFailure("the repair names no incident") }
        var story: TicketStore.Story?
        try await eventually("the ticket to end", within: .seconds(60)) {
            _ = try await central.newEvidence()
            story = try await central.story(of: incident)
            return story?.ticket.state == .resolved
        }
        let events = (story?.events ?? []).map(\.kind.rawValue)
        narrator.tell("its ticket: \(events.joined(separator: ", "))", .note)
    }

    /// The first bundle from now on that is so.
    @discardableResult
    private func arrives(_ what: String, _ isIt: (BundleRecord) -> Bool) async throws -> BundleRecord {
        var found: BundleRecord?
        try await eventually(what, within: .seconds(90)) {
            found = try await central.nextEvidence(isIt)
            return found != nil
        }
        guard let found else { throw DemoFailure(what) }
        return found
    }
}
