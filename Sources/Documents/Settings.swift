/// All keys of one program, with the text that begins its part of the manual.
package struct SettingsSchema: Sendable {
    package let program: String
    package let introduction: String
    package let declarations: [SettingDeclaration]
    /// Variables that begin with `MARTLET_` and belong to somebody else (`MARTLET_CONFIG`, read before this).
    package let otherVariables: Set<String>

    /// Two keys with one name, or one variable, are a programming error and stop the process.
    package init(program: String, _ introduction: String, _ declarations: [SettingDeclaration], otherVariables: Set<String> = []) {
        precondition(Set(declarations.map(\.name)).count == declarations.count, "\(program): a setting is declared twice")
        precondition(Set(declarations.map(\.variable)).count == declarations.count, "\(program): two settings share a variable")
        precondition(declarations.allSatisfy { !$0.manual.isEmpty }, "\(program): a setting without a manual")
        self.program = program
        self.introduction = introduction
        self.declarations = declarations
        self.otherVariables = otherVariables
    }
}

/// A program's configuration, read once: every value typed and in range.
package struct Settings: Sendable {
    private var values: [String: any Sendable] = [:]
    private var marks: [String: Mark] = [:]
    /// Where the mapping of a list's entry stands; the file's start for a program's own settings.
    package private(set) var mark: Mark

    /// - Parameters:
    ///   - file: the parsed configuration file; nil where the program runs from defaults and variables.
    ///   - environment: all variables of the process; only those that begin with `MARTLET_` are looked at.
    /// - Throws: every fault at once: `settings.unknown_key`, `settings.unknown_variable`, `settings.missing`, `value.…`,
    ///   each with its file and line, or its variable.
    package init(_ schema: SettingsSchema, file: Node?, environment: [String: String]) throws(Diagnostics) {
        let log = DiagnosticLog()
        mark = file?.mark ?? Mark(file: "environment", line: 0)
        var nodes: [String: Node] = [:]
        if let file { Self.flatten(file, under: "", schema, into: &nodes, log) }
        Self.overlay(environment, schema, into: &nodes, log)
        read(schema, nodes, prefix: "", log)
        try log.throwIfErrors()
    }

    /// One entry of a list of mappings; faults go to the log.
    init(_ schema: SettingsSchema, entry: Node, of list: String, log: DiagnosticLog) {
        mark = entry.mark
        var nodes: [String: Node] = [:]
        Self.flatten(entry, under: "", schema, into: &nodes, log)
        read(schema, nodes, prefix: list + ": ", log)
    }

    /// The value of a setting that is required or has a default.
    package subscript<Value>(_ setting: Setting<Value>) -> Value {
        guard let value = optional(setting) else {
            preconditionFailure("setting \(setting.declaration.name) is optional, or not of this schema")
        }
        return value
    }

    package func optional<Value>(_ setting: Setting<Value>) -> Value? {
        values[setting.declaration.name] as? Value
    }

    /// Where the value came from, for faults that only its use shows (a file that is not there).
    package func origin<Value>(_ setting: Setting<Value>) -> Mark {
        marks[setting.declaration.name] ?? Mark(file: "default", line: 0)
    }

    private mutating func read(_ schema: SettingsSchema, _ nodes: [String: Node], prefix: String, _ log: DiagnosticLog) {
        for declaration in schema.declarations {
            if let node = nodes[declaration.name] {
                marks[declaration.name] = node.mark
                values[declaration.name] = declaration.read(node, prefix + declaration.name, log)
            } else if declaration.isRequired {
                let variable = prefix.isEmpty ? " or \(declaration.variable)" : ""
                log.error(
                    at: mark, code: "settings.missing",
                    "\(prefix)\(declaration.name)\(variable) must be given (\(declaration.accepts)); the program does not start without it")
            } else {
                values[declaration.name] = declaration.fallback
            }
        }
    }

    /// Turns sections into dotted names; what no declaration knows is refused.
    private static func flatten(
        _ node: Node, under section: String, _ schema: SettingsSchema, into nodes: inout [String: Node], _ log: DiagnosticLog
    ) {
        guard case .mapping(let entries) = node.content else {
            let what = section.isEmpty ? "the configuration" : section
            log.error(at: node.mark, code: "document.not_mapping", "\(what) must be a mapping of keys to values")
            return
        }
        for (key, value) in entries {
            guard case .scalar(let word, _) = key.content else { continue }
            let name = section.isEmpty ? word : "\(section).\(word)"
            if schema.declarations.contains(where: { $0.name == name }) {
                nodes[name] = value
            } else if schema.declarations.contains(where: { $0.name.hasPrefix(name + ".") }) {
                flatten(value, under: name, schema, into: &nodes, log)
            } else {
                let hint = suggestion(for: name, in: schema.declarations.map(\.name))
                log.error(at: key.mark, code: "settings.unknown_key", "there is no setting \(quoted(name))\(hint)")
            }
        }
    }

    private static func overlay(
        _ environment: [String: String], _ schema: SettingsSchema, into nodes: inout [String: Node], _ log: DiagnosticLog
    ) {
        for (variable, text) in environment.sorted(by: { $0.key < $1.key })
        where variable.hasPrefix("MARTLET_") && !schema.otherVariables.contains(variable) {
            let mark = Mark(file: variable, line: 0)
            guard let declaration = schema.declarations.first(where: { $0.nested == nil && $0.variable == variable }) else {
                let hint = suggestion(for: variable, in: schema.declarations.lazy.filter { $0.nested == nil }.map(\.variable))
                log.error(at: mark, code: "settings.unknown_variable", "no setting is read from \(quoted(variable))\(hint)")
                continue
            }
            if declaration.isList {
                let items = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
                nodes[declaration.name] = Node(.sequence(items.map { Node(.scalar(String($0), isQuoted: false), at: mark) }), at: mark)
            } else {
                nodes[declaration.name] = Node(.scalar(text, isQuoted: false), at: mark)
            }
        }
    }
}
