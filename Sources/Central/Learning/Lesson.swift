import Catalog
import Evidence
import Learning
import Model

/// An accepted bundle, with whose it is and what judged it.
struct Lesson: Sendable {
    /// In the log: grows with each bundle that is accepted, whoever sent it.
    let position: Int64
    let record: BundleRecord
    let partner: PartnerID
    /// The pack that the bundle names; nil where it is not held, and then nothing is learned from the bundle but that time passes.
    let catalog: CompiledCatalog?

    /// What kind of drift the bundle's facts are.
    ///
    /// - Parameter host: where its baseline is not known, what all of the catalog's baselines agree upon is taken; where they do not, there
    ///   is no pattern.
    func pattern(code: Code?, _ host: LearningTables.Host) -> IncidentPattern? {
        guard let catalog, let check = record.check.flatMap({ catalog.checks[$0] }) else { return nil }
        let baselines = host.baseline.map { [catalog.baselines[$0]] } ?? [nil] + catalog.baselines.values.map(Optional.some)
        var held: [[String: TypedValue]] = []
        for baseline in baselines {
            let parameters = catalog.parameters(of: check, baseline: baseline)
            if !held.contains(parameters) { held.append(parameters) }
        }
        let vocabulary = PatternVocabulary(check)
        var found: IncidentPattern?
        for parameters in held {
            guard case .drift(let drift) = check.judge(record.preState, parameters: parameters, at: record.observed),
                code == nil || code == drift,
                let pattern = vocabulary.pattern(
                    code: drift, platforms: host.platforms, facts: record.preState, parameters: parameters, observed: record.observed)
            else { continue }
            guard found == nil || found?.signature == pattern.signature else { return nil }
            found = pattern
        }
        return found
    }

    /// What the plan did; nil where none was carried out, or the bundle does not say what it was made of, or names another runbook than its
    /// pack has: there are as many remedies as runbooks, whatever an appliance says.
    var treatment: Occurrence.Treatment? {
        guard record.kind == .healing, let tier = record.tier, let runbook = record.runbook, let plan = record.plan,
            let digest = plan.runbookDigest, catalog?.runbookDigests[runbook] == digest
        else { return nil }
        return Occurrence.Treatment(
            tier: tier, remedy: RemedyID(digest), runbook: runbook, parameters: plan.parameters,
            milliseconds: max(0, (record.ended - record.started).wholeMilliseconds))
    }

    /// nil where the attempt says nothing of its runbook: another drift was left, or it was never begun.
    var ending: Occurrence.Ending? {
        switch record.outcome.word {
        case "success": .held
        case "failed", "reverted": record.outcome.code == "executor.other_drift" ? nil : .failed
        default: nil
        }
    }
}
