package import Model

/// The certificate files a site names, and which of them ends first.
package struct CertificateProbe: Probe {
    package let id: ProbeID = "certificates"
    package let facts: [FactName: ValueType] = [
        "tls.certificates": .integer, "tls.first_expiry": .instant, "tls.days_left": .integer, "tls.first_path": .string,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        parameters.strings("files").map { HostCommand(["openssl", "x509", "-noout", "-enddate", "-in", $0]) }
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        let files = parameters.strings("files")
        guard !files.isEmpty else { return Facts(["tls.certificates": .integer(0)]) }
        var first: (path: String, end: Timestamp)?
        for (index, path) in files.enumerated() {
            // `notAfter=Nov 21 02:33:00 2027 GMT`
            guard let text = try outputs.lines(index).first?.pair("=")?.value, let end = Self.instant(text.words) else {
                throw ProbeError("probe.unparseable", "openssl wrote no date")
            }
            if first.map({ end < $0.end }) ?? true { first = (path, end) }
        }
        let end = first!.end
        return Facts([
            "tls.certificates": .integer(Int64(files.count)), "tls.first_expiry": .instant(end), "tls.first_path": .string(first!.path),
            "tls.days_left": .integer((end - now).wholeSeconds / 86_400 - (end < now ? 1 : 0)),
        ])
    }

    private static func instant(_ words: [String]) -> Timestamp? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 5, words[4] == "GMT", let month = months.firstIndex(of: words[0]) else { return nil }
        func two(_ text: String) -> String { text.utf8.count == 1 ? "0" + text : text }
        return Timestamp("\(words[3])-\(two("\(month + 1)"))-\(two(words[1]))T\(words[2]).000Z")
    }
}
