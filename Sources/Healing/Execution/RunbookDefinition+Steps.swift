package import Catalog
package import Model

extension RunbookDefinition {
    /// The steps with all their arguments, as they will run.
    ///
    /// - Returns: nil where a step names a verb, a parameter or a type that does not exist: the catalog's lint refuses it, but a pack
    ///   may have been made by another version.
    package func steps(_ given: [String: TypedValue], by verbs: VerbRegistry) -> [Intent.Step]? {
        var steps: [Intent.Step] = []
        for step in self.steps {
            guard let verb = verbs[step.verb] else { return nil }
            var arguments: [String: TypedValue] = [:]
            for (name, argument) in step.arguments {
                switch argument {
                case .literal(let value): arguments[name] = value
                case .parameter(let parameter):
                    arguments[name] = given[parameter] ?? parameters[parameter]?.default
                }
            }
            guard verb.signature.required.keys.allSatisfy({ arguments[$0] != nil }),
                arguments.allSatisfy({ verb.signature[$0.key] == $0.value.type })
            else { return nil }
            steps.append(Intent.Step(verb: step.verb, arguments: arguments))
        }
        return steps
    }
}
