import Evidence
import Foundation
import Hosts
import Laboratory
import Model

/// One scenario on one real host, and what became of it. All that it says of the box is from evidence.
struct RehearsalRun: Sendable {
    struct Result: Sendable {
        let scenario: Scenario
        let host: HostID
        /// nil: all as the scenario says.
        var failure: String?
        /// What a repair changed that it should not have, or what was done to what should have been left alone.
        var harm: [String] = []
        /// The host was compared with what it was before. Where a scenario came to nothing it is not, and its harm is not known.
        var isCompared = false
        /// From the injection to the end of the re-check that passed.
        var healing: Duration?
        /// What followed, in words of evidence with their numbers in the chain.
        var evidence: [String] = []

        var isGood: Bool { failure == nil && harm.isEmpty && isCompared }
    }

    let scenario: Scenario
    let rehearsal: Rehearsal
    let hand: LabHand
    /// As the box comes to the host.
    let host: any Hosts.Host
    let board: EvidenceBoard
    let signal: LookSignal
    /// How many steps a runbook has.
    let steps: [RunbookID: Int]
    /// Returns when the maintenance window is open.
    let openWindow: @Sendable () async throws -> Void

    /// For a runbook with its package manager, restart or clock, on a machine that does other things.
    private static let patience: Duration = .seconds(150)

    func play() async -> Result {
        var result = Result(scenario: scenario, host: hand.host)
        do {
            try await play(&result)
        } catch is CancellationError {
            result.failure = "interrupted"
        } catch {
            result.failure = "\(error)"
        }
        return result
    }

    private func play(_ result: inout Result) async throws {
        let before = try await hand.snapshot()
        let mark = await board.mark
        // The hand waits for its turn; what it breaks is broken from then on.
        let injected = try await signal.between {
            let began = WallClock.system.now()
            try await hand.run(rehearsal.inject)
            return began
        }
        let broken = rehearsal.state.isEmpty ? "" : try await hand.run(rehearsal.state)
        signal.send()

        switch scenario.ending {
        case .healed: try await waitForHealing(since: mark, injected, &result)
        case .waits(let code):
            let deferral = try await record("a deferral with \(code)", since: mark) {
                $0.kind == .decision && $0.outcome.word == "deferred"
            }
            note(deferral, &result)
            if deferral.outcome.code != code { result.failure = "deferred with \(deferral.outcome.code?.description ?? "-"), not \(code)" }
            try await expectUntouched(broken, &result)
            try await openWindow()
            try await waitForHealing(since: mark, injected, &result)
        case .handedOver(let code):
            if scenario.keepsComingBack { try await flap(mark, &result) }
            let alert = try await record("a hand-over with \(code)", since: mark) { $0.kind == .decision && $0.outcome.word == "alert" }
            note(alert, &result)
            if alert.outcome.code != code { result.failure = "handed over with \(alert.outcome.code?.description ?? "-"), not \(code)" }
            try await expectUntouched(broken, &result)
        case .unseen:
            let look = try await record("a verdict", since: mark) { $0.kind == .verdict && $0.verdict?.word == "unknown" }
            note(look, &result)
            try await expectUntouched(broken, &result)
        case .accepted:
            try await waitForCompliance(after: injected, since: mark, &result)
            try await expectUntouched(broken, &result)
        }

        if !rehearsal.undo.isEmpty { try await signal.between { try await hand.run(rehearsal.undo) } }
        if !scenario.isHealable {
            let acted = await board.since(mark, on: hand.host).filter { $0.kind == .healing && $0.check == scenario.check }
            if !scenario.keepsComingBack, !acted.isEmpty { result.harm.append("a runbook ran") }
            if scenario.code != nil || scenario.ending == .unseen {
                try await record("the check to pass after the hand's undoing", since: mark, lookingAgain: true) {
                    $0.verdict == .compliant && $0.observed > injected && $0.kind == .verdict
                }
            }
        }
        try await proveLogIn()
        let changes = try await hand.snapshot().changes(to: before, but: rehearsal.touches)
        result.harm += changes
        result.isCompared = true
    }

    // MARK: What has to come

