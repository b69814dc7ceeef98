package import Model

/// What answers on the network: sockets that are not bound to loopback only.
package struct ListeningProbe: Probe {
    package let id: ProbeID = "listening"
    package let facts: [FactName: ValueType] = ["listening.exposed": .strings, "listening.programs": .strings]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [HostCommand(["ss", "-H", "-t", "-u", "-l", "-p", "-n"])]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        var exposed: Set<String> = []
        var programs: Set<String> = []
        for line in try CommandOutputs(results).lines(0) {
            // `tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=42,fd=3))`
            let words = line.words
            guard words.count >= 6, let colon = words[4].lastIndex(of: ":"), ["tcp", "udp"].contains(words[0]) else {
                throw ProbeError("probe.unparseable", "a line of ss names no socket")
            }
            let address = words[4][..<colon]
            if address.hasPrefix("127.") || address == "[::1]" || address.hasPrefix("[::ffff:127.") || address.hasSuffix("%lo") { continue }
            let port = words[4][words[4].index(after: colon)...]
            exposed.insert("\(words[0])/\(port)")
            if words.count > 6, let name = words[6].split(separator: "\"").dropFirst().first {
                programs.insert("\(words[0])/\(port) \(name)")
            }
        }
        return Facts(["listening.exposed": .strings(exposed.sorted()), "listening.programs": .strings(programs.sorted())])
    }
}
