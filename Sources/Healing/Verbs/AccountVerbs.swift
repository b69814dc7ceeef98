package import Catalog
import Hosts
package import Model
package import Seal

/// One account as the shadow file has it, without its hash.
private struct AccountState {
    enum Password: String { case usable, locked, none }
    let password: Password
    /// Days since 1970; nil where it does not expire.
    let expires: Int64?
    /// Longest age of its password in days; nil where there is none.
    let ageMax: Int64?

    static func read(_ account: String, _ hands: Hands) async throws(StepError) -> AccountState {
        // Only the kind of the password leaves the host.
        let program =
            #"$1 == n { k = "usable"; if ($2 == "") k = "none"; else if ($2 ~ /^[!*]/) k = "locked"; print k ":" $5 ":" $8 }"#
        let result = try await hands.require(["awk", "-F:", "-v", "n=\(account)", program, "/etc/shadow"], code: "account.unreadable")
        let line = result.text.split(separator: "\n").first ?? ""
        let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 3, let password = Password(rawValue: fields[0]) else { throw StepError("account.not_found", account) }
        return AccountState(password: password, expires: Int64(fields[2]), ageMax: Int64(fields[1]))
    }
}

extension VerbArguments {
    fileprivate var accounts: [String] {
        let excepted = Set(texts("except"))
        return texts("accounts").filter { !excepted.contains($0) }
    }

    /// Whatever the catalog's pattern lets through: plain names, and never root, without whom nobody could put anything right.
    fileprivate func requireOrdinaryAccounts() throws(StepError) {
        for account in accounts { try Self.requireOrdinaryAccount(account) }
    }

    static func requireOrdinaryAccount(_ account: String) throws(StepError) {
        let isName = account.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "._-".utf8.contains($0)
        }
        guard isName, (1...32).contains(account.utf8.count), !account.hasPrefix("-"), account != "root" else {
            throw StepError("account.refused", account)
        }
    }
}

/// Locks the passwords of accounts: nobody logs in with one any more. Keys go on working.
package struct AccountLock: Verb {
    package let name = "account.lock"
    package let signature = VerbSignature(required: ["accounts": .strings], optional: ["except": .strings])
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("accounts").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        try arguments.requireOrdinaryAccounts()
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        var states: [String: JSONValue] = [:]
        for account in arguments.accounts {
            states[account] = .string(try await AccountState.read(account, hands).password.rawValue)
        }
        return .object(states)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        try examine(arguments)
        var effect = StepEffect.unchanged
        for account in arguments.accounts where try await AccountState.read(account, hands).password != .locked {
            try await hands.require(["usermod", "--lock", "--", account], code: "account.not_locked")
            guard try await AccountState.read(account, hands).password == .locked else { throw StepError("account.not_locked", account) }
            effect = .changed
        }
        return effect
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        for (account, state) in (captured.object ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let before = state.string, try await AccountState.read(account, hands).password.rawValue != before else { continue }
            switch before {
            case "usable": try await hands.require(["usermod", "--unlock", "--", account], code: "account.not_restored")
            case "none": try await hands.require(["passwd", "--quiet", "--delete", account], code: "account.not_restored")
            default: break
            }
        }
    }
}

/// Ends accounts: neither password nor key lets anybody in. Sessions that run go on.
///
/// The way in is guarded: the host itself takes it back unless a new connection calls that off.
package struct AccountExpire: Verb {
    package let name = "account.expire"
    package let signature = VerbSignature(required: ["accounts": .strings])
    private let undoAfter: Duration

    package init(undoAfter: Duration) { self.undoAfter = undoAfter }

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("accounts").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        try arguments.requireOrdinaryAccounts()
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        var days: [String: JSONValue] = [:]
        for account in arguments.accounts {
            days[account] = .integer(try await AccountState.read(account, hands).expires ?? -1)
        }
        return .object(days)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        // Day 0 means "never" to some programs; the day after is the first that all take for a day.
        let changes = Self.back(captured).filter { $0.days != 1 }
        guard !changes.isEmpty else { return .unchanged }
        let undo = TimedUndo(hands: hands)
        try await hands.require(["install", "-d", "-m", "0700", "--", TimedUndo.directory])
        try await undo.arm(changes.map { ["chage", "-E", "\($0.days)", $0.account] }, after: undoAfter)
        for (account, _) in changes { try await hands.require(["chage", "-E", "1", account], code: "account.not_expired") }
        let stands = try await undo.stands(for: undoAfter)
        try await undo.forget([])
        guard stands else { throw StepError("account.cut_off", "a new connection was refused after the account had ended") }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await settle(arguments, captured, hands)
        for (account, days) in Self.back(captured) {
            guard try await AccountState.read(account, hands).expires ?? -1 != days else { continue }
            try await hands.require(["chage", "-E", "\(days)", account], code: "account.not_restored")
        }
    }

    package func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await TimedUndo(hands: hands).callOff()
        try await TimedUndo(hands: hands).forget([])
    }

    private static func back(_ captured: JSONValue) -> [(account: String, days: Int64)] {
        (captured.object ?? [:]).sorted { $0.key < $1.key }.compactMap { account, days in days.integer.map { (account, $0) } }
    }
}

