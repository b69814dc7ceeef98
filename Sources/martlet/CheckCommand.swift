import ArgumentParser
import Catalog
import Conditions
import Detection
import Documents
import Glibc
import Healing
import Hosts
import Model
import Seal

/// Looks at one host now and says what each check finds. Changes nothing, apart from one log line for the log check.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Run the checks on this machine, or on one over SSH, and print what they find.",
        discussion: """
            Exits 0 when every check is compliant or not applicable, 1 when one found drift, 2 when none did but one could not look, \
            64 when asked wrongly, 65 when the catalog cannot be used. Without root much is unknown; nothing unknown counts as compliant.
            """)

    @Option(help: ArgumentHelp("Look at this host over SSH instead of this machine.", valueName: "user@address[:port]")) var host: String?
    @Option(help: "Private key for --host.") var key: String?
    @Option(help: ArgumentHelp("Host key of --host: type and key, as in its ssh_host_ed25519_key.pub.", valueName: "key")) var hostKey:
        String?
    @Option(help: "Take the host key from this file, as ssh-keyscan writes it.") var knownHosts: String?
    @Flag(help: "Become root with sudo -n.") var sudo = false
    @Option(help: "The catalog's folder.") var catalog = "Catalog"
    @Option(help: "The baseline that sets parameters; a missing one named \"default\" means the checks' own defaults.") var baseline =
        "default"
    @Option(name: .customLong("check"), parsing: .upToNextOption, help: "Only these checks.") var checks: [String] = []
    @Flag(help: "Print a JSON object: host, time, observations, counts.") var json = false

    func run() async throws {
        let catalog = try CatalogFolder.load(self.catalog)
        let set = catalog.baselines[baseline]
        guard set != nil || baseline == "default" else { throw ValidationError("there is no baseline \(baseline) in \(self.catalog)") }
        let directory = try StateDirectory()
        defer { directory.remove() }
        let target = try access().host(stateDirectory: directory.path)
        let clock = WallClock.system
        let scanner = Scanner(parameters: { catalog.parameters(of: $0, baseline: set) }, clock: clock)
        let platforms = try? await HostPlatforms.read(target, at: clock.now())
        let wanted = try chosen(of: catalog, on: Detector.Target(host: target.id, platforms: platforms))
        let observations = await look(scanner, target, wanted)
        await target.disconnect()

        let report = CheckReport(host: target.id, checks: catalog.checks, observations: observations)
        print(json ? String(decoding: try report.json.canonicalBytes(), as: UTF8.self) : report.table)
        if report.exitStatus != 0 { throw ExitCode(report.exitStatus) }
    }

    /// All in one pass; for somebody who waits at a terminal probe by probe instead, with a line for each check as it ends.
    private func look(_ scanner: Scanner, _ target: any Host, _ wanted: [CheckDefinition]) async -> [Observation] {
        guard !json, isatty(STDOUT_FILENO) == 1 else { return await scanner.scan(Scanner.Request(host: target, checks: wanted)) }
        var seen: [CheckID: Observation] = [:]
        let width = wanted.map { $0.id.description.count }.max() ?? 0
        for check in wanted where seen[check.id] == nil {
            // Those that look with the same commands end together.
            let together = wanted.filter { $0.probe == check.probe }
            for observation in await scanner.scan(Scanner.Request(host: target, checks: together)) {
                seen[observation.check] = observation
                let name = observation.check.description
                let padding = String(repeating: " ", count: width - name.count)
                print("[\(seen.count)/\(wanted.count)] \(name)\(padding)  \(observation.verdict.word)")
            }
        }
        print()
        return wanted.compactMap { seen[$0.id] }
    }

    private func chosen(of catalog: CompiledCatalog, on target: Detector.Target) throws -> [CheckDefinition] {
        let names = try checks.map { text in
            guard let id = CheckID(text), catalog.checks[id] != nil else { throw ValidationError("there is no check \(text)") }
            return id
        }
        return Detector(checks: Array(catalog.checks.values)).checks(for: target).filter { names.isEmpty || names.contains($0.id) }
    }

    private func access() throws -> HostAccess {
        guard let host else { return HostAccess(id: "here", address: .local, become: sudo ? .sudo : .none) }
        guard let key else { throw ValidationError("--host needs --key") }
        let parts = host.split(separator: "@", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw ValidationError("--host is user@address or user@address:port") }
        // One colon: a port. More: an IPv6 address, which then goes without.
        let pieces = parts[1].split(separator: ":", omittingEmptySubsequences: false)
        let hasPort = pieces.count == 2
        guard let port = hasPort ? UInt16(pieces[1]) : 22 else { throw ValidationError("the port of --host is no number") }
        let name = hasPort ? String(pieces[0]) : parts[1]
        do {
            let address = try SSHAddress(host: name, port: port, user: parts[0], keyFile: key, hostKey: hostKey ?? pinnedKey(of: name))
            return HostAccess(id: HostID(name) ?? "host", address: .ssh(address), become: sudo ? .sudo : .none)
        } catch let error as HostAccessError {
            throw ValidationError(error.message)
        }
    }

    private func pinnedKey(of name: String) throws -> String? {
        guard let knownHosts else { throw ValidationError("--host needs --host-key or --known-hosts") }
        guard let file = fopen(knownHosts, "r") else { throw ValidationError("\(knownHosts) cannot be read") }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var size = 0
        defer { free(line) }
        while getline(&line, &size, file) > 0 {
            let words = String(cString: line!).split { $0 == " " || $0 == "\n" }
            if words.count >= 3, words[0].split(separator: ",").contains(Substring(name)) { return "\(words[1]) \(words[2])" }
        }
        throw ValidationError("\(knownHosts) has no key of \(name)")
    }
}

