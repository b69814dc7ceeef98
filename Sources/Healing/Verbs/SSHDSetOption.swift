package import Catalog
import Hosts
package import Model
package import Seal

/// Sets one option of sshd, reloads it, and proves with a new connection that we still get in.
///
/// Nothing is reloaded before `sshd -t` accepts it. Before the reload the host is told to put the files back by itself; only
/// the new connection calls that off, so a setting that locks us out undoes itself.
package struct SSHDSetOption: Verb {
    package let name = "sshd.set_option"
    package let signature = VerbSignature(required: ["option": .string, "value": .string])
    private let undoAfter: Duration

    /// - Parameter undoAfter: how long the host waits for the new connection.
    package init(undoAfter: Duration) { self.undoAfter = undoAfter }

    package func target(_ arguments: VerbArguments) -> String { "\(arguments.text("option")) \(arguments.text("value"))" }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        if let option = arguments.given("option") {
            guard Self.isPlain(option) else { throw StepError("sshd.option_malformed", option) }
            guard Self.options.contains(option.lowercased()) else { throw StepError("sshd.option_refused", option) }
        }
        if let value = arguments.given("value") {
            guard (1...200).contains(value.utf8.count), value.utf8.allSatisfy({ (32...126).contains($0) }) else {
                throw StepError("sshd.option_malformed", arguments.text("option"))
            }
        }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        let (main, dropIn) = (try await hands.read(SSHDText.main), try await hands.read(SSHDText.dropIn))
        return ["main": main.json, "dropIn": dropIn.json]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let (option, value) = (arguments.text("option"), arguments.text("value"))
        try examine(arguments)
        let before = try Captured(captured)
        // A configuration that is broken already must not be blamed on us, nor reloaded by us.
        try await hands.require(["/usr/sbin/sshd", "-t"], code: "sshd.invalid_before")
        if SSHDText.isSame(try await effective(option, hands), as: value) { return .unchanged }
        if Self.passwordOptions.contains(option.lowercased()), value.lowercased() == "no" { try await requireKeyProof(hands) }
        do throws(StepError) {
            try await write(option, value, before, hands)
            try await hands.require(["/usr/sbin/sshd", "-t"], code: "sshd.invalid")
            guard SSHDText.isSame(try await effective(option, hands), as: value) else { throw StepError("sshd.not_effective", option) }
        } catch {
            // Not reloaded: the running sshd never saw it.
            try await hands.restore(before.main)
            try await hands.restore(before.dropIn)
            throw error
        }
        try await reloadOnTrial(before, hands)
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let before = try Captured(captured)
        try await settle(arguments, captured, hands)
        let (main, dropIn) = (try await hands.restore(before.main), try await hands.restore(before.dropIn))
        guard main || dropIn else { return }
        try await hands.require(["/usr/sbin/sshd", "-t"], code: "sshd.invalid")
        try await reload(hands)
    }

    package func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await TimedUndo(hands: hands).callOff()
        try await TimedUndo(hands: hands).forget(Self.keptNames)
    }

    // MARK: steps

    /// Nothing else, whatever the catalog says: none of these names a program, a key or a file, so setting one cannot let
    /// anybody in who has neither a password nor a key on the host.
    private static let options: Set<String> = [
        "allowagentforwarding", "allowtcpforwarding", "ciphers", "clientalivecountmax", "clientaliveinterval", "gssapiauthentication",
        "hostbasedauthentication", "hostkeyalgorithms", "ignorerhosts", "kbdinteractiveauthentication", "kexalgorithms", "logingracetime",
        "loglevel", "macs", "maxauthtries", "maxsessions", "maxstartups", "passwordauthentication", "permitemptypasswords",
        "permitrootlogin", "permittunnel", "pubkeyacceptedalgorithms", "strictmodes", "x11forwarding",
    ]
    private static let passwordOptions: Set<String> = ["kbdinteractiveauthentication", "passwordauthentication"]
    private static let keptNames = ["sshd_config", "sshd_drop_in"]

    private struct Captured {
        let main: HostFile
        let dropIn: HostFile

        init(_ json: JSONValue) throws(StepError) {
            main = try HostFile(json: json["main"] ?? .null)
            dropIn = try HostFile(json: json["dropIn"] ?? .null)
        }
    }

    /// Passwords are switched off only where somebody has come in with a key, by the host's own journal: our new connection
    /// proves that for us, and on this machine itself it proves nothing.
    ///
    /// Only by the fields that the journal itself writes: anybody may log any text under any name, and sudo logs this very
    /// command.
    private func requireKeyProof(_ hands: Hands) async throws(StepError) {
        let words = ["journalctl", "-q", "-o", "cat", "-n", "1", "--since", "-90d", "-g", "^Accepted publickey for "]
        // Newer versions of OpenSSH have a program of its own for the session.
        let senders = ["_UID=0", "_COMM=sshd", "+", "_UID=0", "_COMM=sshd-session"]
        let found = try await hands.run(words + senders, atMost: .seconds(60))
        guard found.succeeded, found.text.hasPrefix("Accepted publickey for ") else {
            throw StepError("sshd.no_key_proven", "nobody has logged in with a key yet", exitStatus: found.exitStatus)
        }
    }

    /// In our drop-in where that decides, otherwise at the top of the main file.
    private func write(_ option: String, _ value: String, _ before: Captured, _ hands: Hands) async throws(StepError) {
        guard let main = before.main.content else { throw StepError("sshd.no_configuration", SSHDText.main) }
        let text = String(decoding: main.bytes, as: UTF8.self)
        if SSHDText.includesDropInsFirst(text, before: option) {
            var content = before.dropIn.content ?? .init(bytes: [], mode: 0o600, owner: 0, group: 0)
            content.bytes = Array(SSHDText.setting(option, to: value, in: String(decoding: content.bytes, as: UTF8.self)).utf8)
            try await hands.write(content, to: SSHDText.dropIn)
            if SSHDText.isSame(try await effective(option, hands), as: value) { return }
            // Another drop-in sorts before ours.
            try await hands.restore(before.dropIn)
        }
        var content = main
        content.bytes = Array(SSHDText.setting(option, to: value, in: text).utf8)
        try await hands.write(content, to: SSHDText.main)
    }

    private func reloadOnTrial(_ before: Captured, _ hands: Hands) async throws(StepError) {
        let undo = TimedUndo(hands: hands)
        var commands: [[String]] = []
        for (file, name) in zip([before.main, before.dropIn], Self.keptNames) {
            guard let content = file.content else {
                commands.append(["rm", "-f", file.path])
                continue
            }
            try await undo.keep(content.bytes, as: name)
            // Over the file that is there, so that mode and owner stay.
            commands.append(["cp", "--no-preserve=all", undo.path(name), file.path])
        }
        guard let unit = try await unit(hands) else { return }
        try await undo.arm(commands + [["systemctl", "reload", unit]], after: undoAfter)
        try await reload(hands)
        let stands = try await undo.stands(for: undoAfter)
        try await undo.forget(Self.keptNames)
        guard stands else { throw StepError("sshd.locked_out", "a new connection was refused after the reload") }
    }

    private func reload(_ hands: Hands) async throws(StepError) {
        guard let unit = try await unit(hands) else { return }
        try await hands.require(["systemctl", "reload", unit], code: "sshd.not_reloaded")
    }

    /// Debian's name and everybody else's; nil where sshd is started per connection and reads its files anyway.
    private func unit(_ hands: Hands) async throws(StepError) -> String? {
        for unit in ["ssh.service", "sshd.service"] {
            if try await hands.run(["systemctl", "is-active", "--quiet", unit]).succeeded { return unit }
        }
        return nil
    }

    private func effective(_ option: String, _ hands: Hands) async throws(StepError) -> String? {
        SSHDText.effective(option, in: try await hands.require(["/usr/sbin/sshd", "-T"], code: "sshd.invalid").text)
    }

    private static func isPlain(_ option: String) -> Bool {
        !option.isEmpty && option.utf8.allSatisfy { (65...90).contains($0) || (97...122).contains($0) }
    }
}
