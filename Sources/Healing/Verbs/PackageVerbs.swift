package import Catalog
import Hosts
package import Model
package import Seal

/// dpkg and apt, as the verbs on packages need them. Other package managers are refused: apt-get is not there.
private struct Packages {
    let hands: Hands

    /// Versions of those that are installed.
    func versions(_ names: [String]) async throws(StepError) -> [String: String] {
        guard !names.isEmpty else { return [:] }
        // Status 1 where one is not known; the others are answered.
        let result = try await hands.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\\n", "--"] + names)
        guard result.exitStatus <= 1 else { throw StepError("package.unreadable", names.joined(separator: " ")) }
        var versions: [String: String] = [:]
        for line in result.text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words.count == 3, words[0] == "installed" { versions[words[1]] = words[2] }
        }
        return versions
    }

    /// What apt would do: `Inst name [old] (new …)`, `Remv name [old]`.
    func plan(_ arguments: [String]) async throws(StepError) -> (installed: [String], fresh: [String], removed: [String]) {
        let result = try await hands.require(
            ["apt-get", "-s", "-q"] + arguments, atMost: .seconds(120), code: "package.not_possible")
        var plan: (installed: [String], fresh: [String], removed: [String]) = ([], [], [])
        for line in result.text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 2 else { continue }
            if words[0] == "Remv" || words[0] == "Purg" { plan.removed.append(words[1]) }
            guard words[0] == "Inst" else { continue }
            plan.installed.append(words[1])
            if words.count > 2, !words[2].hasPrefix("[") { plan.fresh.append(words[1]) }
        }
        return plan
    }

    /// Asks nobody anything, keeps configuration files that were changed here, and waits for another apt to end.
    func apt(_ arguments: [String], code: Code) async throws(StepError) {
        try await hands.require(
            [
                "env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=l", "apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=120",
                "-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold",
            ] + arguments, atMost: .seconds(7_200), code: code)
    }

    static func requirePlain(_ names: [String]) throws(StepError) {
        for name in names {
            let isName = name.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || "+.-".utf8.contains($0) }
            guard isName, (2...100).contains(name.utf8.count), !name.hasPrefix("-"), !name.hasSuffix("-"), !name.hasSuffix("+") else {
                throw StepError("package.refused", name)
            }
        }
    }
}

/// Installs what is missing of a fixed list. Nothing is removed for it, and it cannot be taken back: what an installation
/// leaves (users, state, started services) no removal undoes.
package struct PackageInstall: Verb {
    package let name = "package.install"
    package let signature = VerbSignature(required: ["packages": .strings])
    package var canRestore: Bool { false }
    package init() {}

    static let known: Set<String> = [
        "apparmor", "apparmor-utils", "auditd", "chrony", "clamav-daemon", "clamav-freshclam", "libpam-pwquality", "logrotate", "nftables",
        "openssh-server", "rsyslog", "sudo", "systemd-timesyncd", "unattended-upgrades",
    ]

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("packages").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for name in arguments.texts("packages") where !Self.known.contains(name) { throw StepError("package.refused", name) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return .object(try await Packages(hands: hands).versions(arguments.texts("packages")).mapValues { .string($0) })
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let packages = Packages(hands: hands)
        let present = try await packages.versions(arguments.texts("packages"))
        let missing = arguments.texts("packages").filter { present[$0] == nil }
        guard !missing.isEmpty else { return .unchanged }
        try await packages.apt(["--no-install-recommends", "--no-remove", "install", "--"] + missing, code: "package.not_installed")
        let after = try await packages.versions(missing)
        for name in missing where after[name] == nil { throw StepError("package.not_installed", name) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}
}

/// Removes what a practice never needs, of a fixed list, and nothing that depends on it. Cannot be taken back.
package struct PackageRemove: Verb {
    package let name = "package.remove"
    package let signature = VerbSignature(required: ["packages": .strings], optional: ["except": .strings])
    package var canRestore: Bool { false }
    package init() {}

    static let known: Set<String> = [
        "anydesk", "inetutils-telnetd", "nis", "rsh-redone-server", "rsh-server", "teamviewer", "telnetd", "telnetd-ssl", "tftpd",
        "tftpd-hpa", "tightvncserver", "xinetd", "ypserv",
    ]

    package func target(_ arguments: VerbArguments) -> String { names(arguments).joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for name in names(arguments) where !Self.known.contains(name) { throw StepError("package.refused", name) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return .object(try await Packages(hands: hands).versions(names(arguments)).mapValues { .string($0) })
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let packages = Packages(hands: hands)
        let present = try await packages.versions(names(arguments)).keys.sorted()
        guard !present.isEmpty else { return .unchanged }
        let plan = try await packages.plan(["remove", "--"] + present)
        // Something else needs it: a person decides what goes.
        if let other = plan.removed.first(where: { !present.contains($0) }) ?? plan.installed.first {
            throw StepError("package.takes_others", other)
        }
        try await packages.apt(["remove", "--"] + present, code: "package.not_removed")
        if let left = try await packages.versions(present).keys.min() { throw StepError("package.not_removed", left) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    private func names(_ arguments: VerbArguments) -> [String] {
        let excepted = Set(arguments.texts("except"))
        return arguments.texts("packages").filter { !excepted.contains($0) }
    }
}

/// Brings installed packages to the newest version that the host's sources have; installs nothing else by name and removes
/// nothing. Cannot be taken back.
package struct PackageUpgrade: Verb {
    package let name = "package.upgrade"
    package let signature = VerbSignature(required: ["packages": .strings], optional: ["except": .strings])
    package var canRestore: Bool { false }
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { names(arguments).joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        try Packages.requirePlain(names(arguments))
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return .object(try await Packages(hands: hands).versions(names(arguments)).mapValues { .string($0) })
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let packages = Packages(hands: hands)
        let before = try await packages.versions(names(arguments))
        guard !before.isEmpty else { return .unchanged }
        let names = before.keys.sorted()
        try await packages.apt(["--only-upgrade", "--no-remove", "install", "--"] + names, code: "package.not_upgraded")
        return try await packages.versions(names) == before ? .unchanged : .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    private func names(_ arguments: VerbArguments) -> [String] {
        let excepted = Set(arguments.texts("except"))
        return arguments.texts("packages").filter { !excepted.contains($0) }
    }
}

/// Reads the package lists anew. Changes nothing that runs; nothing to take back.
package struct PackageRefresh: Verb {
    package let name = "package.refresh"
    package let signature = VerbSignature(required: [:])
    package var canRestore: Bool { false }
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { "package lists" }
    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue { .object([:]) }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        try await Packages(hands: hands).apt(["-o", "APT::Update::Error-Mode=any", "update"], code: "package.not_refreshed")
        // `update` leaves lists alone that have not changed; their age is what the check asks for.
        try await hands.require(["touch", "--", "/var/lib/apt/lists"])
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}
}
