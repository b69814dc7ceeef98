package import Model

/// What PAM asks of a new password, and when it locks an account out.
package struct PasswordPolicyProbe: Probe {
    package let id: ProbeID = "passwords"
    package let facts: [FactName: ValueType] = [
        "accounts.with_password": .strings, "password.quality_checked": .boolean, "password.min_length": .integer,
        "password.history": .integer, "lockout.tries": .integer, "lockout.seconds": .integer, "password.without_ageing": .strings,
        "password.first_without_ageing": .string,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [
            AccountsProbe.passwordKinds,
            // Debian's stacks, then Red Hat's, then NixOS's.
            HostCommand([
                "sh", "-c",
                "for f in /etc/pam.d/common-password /etc/pam.d/common-auth /etc/pam.d/system-auth /etc/pam.d/password-auth /etc/pam.d/passwd; do [ ! -e \"$f\" ] || cat \"$f\" || exit; echo; done",
            ]),
            HostCommand([
                "sh", "-c",
                "for f in /etc/security/pwquality.conf.d/*.conf /etc/security/pwquality.conf; do [ ! -e \"$f\" ] || cat \"$f\" || exit; echo; done",
            ]),
            HostCommand(["sh", "-c", "[ ! -e /etc/security/faillock.conf ] || cat /etc/security/faillock.conf; echo"]),
            HostCommand(["awk", #"$1 == "PASS_MAX_DAYS" { v = $2 } END { print "login.defs:" v }"#, "/etc/login.defs"]),
            HostCommand(["awk", "-F:", #"$2 != "" && $2 !~ /^[!*]/ { print $1 ":" $5 } END { print "end" }"#, "/etc/shadow"]),
        ]
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("accounts.with_password") { () throws(ProbeError) in
            let kinds = try AccountsProbe.kinds(outputs, 0)
            return ["accounts.with_password": .strings(kinds.filter { $0.kind != "locked" }.map(\.name).sorted())]
        }
        facts.read("password.quality_checked", "password.min_length", "password.history", "lockout.tries", "lockout.seconds") {
            () throws(ProbeError) in
            try Self.policy(
                stack: Self.code(outputs.lines(1)), quality: Self.settings(outputs.lines(2)), lockout: Self.settings(outputs.lines(3)))
        }
        facts.read("password.without_ageing", "password.first_without_ageing") { () throws(ProbeError) in
            try Self.ageing(outputs, daysMax: parameters.integer("ageMaxDays"))
        }
        return facts
    }

    /// `login.defs` and accounts with a password whose greatest age is longer than `daysMax`, or not set. Nothing where no age
    /// is asked for.
    private static func ageing(_ outputs: CommandOutputs, daysMax: Int64) throws(ProbeError) -> [FactName: TypedValue] {
        guard daysMax > 0 else { return ["password.without_ageing": .strings([])] }
        let accounts = try outputs.lines(5)
        guard accounts.last == "end" else { throw ProbeError("probe.truncated", "shadow was not all read") }
        let without = try (outputs.lines(4) + accounts.dropLast()).compactMap { $0.pair(":") }.filter { entry in
            guard let days = Int64(entry.value) else { return true }
            return !(0...daysMax).contains(days)
        }.map(\.key)
        var values: [FactName: TypedValue] = ["password.without_ageing": .strings(without)]
        if let first = without.first { values["password.first_without_ageing"] = .string(first) }
        return values
    }

    /// An argument in the stack wins over the module's file; a module that is not in the stack enforces nothing.
    private static func policy(
        stack: [[String]], quality: [String: String], lockout: [String: String]
    ) throws(ProbeError) -> [FactName: TypedValue] {
        guard !stack.isEmpty else { throw ProbeError("probe.unparseable", "no PAM stack was found") }
        func arguments(_ modules: Set<String>) -> [String: String]? {
            let lines = stack.filter { $0.contains { word in modules.contains { word == $0 || word.hasSuffix("/\($0)") } } }
            guard !lines.isEmpty else { return nil }
            let pairs = lines.joined().map { word in word.pair("=").map { ($0.key, $0.value) } ?? (word, "") }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }
        var values: [FactName: TypedValue] = [:]
        let checker = arguments(["pam_pwquality.so", "pam_passwdqc.so", "pam_cracklib.so"])
        values["password.quality_checked"] = .boolean(checker != nil)
        // pwquality's own default is 8; pam_unix's "obscure" asks for 6.
        let length = checker.map { $0["minlen"] ?? quality["minlen"] ?? "8" } ?? arguments(["pam_unix.so"])?["minlen"] ?? "6"
        guard let length = Int64(length) else { throw ProbeError("probe.unparseable", "minlen is no number") }
        values["password.min_length"] = .integer(length)
        let history = arguments(["pam_pwhistory.so"]).map { $0["remember"] ?? "10" } ?? arguments(["pam_unix.so"])?["remember"] ?? "0"
        values["password.history"] = .integer(Int64(history) ?? 0)
        guard let faillock = arguments(["pam_faillock.so"]) else { return values }
        let tries = faillock["deny"] ?? lockout["deny"] ?? "3"
        let seconds = faillock["unlock_time"] ?? lockout["unlock_time"] ?? "600"
        guard let tries = Int64(tries), let seconds = seconds == "never" ? 0 : Int64(seconds) else {
            throw ProbeError("probe.unparseable", "faillock's limits are no numbers")
        }
        values["lockout.tries"] = .integer(tries)
        // 0 means until an administrator unlocks: longer than any limit.
        values["lockout.seconds"] = .integer(seconds == 0 ? 1 << 31 : seconds)
        return values
    }

    private static func code(_ lines: [Substring]) -> [[String]] {
        lines.map { $0.prefix { $0 != "#" }.words }.filter { $0.count > 2 }
    }

    private static func settings(_ lines: [Substring]) -> [String: String] {
        let pairs = lines.compactMap { $0.prefix { $0 != "#" }.pair("=") }
        return Dictionary(pairs.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }
}
