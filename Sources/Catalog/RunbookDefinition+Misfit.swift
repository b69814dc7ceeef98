package import Model

extension RunbookDefinition {
    /// Why no plan may run this for `check` on a host of these platforms with these arguments; nil when one may.
    ///
    /// The gate refuses such a plan, and whoever tries a catalog is told the same. The sentence completes "the runbook …" and quotes no value.
    package func misfit(for check: CheckID, on platforms: Set<String>, with arguments: [String: TypedValue]) -> String? {
        guard checks.contains(check) else { return "does not repair \(check)" }
        guard self.platforms.contains(where: platforms.contains) else {
            return "does not run on \(platforms.sorted().joined(separator: " "))"
        }
        for (name, value) in arguments.sorted(by: { $0.key < $1.key }) {
            guard let definition = parameters[name] else { return "has no parameter \(name)" }
            if let fault = definition.fault(of: value) { return "does not take what \(name) is given: it \(fault)" }
        }
        let missing = parameters.filter { $0.value.default == nil && arguments[$0.key] == nil }.keys.min()
        return missing.map { "needs the argument \($0)" }
    }
}
