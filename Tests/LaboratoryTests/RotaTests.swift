import Laboratory
import Model
import Testing

/// Who plays what, and where: pure, and the reason why each change of a real host has one cause.
@Suite struct RotaTests {
    private let rota = Rota(Scenario.all, hosts: 1)

    @Test func eachScenarioThatCanBeHadIsPlayedOnceAndOnAHostOfItsKind() {
        let played = rota.ordinary.joined() + rota.clinical
        #expect(played.map(\.id).sorted() == Scenario.all.filter { $0.rehearsal != nil }.map(\.id).sorted())
        #expect(rota.clinical.allSatisfy { $0.place == .clinicalDevice })
        #expect(rota.ordinary.joined().allSatisfy { $0.place != .clinicalDevice })
    }

    @Test func noCheckIsRepairedTwiceOnAHost() {
        for list in rota.ordinary {
            let repaired = list.filter { $0.isHealable || $0.keepsComingBack }.map(\.check)
            #expect(Set(repaired).count == repaired.count)
        }
    }

    @Test func whatNeedsAClosedWindowComesFirstAndWhatTakesTheHostAwayLast() {
        for list in rota.ordinary {
            #expect(list.drop { $0.place == .outsideWindow }.allSatisfy { $0.place != .outsideWindow })
            #expect(list.dropLast().allSatisfy { $0.rehearsal?.isLast == false })
        }
    }

    @Test func moreHostsAreUsedAndOneScenarioNeedsOne() {
        #expect(Rota(Scenario.all, hosts: 20).ordinary.count == 20)
        #expect(Rota(Scenario.all, hosts: 20).ordinary.allSatisfy { !$0.isEmpty })
        #expect(Rota(Scenario.all.filter { $0.id == "firewall.flushed" }, hosts: 1).ordinary.map { $0.map(\.id) } == [["firewall.flushed"]])
    }
}
