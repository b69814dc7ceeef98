/// `docs/configuration.md`, generated from the declarations so that it cannot lag behind them.
package enum SettingsManual {
    package static func markdown(_ schemas: [SettingsSchema]) -> String {
        var text = """
            # Configuration

            Generated from the declarations in the source by `make docs`; a test fails when it is stale.

            Each program reads one YAML file and its environment, once, when it starts. A dot in a name is a section of the file:
            `poll.interval` is `interval:` under `poll:`. A variable wins over the file. Unknown keys, unknown `MARTLET_` variables and
            values out of range are refused with the place and what would be taken, and the program does not start.

            """
        for schema in schemas {
            text += "\n## \(schema.program)\n\n\(schema.introduction)\n"
            for declaration in schema.declarations { text += entry(declaration) }
        }
        return text
    }

    private static func entry(_ declaration: SettingDeclaration) -> String {
        let variable = declaration.nested == nil ? " · `\(declaration.variable)`" : ""
        var text = "\n### `\(declaration.name)`\n\n\(facts(declaration))\(variable)\n\n\(declaration.manual)\n"
        guard let nested = declaration.nested else { return text }
        text += "\nEach entry:\n\n"
        for part in nested.declarations { text += "- `\(part.name)` (\(facts(part))): \(part.manual)\n" }
        return text
    }

    private static func facts(_ declaration: SettingDeclaration) -> String {
        let presence =
            if let shown = declaration.shownDefault {
                shown.isEmpty ? "default empty" : "default `\(shown)`"
            } else {
                declaration.isRequired ? "required" : "optional"
            }
        return "\(declaration.accepts) · \(presence)"
    }
}