    private func waitForHealing(since mark: Int, _ injected: Timestamp, _ result: inout Result) async throws {
        var codes: [Code] = []
        try await eventually("\(scenario.id): the drift to be seen and repaired", within: Self.patience) {
            let records = await self.board.since(mark, on: self.hand.host).filter { $0.check == self.scenario.check }
            codes = records.compactMap { record in
                if case .drift(let code)? = record.verdict, record.kind == .verdict { code } else { nil }
            }
            if let lost = records.first(where: { $0.kind == .decision && $0.outcome.word == "alert" }) {
                throw DemoFailure("handed to a person: \(lost.outcome.code?.description ?? "-")")
            }
            if let failed = records.first(where: { $0.kind == .healing && $0.outcome.word != "success" }) {
                throw DemoFailure("the repair \(failed.outcome.word): \(failed.outcome.code?.description ?? "-")")
            }
            if !records.contains(where: { $0.kind == .healing }) { self.signal.send() }
            return records.contains { $0.kind == .healing && $0.outcome.word == "success" }
        }
        let records = await board.since(mark, on: hand.host).filter { $0.check == scenario.check }
        for record in records { note(record, &result) }
        if let code = scenario.code, codes.first != code {
            result.failure = "seen as \(codes.first?.description ?? "nothing"), not \(code)"
        }
        guard let healing = records.last(where: { $0.kind == .healing }) else { return }
        result.healing = healing.ended - injected
        // Evidence for each step, and that the check was made again after the last.
        guard let steps = healing.runbook.flatMap({ steps[$0] }), healing.actions.map(\.step) == Array(1...max(steps, 1)),
            healing.actions.allSatisfy({ $0.result == "done" || $0.result == "unchanged" }), healing.tier == .l1,
            healing.verdict == .compliant, let recheck = healing.outcome.recheck, recheck.ended >= healing.started
        else {
            result.failure = "the repair's evidence is not whole"
            return
        }
    }

    private func waitForCompliance(after injected: Timestamp, since mark: Int, _ result: inout Result) async throws {
        var seen: BundleRecord?
        try await eventually("\(scenario.id): an attestation", within: Self.patience) {
            self.signal.send()
            seen = await self.board.since(mark, on: self.hand.host).first { record in
                record.attested.contains { $0.check == self.scenario.check && $0.observed > injected && $0.verdict == .compliant }
            }
            return seen != nil
        }
        if let seen { note(seen, &result) }
        let drift = await board.since(mark, on: hand.host).first { $0.check == scenario.check && $0.verdict?.word == "drift" }
        if drift != nil { result.failure = "seen as drift" }
    }

    /// Repaired once; then it comes back, goes and comes back until there were too many openings.
    private func flap(_ mark: Int, _ result: inout Result) async throws {
        try await waitForHealing(since: mark, WallClock.system.now(), &result)
        result.healing = nil
        for _ in 0..<3 {
            var here = await board.mark
            try await hand.run(rehearsal.inject)
            try await record("the drift that came back", since: here, lookingAgain: true) {
                $0.kind == .verdict && $0.verdict?.word == "drift"
            }
            let answers = await board.since(mark, on: hand.host)
            if answers.contains(where: { $0.check == scenario.check && $0.outcome.code == "gate.flapping" }) { return }
            here = await board.mark
            try await hand.run(rehearsal.undo)
            try await record("the drift to go", since: here, lookingAgain: true) { $0.kind == .verdict && $0.verdict == .compliant }
        }
        let here = await board.mark
        try await hand.run(rehearsal.inject)
        try await record("the drift that came back", since: here, lookingAgain: true) { $0.kind == .verdict && $0.verdict?.word == "drift" }
    }

    @discardableResult
    private func record(
        _ what: String, since mark: Int, lookingAgain: Bool = false, _ isIt: @Sendable (BundleRecord) -> Bool
    ) async throws -> BundleRecord {
        var found: BundleRecord?
        if lookingAgain { signal.send() }
        try await eventually("\(scenario.id): \(what)", within: Self.patience) {
            found = await self.board.since(mark, on: self.hand.host).last { $0.check == self.scenario.check && isIt($0) }
            if found == nil { self.signal.send() }
            return found != nil
        }
        guard let found else { throw DemoFailure("\(scenario.id): no \(what)") }
        return found
    }

    private func expectUntouched(_ broken: String, _ result: inout Result) async throws {
        let now = rehearsal.state.isEmpty ? "" : try await hand.run(rehearsal.state)
        if now != broken { result.harm.append("it was changed: \(now.split(separator: "\n").first ?? "")") }
    }

    /// The box can still come in, and be root.
    private func proveLogIn() async throws {
        await host.disconnect()
        try await eventually("\(hand.host) to let the box in", within: .seconds(60)) {
            (try? await self.host.run(HostCommand(["true"])))?.succeeded == true
        }
    }

    private func note(_ record: BundleRecord, _ result: inout Result) {
        let words = [
            record.kind.rawValue, record.verdict.map { $0.code.map { "\($0)" } ?? $0.word }, record.runbook?.description,
            record.outcome.word == "observed" ? nil : record.outcome.word,
            record.kind == .decision ? record.outcome.code?.description : nil,
        ]
        result.evidence.append("#\(record.link.sequence) " + words.compactMap(\.self).joined(separator: " "))
    }
}