/// Lets passwords grow no older than so many days: of accounts that have one, and of those that will be made.
///
/// An account whose password is older already must change it at its next log-in, also with a key; so the way in is guarded
/// here too.
package struct AccountSetAgeing: Verb {
    package let name = "account.set_ageing"
    package let signature = VerbSignature(required: ["accounts": .strings, "days": .integer])
    private static let file = "/etc/login.defs"
    private let undoAfter: Duration

    package init(undoAfter: Duration) { self.undoAfter = undoAfter }

    package func target(_ arguments: VerbArguments) -> String {
        "\(arguments.integer("days")) days: \(accounts(arguments).joined(separator: " "))"
    }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        if case .integer(let days)? = arguments.values["days"], !(1...365).contains(days) {
            throw StepError("account.days_refused", "\(days)")
        }
        for account in accounts(arguments) where account != "root" { try VerbArguments.requireOrdinaryAccount(account) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        var ages: [String: JSONValue] = [:]
        for account in accounts(arguments) {
            ages[account] = .integer(try await AccountState.read(account, hands).ageMax ?? -1)
        }
        return ["file": try await hands.read(Self.file).json, "ages": .object(ages)]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let days = arguments.integer("days")
        let before = try HostFile(json: captured["file"] ?? .null)
        guard var content = before.content else { throw StepError("account.no_login_defs", Self.file) }
        content.bytes = Array(Self.text(String(decoding: content.bytes, as: UTF8.self), days: days).utf8)
        if content != before.content { try await hands.write(content, to: Self.file) }
        let changes = Self.ages(captured).filter { !(0...days).contains($0.days) }
        guard !changes.isEmpty else { return content == before.content ? .unchanged : .changed }
        let undo = TimedUndo(hands: hands)
        try await hands.require(["install", "-d", "-m", "0700", "--", TimedUndo.directory])
        try await undo.arm(changes.map { ["chage", "-M", "\($0.days)", $0.account] }, after: undoAfter)
        for (account, _) in changes { try await hands.require(["chage", "-M", "\(days)", account], code: "account.not_aged") }
        let stands = try await undo.stands(for: undoAfter)
        try await undo.forget([])
        guard stands else { throw StepError("account.cut_off", "a new connection was refused after passwords had begun to age") }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await settle(arguments, captured, hands)
        for (account, days) in Self.ages(captured) {
            guard try await AccountState.read(account, hands).ageMax ?? -1 != days else { continue }
            try await hands.require(["chage", "-M", "\(days)", account], code: "account.not_restored")
        }
        try await hands.restore(HostFile(json: captured["file"] ?? .null))
    }

    package func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await TimedUndo(hands: hands).callOff()
        try await TimedUndo(hands: hands).forget([])
    }

    /// The check names the file beside the accounts.
    private func accounts(_ arguments: VerbArguments) -> [String] { arguments.texts("accounts").filter { $0 != "login.defs" } }

    private static func ages(_ captured: JSONValue) -> [(account: String, days: Int64)] {
        (captured["ages"]?.object ?? [:]).sorted { $0.key < $1.key }.compactMap { account, days in days.integer.map { (account, $0) } }
    }

    /// login.defs(5): the last setting wins, so every one is taken out.
    static func text(_ old: String, days: Int64) -> String {
        var lines = old.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let isSetting = { (line: String) in line.split(whereSeparator: { $0 == " " || $0 == "\t" }).first == "PASS_MAX_DAYS" }
        let wanted = "PASS_MAX_DAYS\t\(days)"
        let settings = lines.filter(isSetting)
        if settings.count == 1, settings[0].split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first == "\(days)" { return old }
        let place = lines.firstIndex(where: isSetting) ?? max(lines.count - 1, 0)
        lines.removeAll(where: isSetting)
        lines.insert(wanted, at: min(place, lines.count))
        return lines.joined(separator: "\n")
    }
}
