package import Catalog
package import Model

extension Decision {
    /// Why what this decision runs would be refused on every host of these platforms: by the gate for its runbook, or by the code
    /// of a verb before it touches anything. nil where neither would, and where nothing is run.
    package func refusal(
        for check: CheckID, on platforms: some Sequence<String>, catalog: CompiledCatalog, verbs: VerbRegistry = VerbRegistry()
    ) -> (code: Code, sentence: String)? {
        guard case .run(_, let id, let arguments) = self, let runbook = catalog.runbooks[id] else { return nil }
        if let misfit = runbook.misfit(for: check, on: Set(platforms), with: arguments) {
            return (GateCode.runbookUnfit.code, "runbook \(id) \(misfit)")
        }
        guard let steps = runbook.steps(arguments, by: verbs) else { return ("executor.steps_unfit", "the steps of \(id) do not fit") }
        for step in steps {
            do throws(StepError) { try verbs[step.verb]?.examine(VerbArguments(step.arguments)) } catch {
                return (error.code, "\(step.verb) of runbook \(id) refuses \"\(error.detail)\"")
            }
        }
        return nil
    }
}
