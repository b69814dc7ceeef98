package import Model

/// Packaged files that are no longer what the package brought, configuration files aside.
package struct IntegrityProbe: Probe {
    package let id: ProbeID = "integrity"
    package let facts: [FactName: ValueType] = [
        "integrity.manager": .string, "integrity.changed": .strings, "integrity.changed_count": .integer,
    ]
    package init() {}

    /// So many names are kept; the count is of all.
    static let namesMax = 50

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            HostCommand(["dpkg", "--verify"], deadline: .seconds(120)), HostCommand(["rpm", "-Va", "--nomtime"], deadline: .seconds(240)),
            HostCommand(["readlink", "-f", "/run/current-system"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        if case .success(let link) = outputs.results[2], link.succeeded, link.text.hasPrefix("/nix/store/") {
            return Facts(["integrity.manager": .string("nix")])
        }
        let isDpkg = outputs.isInstalled(0)
        guard isDpkg || outputs.isInstalled(1) else { throw ProbeError("integrity.no_manager", "neither dpkg nor rpm") }
        var facts = Facts(["integrity.manager": .string(isDpkg ? "dpkg" : "rpm")])
        facts.read("integrity.changed", "integrity.changed_count") { () throws(ProbeError) in
            // dpkg ends with 1 on differences from version 1.22, rpm always did.
            let lines = try outputs.lines(isDpkg ? 0 : 1, statuses: [0, 1])
            let accepted = Set(parameters.strings("accepted"))
            var changed: [String] = []
            for line in lines {
                // `??5?????? c /etc/issue`, `missing     /usr/bin/who`
                guard let slash = line.range(ofSlashAfterBlank: ()) else { throw ProbeError("probe.unparseable", "a line names no file") }
                let path = String(line[slash...])
                let marks = line[..<slash].words
                guard let first = marks.first, first == "missing" || first.utf8.count >= 8 else {
                    throw ProbeError("probe.unparseable", "a line has no marks")
                }
                if marks.contains("c") || accepted.contains(path) { continue }
                changed.append(path)
            }
            return [
                "integrity.changed": .strings(Array(changed.sorted().prefix(Self.namesMax))),
                "integrity.changed_count": .integer(Int64(changed.count)),
            ]
        }
        return facts
    }
}

extension Substring {
    fileprivate func range(ofSlashAfterBlank: Void) -> Index? {
        var isAfterBlank = false
        for index in indices {
            if isAfterBlank, self[index] == "/" { return index }
            isAfterBlank = self[index] == " "
        }
        return nil
    }
}
