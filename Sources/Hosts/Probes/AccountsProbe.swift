package import Model

/// Accounts, their privileges, and the kind (never the value) of their password hashes.
package struct AccountsProbe: Probe {
    package let id: ProbeID = "accounts"
    package let facts: [FactName: ValueType] = [
        "accounts.uid0": .strings, "accounts.privileged": .strings, "accounts.nopasswd": .strings, "accounts.duplicate_uids": .strings,
        "accounts.duplicate_names": .strings, "accounts.empty_passwords": .strings, "accounts.system_shells": .strings,
        "accounts.weak_hashes": .strings, "accounts.with_password": .strings,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            HostCommand(["cat", "/etc/passwd"]), HostCommand(["cat", "/etc/group"]), Self.passwordKinds,
            // Files with a dot or a tilde at the end are not read by sudo.
            HostCommand([
                "sh", "-c",
                "[ ! -d /etc/sudoers.d ] || ls /etc/sudoers.d >/dev/null || exit; for f in /etc/sudoers /etc/sudoers.d/*; do case ${f##*/} in *.* | *~) continue ;; esac; [ ! -e \"$f\" ] || cat \"$f\" || exit; echo; done; echo end",
            ]),
        ]
    }

    /// Hashes stay on the host: only what kind each is comes back, and of an account that ends the day on which it does.
    static let passwordKinds = HostCommand([
        "awk", "-F:",
        #"{ k = "des"; if ($2 == "") k = "empty"; else if ($2 ~ /^[!*]/) k = "locked"; else if ($2 ~ /^\$/) { split($2, p, "$"); k = p[2] } print $1 ":" k ($8 == "" ? "" : ":" $8) }"#,
        "/etc/shadow",
    ])

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var accounts: [(name: String, uid: Int64, group: Int64, shell: String)] = []
        for line in try outputs.lines(0) {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 7, let uid = Int64(fields[2]), let group = Int64(fields[3]) else {
                throw ProbeError("probe.unparseable", "a line of passwd has not seven fields")
            }
            accounts.append((String(fields[0]), uid, group, String(fields[6])))
        }
        guard !accounts.isEmpty else { throw ProbeError("probe.truncated", "passwd is empty") }
        let uid0 = accounts.filter { $0.uid == 0 }.map(\.name)
        let hasShell = { (shell: String) in !["nologin", "false", "sync", "halt", "shutdown"].contains { shell.hasSuffix("/\($0)") } }
        var facts = Facts([
            "accounts.uid0": .strings(uid0.sorted()),
            "accounts.duplicate_uids": .strings(Self.repeated(accounts.map { "\($0.uid)" })),
            "accounts.duplicate_names": .strings(Self.repeated(accounts.map(\.name))),
            "accounts.system_shells": .strings(accounts.filter { (1..<1_000).contains($0.uid) && hasShell($0.shell) }.map(\.name).sorted()),
        ])
        facts.read("accounts.privileged") { () throws(ProbeError) in
            // Where that cannot be read nobody's account has ended.
            let today = now.milliseconds / 86_400_000
            let ended = (try? Self.kinds(outputs, 2)).map { $0.filter { $0.ends.map { $0 <= today } ?? false }.map(\.name) } ?? []
            let members = try Self.privileged(outputs.lines(1), accounts: accounts.map { ($0.name, $0.group) })
            return ["accounts.privileged": .strings(members.subtracting(ended).union(uid0).sorted())]
        }
        facts.read("accounts.empty_passwords", "accounts.weak_hashes", "accounts.with_password") { () throws(ProbeError) in
            let kinds = try Self.kinds(outputs, 2)
            let strong: Set<String> = ["y", "gy", "7", "2a", "2b", "2y", "6", "empty", "locked"]
            return [
                "accounts.empty_passwords": .strings(kinds.filter { $0.kind == "empty" }.map(\.name).sorted()),
                "accounts.weak_hashes": .strings(kinds.filter { !strong.contains($0.kind) }.map(\.name).sorted()),
                "accounts.with_password": .strings(kinds.filter { $0.kind != "locked" }.map(\.name).sorted()),
            ]
        }
        facts.read("accounts.nopasswd") { () throws(ProbeError) in ["accounts.nopasswd": .strings(try Self.nopasswd(outputs.lines(3)))] }
        return facts
    }

    /// `ends` is the first day on which the account cannot be used, in days since 1970.
    static func kinds(_ outputs: CommandOutputs, _ index: Int) throws(ProbeError) -> [(name: String, kind: String, ends: Int64?)] {
        let lines = try outputs.lines(index).map { $0.split(separator: ":", omittingEmptySubsequences: false) }.filter { $0.count > 1 }
        guard !lines.isEmpty else { throw ProbeError("probe.truncated", "shadow is empty") }
        return lines.map { (String($0[0]), String($0[1]), $0.count > 2 ? Int64($0[2]) : nil) }
    }

    /// Members of the groups that sudo serves.
    private static func privileged(
        _ lines: [Substring], accounts: [(name: String, group: Int64)]
    ) throws(ProbeError) -> Set<String> {
        guard !lines.isEmpty else { throw ProbeError("probe.truncated", "group is empty") }
        var privileged: Set<String> = []
        for line in lines {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count == 4, let gid = Int64(fields[2]) else {
                throw ProbeError("probe.unparseable", "a line of group has not four fields")
            }
            guard ["sudo", "wheel", "admin"].contains(fields[0]) else { continue }
            privileged.formUnion(fields[3].split(separator: ",").map(String.init))
            privileged.formUnion(accounts.filter { $0.group == gid }.map(\.name))
        }
        return privileged
    }

    /// Whom a rule lets become another without a password, `%` for groups.
    private static func nopasswd(_ lines: [Substring]) throws(ProbeError) -> [String] {
        guard lines.last == "end" else { throw ProbeError("probe.truncated", "sudoers were not all read") }
        var subjects: Set<String> = []
        var continued = ""
        for line in lines.dropLast() {
            if line.hasSuffix("\\") {
                continued += line.dropLast() + " "
                continue
            }
            let rule = continued + line
            continued = ""
            guard let subject = rule.words.first, !subject.hasPrefix("#"), !subject.hasPrefix("@") else { continue }
            if subject.hasPrefix("Defaults") {
                if rule.words.contains("!authenticate") { subjects.insert("Defaults") }
            } else if rule.contains("NOPASSWD") {
                subjects.insert(subject)
            }
        }
        return subjects.sorted()
    }

    private static func repeated(_ values: [String]) -> [String] {
        Dictionary(grouping: values, by: \.self).filter { $1.count > 1 }.keys.sorted()
    }
}
