import Catalog
import Learning
import Model

/// What Central is told of repairs, and what it makes of it.
extension Simulation {
    func pattern(of incident: Incident, _ subject: Int) -> IncidentPattern? {
        let check = world.check(of: subject)
        guard setup.learns, let vocabulary = world.vocabularies[check] else { return nil }
        return vocabulary.pattern(
            code: incident.code, platforms: SoundHost.platforms.sorted(), facts: incident.facts, parameters: world.parameters[check],
            observed: now)
    }

    func hostKey(_ subject: Int) -> HostKey {
        let host = world.host(of: subject)
        return HostKey(world.names[host], at: sites[setup.site(of: host)].id)
    }

    mutating func teach(_ repair: RunningRepair, _ isHealed: Bool) {
        guard let pattern = repair.pattern else { return }
        let treatment = Occurrence.Treatment(
            tier: repair.plan.tier, remedy: RemedyID(repair.plan.runbookDigest), runbook: repair.plan.runbook,
            parameters: repair.plan.parameters, milliseconds: (now - repair.started).wholeMilliseconds)
        guard
            let occurrence = Occurrence(
                pattern: pattern.signature, host: hostKey(repair.subject), attempt: repair.attempt, treatment: treatment,
                ending: isHealed ? .held : .failed, ended: now, evidence: BundleID(at: now, random: &ids))
        else { return }
        let site = sites[setup.site(of: world.host(of: repair.subject))].id
        desk.take(occurrence, at: site, by: repair.learned, now: now)
    }

    mutating func dayEnds(_ number: Int) {
        queue.add(.day, number + 1, at: now + .seconds(86_400))
        guard setup.learns else { return }
        desk.turn(at: now)
        for site in sites.indices {
            let carried = desk.rules(at: sites[site].id)
            if Set(carried.map(\.definition.id)) != Set(sites[site].rules.learned.keys) {
                sites[site].rules = RuleSet(world.catalog.rules, learned: carried)
            }
        }
    }
}
