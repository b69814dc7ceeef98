/// One key of a program's configuration: declared once, and from that read, refused and documented.
///
/// ```swift
/// enum ApplianceSettings {
///     static let pollInterval = Setting<Duration>.duration(
///         "poll.interval", .default(.seconds(60)), in: .seconds(10) ... .seconds(3_600),
///         manual: "Time between two questions to Central for orders.")
///     static let hostName = Setting<HostID>.parsed("name", as: HostID.self, accepts: "a name", manual: "What the site calls it.")
///     static let hosts = Setting<[Settings]>.list("hosts", of: [hostName.declaration], manual: "The machines to watch.")
///     static let schema = SettingsSchema(program: "martlet-appliance", "…", [pollInterval.declaration, hosts.declaration])
/// }
/// let settings = try Settings(ApplianceSettings.schema, file: node, environment: environment)
/// let interval = settings[ApplianceSettings.pollInterval]
/// for host in settings[ApplianceSettings.hosts] { use(host[ApplianceSettings.hostName]) }
/// ```
/// A dot in a name is a section of the file (`poll:` with `interval:` under it). The variable `MARTLET_POLL_INTERVAL` wins
/// over the file; a list of texts is separated by commas there. Lists of mappings have no variable.
package struct Setting<Value: Sendable>: Sendable {
    package enum Presence: Sendable {
        case required
        /// Read it with `Settings.optional(_:)`.
        case optional
        case `default`(Value)
    }

    package let declaration: SettingDeclaration

    private init(
        _ name: String, _ presence: Presence, accepts: String, manual: String, isSecret: Bool = false, isList: Bool = false,
        nested: SettingsSchema? = nil, show: (Value) -> String,
        read: @escaping @Sendable (Node, String, DiagnosticLog) -> Value?
    ) {
        var fallback: (any Sendable)?
        var shown: String?
        var isRequired = false
        switch presence {
        case .required: isRequired = true
        case .optional: break
        case .default(let value):
            fallback = value
            shown = show(value)
        }
        declaration = SettingDeclaration(
            name: name, accepts: accepts, manual: manual, fallback: fallback, shownDefault: shown, isRequired: isRequired,
            isSecret: isSecret,
            isList: isList, nested: nested, read: { read($0, $1, $2) })
    }
}

/// What the reader and the manual know of a key, without its type.
package struct SettingDeclaration: Sendable {
    package let name: String
    /// What is taken, as a person reads it: `duration, 10s to 1h`.
    package let accepts: String
    /// The text of the manual: one or more sentences.
    package let manual: String
    let fallback: (any Sendable)?
    let shownDefault: String?
    let isRequired: Bool
    let isSecret: Bool
    let isList: Bool
    let nested: SettingsSchema?
    let read: @Sendable (Node, String, DiagnosticLog) -> (any Sendable)?

    /// `poll.staleAfter` is `MARTLET_POLL_STALE_AFTER`.
    package var variable: String {
        var text = "MARTLET_"
        for scalar in name.unicodeScalars {
            if scalar == "." {
                text += "_"
            } else if ("A"..."Z").contains(scalar) {
                text += "_" + String(scalar)
            } else {
                text += String(scalar).uppercased()
            }
        }
        return text
    }
}

extension Setting<String> {
    package static func text(_ name: String, _ presence: Presence = .required, bytesMax: Int = 1_000, manual: String) -> Setting {
        Setting(name, presence, accepts: "text, at most \(bytesMax) bytes", manual: manual, show: { $0 }) { node, what, log in
            node.text(what, bytesMax: bytesMax, log: log)
        }
    }

    package static func path(_ name: String, _ presence: Presence = .required, manual: String) -> Setting {
        Setting(name, presence, accepts: "absolute path", manual: manual, show: { $0 }) { node, what, log in
            guard let text = node.text(what, log: log) else { return nil }
            if text.utf8.first == UInt8(ascii: "/") { return text }
            log.error(at: node.mark, code: "value.path", "\(what) is \(quoted(text)); an absolute path is taken")
            return nil
        }
    }
}