/// What was found, as a table and as JSON, from one place.
struct CheckReport {
    let host: HostID
    let checks: [CheckID: CheckDefinition]
    let observations: [Observation]

    /// Drift wins over unknown: a person must act either way, and on drift at once.
    var exitStatus: Int32 {
        if observations.contains(where: { $0.verdict.word == "drift" }) { return 1 }
        return observations.isEmpty || observations.contains { $0.verdict.word == "unknown" } ? 2 : 0
    }

    private static let words = ["drift", "unknown", "compliant", "not_applicable"]

    var json: JSONValue {
        let counts = Self.words.map { word in (word, JSONValue.integer(Int64(observations.count { $0.verdict.word == word }))) }
        return [
            "host": .string(host.description),
            "checked": observations.first.map { .string($0.ended.description) } ?? .null,
            "counts": .object(Dictionary(uniqueKeysWithValues: counts)),
            "observations": .array(
                observations.map { observation in
                    [
                        "check": .string(observation.check.description), "verdict": .string(observation.verdict.word),
                        "code": observation.verdict.code.map { .string($0.description) } ?? .null,
                        "severity": checks[observation.check].map { .string($0.severity.rawValue) } ?? .null,
                        "facts": observation.facts.json,
                    ]
                }),
        ]
    }

    /// What must be acted on first, then what is fine.
    var table: String {
        let ordered = Self.words.flatMap { word in observations.filter { $0.verdict.word == word } }
        let checkWidth = ordered.map { $0.check.description.count }.max() ?? 0
        let codeWidth = ordered.map { $0.verdict.code?.description.count ?? 0 }.max() ?? 0
        var lines: [String] = []
        var last = ""
        for observation in ordered {
            if observation.verdict.word != last {
                if !last.isEmpty { lines.append("") }
                last = observation.verdict.word
                lines.append("\(last) (\(ordered.count { $0.verdict.word == last }))")
            }
            let code = observation.verdict.code?.description ?? ""
            let row = "  " + padded(observation.check.description, checkWidth) + "  " + padded(code, codeWidth) + "  " + why(observation)
            lines.append(String(row.reversed().drop { $0 == " " }.reversed()))
        }
        return lines.joined(separator: "\n")
    }

    private func padded(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }

    /// The facts that the deciding clause names; the title where nothing needs explaining.
    private func why(_ observation: Observation) -> String {
        guard let check = checks[observation.check], let code = observation.verdict.code else { return "" }
        let clause = (check.notApplicable + check.drift).first { $0.code == code }
        let names = clause.map { $0.condition.facts.sorted() } ?? observation.facts.unknowns.filter { $0.value == code }.keys.sorted()
        return names.map { name in
            if observation.facts.unknowns[name] != nil { return "\(name) could not be read" }
            return "\(name) \(observation.facts[name].map(shown) ?? "is not there")"
        }.joined(separator: ", ")
    }

    private func shown(_ value: TypedValue) -> String {
        let text =
            switch value {
            case .boolean(let flag): flag ? "yes" : "no"
            case .integer(let number): "\(number)"
            case .string(let text): text
            case .strings(let items): "[" + items.joined(separator: ", ") + "]"
            case .instant(let instant): "\(instant)"
            case .version(let version): "\(version)"
            }
        // A host's own words may hold control sequences for the terminal.
        let plain = String(decoding: text.utf8.map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
        return plain.count > 100 ? plain.prefix(99) + "…" : plain
    }
}

/// For the connection, while the command runs.
private struct StateDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/martlet-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ValidationError("no directory can be made in /tmp; nothing was looked at.") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    func remove() {
        if let stream = opendir(path) {
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                if name != ".", name != ".." { unlink("\(path)/\(name)") }
            }
            closedir(stream)
        }
        rmdir(path)
    }
}
