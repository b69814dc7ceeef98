package import Catalog
package import Model

/// Plans which checks are due on which host. Pure: what was looked at when, and the time, are arguments.
package struct Detector: Sendable {
    /// Share of an interval by which looks are spread, so that a site's hosts are not all asked in the same second.
    package static let jitterPercent: Int64 = 10
    /// So long after a repair its check is made once more, however rarely it is made otherwise: a re-check that passed right
    /// after the last step does not show that the repair lasts. Short enough that a drift which always comes back is flapping
    /// (more than 3 openings in 30 minutes) in spite of the cooldown between repairs.
    package static let relapseAfter: Duration = .seconds(300)

    /// One check on one host.
    package struct Subject: Hashable, Sendable {
        package let host: HostID
        package let check: CheckID

        package init(host: HostID, check: CheckID) {
            self.host = host
            self.check = check
        }
    }

    /// What is known of a host's kind; nil until it could be read once.
    package struct Target: Hashable, Sendable {
        package let host: HostID
        package let platforms: Set<String>?

        package init(host: HostID, platforms: Set<String>?) {
            self.host = host
            self.platforms = platforms
        }
    }

    private let checks: [CheckDefinition]

    /// - Parameter checks: those that the site has switched on.
    package init(checks: [CheckDefinition]) { self.checks = checks.sorted { $0.id < $1.id } }

    /// The checks that speak of hosts of this kind. While a host's kind is not known all do, and each will say `unknown`:
    /// a host that was never reached must not vanish from the figures.
    package func checks(for target: Target) -> [CheckDefinition] {
        guard let platforms = target.platforms else { return checks }
        return checks.filter { !platforms.isDisjoint(with: $0.platforms) }
    }

    /// Checks to run now, by host.
    /// - Parameters:
    ///   - last: when each was last looked at; a look in the future (the clock was set back) counts as none.
    ///   - repaired: when the newest repair of each ended.
    package func due(
        _ targets: [Target], last: [Subject: Timestamp], repaired: [Subject: Timestamp] = [:], at now: Timestamp
    ) -> [HostID: [CheckDefinition]] {
        var due: [HostID: [CheckDefinition]] = [:]
        for target in targets {
            let checks = checks(for: target).filter { check in
                nextLook(check, on: target.host, last: last, repaired: repaired, at: now) <= now
            }
            if !checks.isEmpty { due[target.host] = checks }
        }
        return due
    }

    /// When the next check is due, for the loop to sleep until; nil where there is nothing to look at.
    package func nextDue(
        _ targets: [Target], last: [Subject: Timestamp], repaired: [Subject: Timestamp] = [:], at now: Timestamp
    ) -> Timestamp? {
        targets.lazy.flatMap { target in
            checks(for: target).map { nextLook($0, on: target.host, last: last, repaired: repaired, at: now) }
        }.min()
    }

    private func nextLook(
        _ check: CheckDefinition, on host: HostID, last: [Subject: Timestamp], repaired: [Subject: Timestamp], at now: Timestamp
    ) -> Timestamp {
        let subject = Subject(host: host, check: check.id)
        guard let last = last[subject], last <= now else { return now }
        let regular = last + interval(of: check, on: host)
        guard let proof = repaired[subject].map({ $0 + Self.relapseAfter }), last < proof else { return regular }
        return min(regular, proof)
    }

    /// At most the check's interval, and up to a tenth less: always the same for a check and host, so that a restart
    /// changes nothing and nothing is seen later than promised.
    package func interval(of check: CheckDefinition, on host: HostID) -> Duration {
        let hash = "\(host) \(check.id)".utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let permille = Int64(hash >> 32) % (Self.jitterPercent * 10 + 1)
        let whole = check.interval.wholeMilliseconds
        return .milliseconds(whole - whole / 1_000 * permille)
    }
}