extension Setting<Secret> {
    /// Give it by a variable or in a file that only the program's user can read; messages and logs never show it.
    package static func secret(_ name: String, _ presence: Presence = .required, manual: String) -> Setting {
        Setting(name, presence, accepts: "secret text", manual: manual, isSecret: true, show: { _ in "(hidden)" }) { node, what, log in
            node.text(what, log: log).map(Secret.init)
        }
    }
}

extension Setting<Int64> {
    package static func integer(
        _ name: String, _ presence: Presence = .required, in range: ClosedRange<Int64>, manual: String
    ) -> Setting {
        Setting(
            name, presence, accepts: "whole number, \(range.lowerBound) to \(range.upperBound)", manual: manual, show: { "\($0)" }
        ) { node, what, log in
            node.integer(what, in: range, log: log)
        }
    }
}

extension Setting<Bool> {
    package static func boolean(_ name: String, _ presence: Presence = .required, manual: String) -> Setting {
        Setting(name, presence, accepts: "true or false", manual: manual, show: { "\($0)" }) { node, what, log in
            node.boolean(what, log: log)
        }
    }
}

extension Setting<Duration> {
    package static func duration(
        _ name: String, _ presence: Presence = .required, in range: ClosedRange<Duration>, manual: String
    ) -> Setting {
        let (least, most) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
        return Setting(
            name, presence, accepts: "duration, \(least) to \(most)", manual: manual, show: DurationText.text
        ) { node, what, log in
            node.duration(what, in: range, log: log)
        }
    }
}

extension Setting<[String]> {
    package static func texts(_ name: String, _ presence: Presence = .required, countMax: Int = 100, manual: String) -> Setting {
        Setting(
            name, presence, accepts: "list of texts, at most \(countMax)", manual: manual, isList: true,
            show: { $0.isEmpty ? "none" : $0.joined(separator: ", ") }
        ) { node, what, log in
            guard let items = node.items(what, countMax: countMax, log: log) else { return nil }
            let texts = items.compactMap { $0.text(what, log: log) }
            return texts.count == items.count ? texts : nil
        }
    }
}

extension Setting where Value: RawRepresentable<String> & CaseIterable {
    package static func choice(_ name: String, _ presence: Presence = .required, manual: String) -> Setting {
        let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
        return Setting(name, presence, accepts: "one of \(known)", manual: manual, show: \.rawValue) { node, what, log in
            node.choice(what, of: Value.self, log: log)
        }
    }
}

extension Setting where Value: LosslessStringConvertible {
    /// For types that read themselves: identifiers, names, versions. `accepts` says what they take, for people.
    package static func parsed(
        _ name: String, _ presence: Presence = .required, as: Value.Type = Value.self, accepts: String, manual: String
    ) -> Setting {
        Setting(name, presence, accepts: accepts, manual: manual, show: \.description) { node, what, log in
            guard let text = node.text(what, log: log) else { return nil }
            if let value = Value(text) { return value }
            log.error(at: node.mark, code: "value.form", "\(what) is \(quoted(text)); taken is \(accepts)")
            return nil
        }
    }
}

extension Setting<[Settings]> {
    /// A list of mappings, each read by its own declarations.
    package static func list(
        _ name: String, _ presence: Presence = .default([]), of declarations: [SettingDeclaration], countMax: Int = 1_000, manual: String
    ) -> Setting {
        let schema = SettingsSchema(program: name, "", declarations)
        return Setting(
            name, presence, accepts: "list of mappings, at most \(countMax)", manual: manual, nested: schema,
            show: { $0.isEmpty ? "none" : "\($0.count) entries" }
        ) { node, what, log in
            guard let items = node.items(what, countMax: countMax, log: log) else { return nil }
            return items.map { Settings(schema, entry: $0, of: what, log: log) }
        }
    }
}
