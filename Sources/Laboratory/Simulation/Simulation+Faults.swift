import Model

/// What happens to hosts and sites, and what of it is counted when it is over.
extension Simulation {
    mutating func drawArrival(_ number: Int) {
        let arrival = sources[number].next()
        arriving[number] = arrival
        queue.add(.arrival, number, at: max(arrival.fault.injected, now))
    }

    mutating func arrive(_ number: Int) {
        if let arrival = arriving[number] {
            begin(arrival.fault, on: arrival.host)
            if scenarios[number].place == .clockOff {
                disturb(.clockOff(with: arrival, at: setup.site(of: arrival.host), now: now))
            }
        }
        drawArrival(number)
    }

    private mutating func begin(_ fault: Fault, on host: Int) {
        let scenario = scenarios[fault.scenario]
        let subject = world.subject(host, scenario)
        // One fault at a time on a host and check.
        guard subjects[subject].fault == nil else { return }
        subjects[subject].begin(fault)
        report.tallies[fault.scenario].faults += 1
        if let span = fault.endsAlone(scenario.course) { queue.add(.endsAlone, subject, fault: fault.key, at: now + span) }
        // What nobody may be told of, nobody is asked to see to: it lasts until somebody happens to.
        if scenario.ending == .unseen || scenario.ending == .accepted {
            queue.add(.personRepairs, subject, fault: fault.key, at: now + fault.personTakes)
        }
        changed(subject)
    }

    mutating func awaken(_ subject: Int, _ key: UInt64) {
        // Of a fault that is over it is a relapse.
        guard subjects[subject].fault?.key == key else { return relapse(subject, key) }
        subjects[subject].isDormant = false
        changed(subject)
    }

    private mutating func relapse(_ subject: Int, _ key: UInt64) {
        guard let old = subjects[subject].relapsing, old.key == key else { return }
        subjects[subject].relapsing = nil
        guard subjects[subject].fault == nil else { return }
        if now - subjects[subject].healed < .seconds(86_400) { report.tallies[old.scenario].relapses += 1 }
        begin(old.relapsed(at: now), on: world.host(of: subject))
    }

    enum Ender { case itself, person }

    mutating func end(_ subject: Int, _ key: UInt64, by ender: Ender) {
        guard let fault = subjects[subject].fault, fault.key == key else { return }
        // Where somebody was asked already, it is the person's.
        if ender == .itself, subjects[subject].handedOver != nil { return }
        settle(subject, fault, healedBy: nil, alone: ender == .itself)
        changed(subject)
    }

    /// The fault is over; what it was is counted.
    mutating func settle(_ subject: Int, _ fault: Fault, healedBy tier: Tier?, alone: Bool) {
        let state = subjects[subject]
        subjects[subject].end()
        switch tier {
        case .l1: report.tallies[fault.scenario].byL1 += 1
        case .l2: report.tallies[fault.scenario].byL2 += 1
        default: if alone { report.tallies[fault.scenario].alone += 1 } else { report.tallies[fault.scenario].byPerson += 1 }
        }
        if alone { return }
        let isExpected = scenarios[fault.scenario].isAsExpected(
            healed: tier != nil, firstAnswer: state.firstAnswer, handedOver: state.handedOver, isMisjudged: state.isMisjudged)
        if isExpected { report.tallies[fault.scenario].asExpected += 1 } else { report.tallies[fault.scenario].otherwise += 1 }
    }

    // MARK: Disturbances

    mutating func drawDisturbance(_ site: Int) {
        let next = disturbances[site].next()
        coming[site] = next
        queue.add(.disturbance, site, at: next.starts)
    }

    mutating func disturb(_ site: Int) {
        if let disturbance = coming[site] { disturb(disturbance) }
        drawDisturbance(site)
    }

    private mutating func disturb(_ disturbance: Disturbance) {
        if case .badDay = disturbance.kind {
            for host in setup.hosts(of: disturbance.site) where !setup.isClinical(host) {
                if let fault = disturbance.strikes(host) { begin(fault, on: host) }
            }
            return
        }
        disturbancesBegun += 1
        atWork[disturbancesBegun] = disturbance
        sites[disturbance.site].apply(disturbance.kind, by: 1)
        queue.add(.disturbanceEnds, disturbancesBegun, at: disturbance.ends)
    }

    mutating func calm(_ number: Int) {
        guard let disturbance = atWork.removeValue(forKey: number) else { return }
        sites[disturbance.site].apply(disturbance.kind, by: -1)
        // What could not be looked at is looked at; what was refused is judged again.
        for host in setup.hosts(of: disturbance.site) {
            for subject in world.subjects(of: host) {
                if case .outage(host) = disturbance.kind, subjects[subject].fault != nil || subjects[subject].incident != nil {
                    changed(subject)
                }
                if subjects[subject].incident?.state == .open { ask(subject, at: now) }
            }
        }
    }
}
