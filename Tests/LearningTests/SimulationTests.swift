import Foundation
import Learning
import Model
import Testing

/// Histories whose truth is known: what is promoted that should not be, and what is found that should be.
@Suite struct SimulationTests {
    @Test func falsePromotionsStayBelowOnePercent() async throws {
        let histories = ProcessInfo.processInfo.environment["MARTLET_LEARNING_HISTORIES"].flatMap(Int.init) ?? 12
        for failuresMax in [0, 1] {
            var figures = LearningPolicy.Figures()
            (figures.canaryApproval, figures.activeApproval) = (.automatic, .automatic)
            (figures.canaryFailuresMax, figures.canaryFirings) = (failuresMax, failuresMax == 0 ? 20 : 30)
            let tally = try await Self.run(histories, try LearningPolicy(figures))
            print(
                "learning: \(histories) histories, canary failures \(failuresMax): \(tally.promotions) promotions, "
                    + "\(tally.falsePromotions) false of \(tally.unsound) unsound; found \(tally.soundFound) of \(tally.sound) sound; "
                    + "decayed while active \(tally.decayedWhileActive), still active \(tally.decayedStillActive), "
                    + "firings after decay \(tally.firingsAfterDecay) \(tally.falseOnes.prefix(12))")
            #expect(tally.promotions > 0)
            // Of few histories a single one would be too much.
            #expect(Double(tally.falsePromotions) <= max(1, 0.01 * Double(tally.promotions)))
            #expect(tally.soundFound * 2 > tally.sound)
        }
    }

    private static func run(_ histories: Int, _ policy: LearningPolicy) async throws -> SimulatedPartner.Tally {
        let small = try SmallCatalog()
        let rules = try (0..<20).map { try small.rule($0 / 2, $0 % 2 == 0 ? "svc.start" : "svc.restart") }
        return try await withThrowingTaskGroup(of: SimulatedPartner.Tally.self) { group in
            for part in 0..<2 {
                group.addTask {
                    var sum = SimulatedPartner.Tally()
                    for seed in stride(from: part, to: histories, by: 2) {
                        var partner = SimulatedPartner(seed: UInt64(seed) + 1, policy: policy, small: small, rules: rules)
                        sum = sum + (try partner.run())
                    }
                    return sum
                }
            }
            return try await group.reduce(SimulatedPartner.Tally(), +)
        }
    }
}
