import Model

/// Which scenario is played on which real host, one after another on each: so that no repair waits for the cooldown of another, and each
/// change of a host has one cause.
package struct Rota: Sendable {
    /// Of hosts that may be repaired; in the order in which they are played.
    package let ordinary: [[Scenario]]
    package let clinical: [Scenario]

    /// - Parameter hosts: that may be repaired, at least; there are as many more as the scenarios need.
    package init(_ scenarios: [Scenario], hosts: Int) {
        let real = scenarios.filter { $0.rehearsal != nil }
        clinical = real.filter { $0.place == .clinicalDevice }
        let others = real.filter { $0.place != .clinicalDevice }
        let needed = Dictionary(grouping: others.filter(\.isTried), by: \.check).values.map(\.count).max() ?? min(1, others.count)
        var lists: [[Scenario]] = Array(repeating: [], count: max(hosts, needed))
        // Those that have to be apart first: there is room for each of them then.
        for scenario in others.filter(\.isTried) + others.filter({ !$0.isTried }) {
            let free = lists.indices.filter { index in
                !scenario.isTried || !lists[index].contains { $0.isTried && $0.check == scenario.check }
            }
            guard let host = free.min(by: { lists[$0].count < lists[$1].count }) else { continue }
            lists[host].append(scenario)
        }
        ordinary = lists.map { list in
            list.filter { $0.place == .outsideWindow } + list.filter { $0.place != .outsideWindow && !$0.isLast } + list.filter(\.isLast)
        }
    }
}

extension Scenario {
    /// A runbook runs, and its check has a cooldown then.
    fileprivate var isTried: Bool { isHealable || keepsComingBack }
    fileprivate var isLast: Bool { rehearsal?.isLast ?? false }
}
