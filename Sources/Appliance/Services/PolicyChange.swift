import Catalog
import Evidence
import Model

/// What becomes otherwise when a pack or a site's policy comes into force, for evidence: a check that is switched off must be as plain to
/// an auditor as an exception.
struct PolicyChange {
    private let before: FittedPolicy
    private let after: FittedPolicy
    private let version: Int64
    private let stamp: ActiveCatalog.Stamp

    /// - Parameter before: nil at the first catalog.
    init(from before: ActiveCatalog.Loaded?, to after: ActiveCatalog.Loaded) {
        self.before = before?.fitted ?? .none
        self.after = after.fitted
        version = after.policy?.policy.version ?? 0
        stamp = after.stamp
    }

    var newlyDisabledChecks: Set<CheckID> { Set(after.checks.keys).subtracting(before.checks.keys) }

    /// One for each thing that is off now or on again, with who and why, and for each that was left out.
    func bundles(_ drafts: BundleDrafts) -> [Bundle] {
        switches(before.checks, after.checks, "Check", drafts) { $0.check = $1 }
            + switches(before.rules, after.rules, "Rule", drafts) { _, _ in }
            + switches(before.runbooks, after.runbooks, "Runbook", drafts) { $0.runbook = $1 }
            + leftOut(drafts)
    }

    private func switches<Subject>(
        _ before: [Name<Subject>: SitePolicy.SwitchedOff<Subject>], _ after: [Name<Subject>: SitePolicy.SwitchedOff<Subject>],
        _ kind: String, _ drafts: BundleDrafts, _ name: (inout Bundle, Name<Subject>) -> Void
    ) -> [Bundle] {
        Set(before.keys).union(after.keys).sorted().compactMap { id in
            guard before[id] != after[id] else { return nil }
            let entry = after[id]
            let note =
                entry.map { "\(kind) \(id) is switched off since \($0.since) by site policy \(version): \($0.reason)" }
                ?? "\(kind) \(id) is not switched off any more, by site policy \(version)."
            var bundle = drafts.system(.observed, note: note)
            name(&bundle, id)
            // Not in the note, where a name would be scrubbed.
            bundle.requester = entry?.by
            return bundle
        }
    }

    private func leftOut(_ drafts: BundleDrafts) -> [Bundle] {
        let known = Set(before.leftOut)
        return after.leftOut.filter { !known.contains($0) }.map { item in
            var bundle = drafts.system(
                .rejected(item.code), note: "Left out of site policy \(version), of which the rest is in force: \(item.sentence)",
                // Of the pack that has no place for it, which is not in force before this bundle.
                stamp: stamp)
            if let learned = item.learned {
                bundle.preState = Facts([
                    "learned.pattern": .string(learned.patternText), "learned.rule": .string(learned.ruleID.description),
                    "learned.version": .integer(Int64(learned.version)),
                ])
            }
            return bundle
        }
    }
}
