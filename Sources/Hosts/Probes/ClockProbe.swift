package import Model

/// Whether the host's clock follows a source, and how far off it is.
package struct ClockProbe: Probe {
    package let id: ProbeID = "clock"
    package let facts: [FactName: ValueType] = [
        "time.service": .string, "time.synchronized": .boolean, "time.offset_milliseconds": .integer, "time.sources": .integer,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            HostCommand(["chronyc", "-c", "-n", "tracking"]), HostCommand(["chronyc", "-c", "-n", "sources"]),
            HostCommand(["timedatectl", "show"]), HostCommand(["timedatectl", "timesync-status"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        // chronyd that does not run answers "506 Cannot talk to daemon" with status 1: then systemd is asked.
        if case .success(let tracking) = outputs.results[0], tracking.succeeded {
            var facts = Facts(["time.service": .string("chrony")])
            facts.read("time.synchronized", "time.offset_milliseconds") { () throws(ProbeError) in try Self.tracking(outputs.lines(0)) }
            facts.read("time.sources") { () throws(ProbeError) in
                // Second field: `*` chosen, `+` combined, `-` good but not needed.
                let usable = try outputs.lines(1).filter { line in
                    let fields = line.split(separator: ",", omittingEmptySubsequences: false)
                    return fields.count > 2 && ["*", "+", "-"].contains(fields[1])
                }
                return ["time.sources": .integer(Int64(usable.count))]
            }
            return facts
        }
        var facts = Facts(["time.service": .string("systemd-timesyncd")])
        facts.read("time.synchronized", "time.service") { () throws(ProbeError) in
            let values = Dictionary(try outputs.lines(2).compactMap { $0.pair("=") }.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            guard let synchronized = values["NTPSynchronized"], ["yes", "no"].contains(synchronized) else {
                throw ProbeError("probe.unparseable", "timedatectl names no NTPSynchronized")
            }
            return [
                "time.synchronized": .boolean(synchronized == "yes"),
                "time.service": .string(values["NTP"] == "yes" ? "systemd-timesyncd" : "none"),
            ]
        }
        guard facts["time.synchronized"] == .boolean(true) else { return facts }
        facts.read("time.offset_milliseconds", "time.sources") { () throws(ProbeError) in
            let values = Dictionary(
                try outputs.lines(3).compactMap { $0.pair(":") }.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
            guard let text = values["Offset"], let offset = Self.milliseconds(text) else {
                throw ProbeError("time.offset_not_read", "no offset")
            }
            return ["time.offset_milliseconds": .integer(offset), "time.sources": .integer(values["Server"]?.isEmpty == false ? 1 : 0)]
        }
        return facts
    }

    /// `D83AC801,216.58.200.1,3,1700000000.1,-0.000012,…,Normal`: the fifth field is the offset in seconds.
    private static func tracking(_ lines: [Substring]) throws(ProbeError) -> [FactName: TypedValue] {
        let fields = lines.first?.split(separator: ",", omittingEmptySubsequences: false) ?? []
        guard fields.count == 14, let offset = Double(fields[4]), offset.isFinite, abs(offset) < 1e12 else {
            throw ProbeError("probe.unparseable", "chronyc tracking has \(fields.count) fields")
        }
        guard fields[13] != "Not synchronised" else { return ["time.synchronized": .boolean(false)] }
        return ["time.synchronized": .boolean(true), "time.offset_milliseconds": .integer(Int64((abs(offset) * 1_000).rounded(.up)))]
    }

    /// systemd's spans: `-1.182ms`, `+213us`, `1min 2.5s`. Rounded up, without the sign.
    private static func milliseconds(_ text: String) -> Int64? {
        let units = ["us": 0.001, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000]
        var sum = 0.0
        for word in text.words {
            let digits = word.drop { $0 == "+" || $0 == "-" }.prefix { $0.isNumber || $0 == "." }
            let unit = word.drop { $0 == "+" || $0 == "-" }.dropFirst(digits.count)
            guard let number = Double(digits), number < 1e9, let factor = units[String(unit)] else { return nil }
            sum += number * factor
        }
        return text.isEmpty ? nil : Int64(sum.rounded(.up))
    }
}
