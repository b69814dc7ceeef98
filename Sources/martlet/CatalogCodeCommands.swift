import ArgumentParser
import Catalog
import Documents
import Healing
import Hosts
import Model
import Seal

extension CatalogCommand {
    /// What conditions may ask.
    struct FactList: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "facts", abstract: "List the facts that this build's probes read, with types and units.",
            discussion: "A check's conditions name facts of its own probe.")

        @Argument(help: "Only of this probe.") var probe: String?
        @Flag(help: "Print a JSON array: probe, fact, type, unit.") var json = false

        func run() throws {
            let probes = try ProbeRegistry.all.sorted { $0.id < $1.id }.chosen(probe, "probe") { $0.id.description }
            var table = CentralTable("probe", "fact", "type", "unit")
            for probe in probes {
                for (name, type) in probe.facts.sorted(by: { $0.key < $1.key }) {
                    table.add(
                        .string(probe.id.description), .string(name.description), .string(type.rawValue),
                        unit(of: name.description, type))
                }
            }
            try table.print(asJSON: json)
        }
    }

    /// What steps may do.
    struct VerbList: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verbs", abstract: "List the verbs of this build, with their arguments, types and units.",
            discussion: """
                `restores` says whether the verb can put back what it did. An argument of kind `document` names one of the baseline.
                """)

        @Argument(help: "Only this verb.") var verb: String?
        @Flag(help: "Print a JSON array: verb, restores, argument, type, unit, kind.") var json = false

        func run() throws {
            let verbs = try VerbRegistry().all.chosen(verb, "verb", \.name)
            var table = CentralTable("verb", "restores", "argument", "type", "unit", "kind")
            for verb in verbs {
                let signature = verb.signature
                let arguments = signature.required.merging(signature.optional) { required, _ in required }.sorted { $0.key < $1.key }
                for (name, type) in arguments {
                    let kind = signature.documents.contains(name) ? "document" : signature.required[name] == nil ? "optional" : "required"
                    table.add(
                        .string(verb.name), .boolean(verb.canRestore), .string(name), .string(type.rawValue), unit(of: name, type),
                        .string(kind))
                }
                if arguments.isEmpty { table.add(.string(verb.name), .boolean(verb.canRestore), nil, nil, nil, nil) }
            }
            try table.print(asJSON: json)
        }
    }
}

/// Names of numbers carry their unit where they have one.
private func unit(of name: String, _ type: ValueType) -> JSONValue {
    let units: Set<String> = ["bits", "mebibytes", "milliseconds", "seconds", "days", "percent"]
    guard type == .integer, let unit = name.split(whereSeparator: { $0 == "." || $0 == "_" }).last(where: { units.contains(String($0)) })
    else { return nil }
    return .string(String(unit))
}

extension Array {
    /// All, or the one that is asked for.
    fileprivate func chosen(_ asked: String?, _ kind: String, _ name: (Element) -> String) throws -> [Element] {
        guard let asked else { return self }
        guard let found = first(where: { name($0) == asked }) else {
            throw ValidationError("there is no \(kind) \(quoted(asked))\(suggestion(for: asked, in: map(name)))")
        }
        return [found]
    }
}
