package import Model

/// Reads one mapping into types: each key once, every fault into the log, and at the end whatever was not read is refused.
///
/// A method that answers nil has logged why, so a caller reads all its keys first and gives up after.
package struct NodeReader {
    /// Where the mapping stands.
    package let mark: Mark
    /// What it is, for messages: `check`, `rule`.
    package let kind: String
    package let log: DiagnosticLog
    private let entries: [(key: Node, value: Node)]
    /// Of `entries`, one for one: ten thousand rules are read at every start, and comparing bare texts copies no nodes.
    private let names: [String]
    private var known: [String] = []
    /// Bit n: entry n was read. Only spares `finish` its comparisons; entries past the 64th have no bit.
    private var taken: UInt64 = 0

    /// nil, and logged, when `node` is not a mapping.
    package init?(_ node: Node, kind: String, log: DiagnosticLog) {
        guard case .mapping(let entries) = node.content else {
            log.error(at: node.mark, code: "document.not_mapping", "a \(kind) must be a mapping of keys to values")
            return nil
        }
        self.mark = node.mark
        self.kind = kind
        self.log = log
        self.entries = entries
        names = entries.map { if case .scalar(let name, _) = $0.key.content { name } else { "" } }
        known.reserveCapacity(16)
    }

    /// The value of a key that may be absent.
    package mutating func optional(_ key: String) -> Node? {
        known.append(key)
        guard let index = names.firstIndex(of: key) else { return nil }
        if index < UInt64.bitWidth { taken |= 1 << UInt64(index) }
        return entries[index].value
    }

    package mutating func required(_ key: String) -> Node? {
        if let node = optional(key) { return node }
        log.error(at: mark, code: "document.missing_key", "\(kind) has no \"\(key)\"")
        return nil
    }

    /// Every entry, for mappings whose keys are names of things; counts as reading them all.
    package mutating func all() -> [(key: Node, name: String, value: Node)] {
        known += names
        return zip(entries, names).map { ($0.key, $1, $0.value) }
    }

    package mutating func text(_ key: String, bytesMax: Int = 1_000) -> String? {
        required(key).flatMap { $0.text(key, bytesMax: bytesMax, log: log) }
    }

    package mutating func name<Subject>(_ key: String, as: Name<Subject>.Type) -> Name<Subject>? {
        required(key).flatMap { $0.name(key, as: Name<Subject>.self, log: log) }
    }

    /// A list of names; absent is `default`, or a fault where there is none.
    package mutating func names<Subject>(_ key: String, as: Name<Subject>.Type, default: [Name<Subject>]? = nil) -> [Name<Subject>]? {
        guard let node = value(key, hasDefault: `default` != nil) else { return `default` }
        guard let items = node.items(key, log: log) else { return nil }
        let names = items.compactMap { $0.name(key, as: Name<Subject>.self, log: log) }
        return names.count == items.count ? names : nil
    }

    package mutating func texts(_ key: String, default: [String]? = nil) -> [String]? {
        guard let node = value(key, hasDefault: `default` != nil) else { return `default` }
        guard let items = node.items(key, log: log) else { return nil }
        let texts = items.compactMap { $0.text(key, log: log) }
        return texts.count == items.count ? texts : nil
    }

    package mutating func integer(_ key: String, in range: ClosedRange<Int64>, default: Int64? = nil) -> Int64? {
        guard let node = value(key, hasDefault: `default` != nil) else { return `default` }
        return node.integer(key, in: range, log: log)
    }

    package mutating func boolean(_ key: String, default: Bool? = nil) -> Bool? {
        guard let node = value(key, hasDefault: `default` != nil) else { return `default` }
        return node.boolean(key, log: log)
    }

    package mutating func duration(_ key: String, in range: ClosedRange<Duration>, default: Duration? = nil) -> Duration? {
        guard let node = value(key, hasDefault: `default` != nil) else { return `default` }
        return node.duration(key, in: range, log: log)
    }

    package mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, of: Choice.Type, default: Choice? = nil
    ) -> Choice? {
        guard let node = value(key, hasDefault: `default` != nil) else { return `default` }
        return node.choice(key, of: Choice.self, log: log)
    }

    /// Refuses keys that nothing has read.
    package func finish() {
        for (index, name) in names.enumerated() {
            let isTaken = index < UInt64.bitWidth && taken >> UInt64(index) & 1 == 1
            if isTaken || known.contains(name) { continue }
            log.error(
                at: entries[index].key.mark, code: "document.unknown_key",
                "\(kind) has no key \(quoted(name))\(suggestion(for: name, in: known))")
        }
    }

    private mutating func value(_ key: String, hasDefault: Bool) -> Node? {
        hasDefault ? optional(key) : required(key)
    }
}
