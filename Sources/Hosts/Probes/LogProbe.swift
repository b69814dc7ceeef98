package import Model

/// Whether a log record written now arrives in the local spool, and whether the services that carry it run.
///
/// The one probe that writes: a single line, `martlet-canary-…`, with facility `user.info`. Without it a pipeline that
/// swallows records looks like one on which nothing happens.
package struct LogProbe: Probe {
    package let id: ProbeID = "log"
    package let facts: [FactName: ValueType] = [
        "log.services_down": .strings, "log.canary_in_journal": .boolean, "log.canary_in_spool": .boolean,
        "log.first_service_down": .string,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            ServiceStates.command(parameters.strings("services")),
            HostCommand(["sh", "-c", Self.canary, "sh"] + parameters.strings("spoolFiles")),
        ]
    }

    /// `$@`: the files that may be the spool. At most three seconds.
    private static let canary = """
        n="martlet-canary-$(date +%s%N)-$$"
        logger -p user.info -t martlet-canary -- "$n" || exit 3
        j=no s=no i=0
        while [ $i -lt 30 ]; do
          i=$((i + 1))
          [ $j = yes ] || { journalctl -q -n 50 -o cat -t martlet-canary 2>/dev/null | grep -qxF "$n" && j=yes; }
          for f; do [ $s = yes ] || { [ -e "$f" ] && tail -n 500 -- "$f" | grep -qF "$n" && s=yes; }; done
          [ $j$s = yesyes ] && break
          [ $# = 0 ] && [ $j = yes ] && break
          sleep 0.1
        done
        printf 'journal %s\\nspool %s\\n' $j $s
        """

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("log.services_down", "log.first_service_down") { () throws(ProbeError) in
            let down = try ServiceStates.read(outputs, 0, asked: parameters.strings("services")).filter { !$0.isActive }.map(\.id)
            var values: [FactName: TypedValue] = ["log.services_down": .strings(down)]
            if let first = down.first { values["log.first_service_down"] = .string(first) }
            return values
        }
        facts.read("log.canary_in_journal", "log.canary_in_spool") { () throws(ProbeError) in
            let found = Dictionary(try outputs.lines(1).compactMap { $0.pair(" ") }.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
            guard let journal = found["journal"], let spool = found["spool"], ["yes", "no"].contains(journal),
                ["yes", "no"].contains(spool)
            else { throw ProbeError("probe.unparseable", "the canary gave no answer") }
            // Where the site names no spool file, the journal is the spool.
            let isSpooled = parameters.strings("spoolFiles").isEmpty ? journal == "yes" : spool == "yes"
            return ["log.canary_in_journal": .boolean(journal == "yes"), "log.canary_in_spool": .boolean(isSpooled)]
        }
        return facts
    }
}
