package import Catalog
import Hosts
package import Model
package import Seal

/// Puts the baseline's firewall ruleset in force, and keeps it over a reboot.
///
/// The way in is guarded twice: a ruleset that does not accept the management port is refused before anything is touched,
/// and the host itself goes back to the old rules unless a new connection calls that off.
package struct NftRestore: Verb {
    package let name = "nft.restore"
    package let signature = VerbSignature(
        required: ["document": .string, "managementPort": .integer, "file": .string], documents: ["document"])
    private let undoAfter: Duration
    private static let keptName = "nft"
    /// What distributions load at boot; no order makes the ruleset's text of another file.
    private static let files: Set<String> = ["/etc/nftables.conf", "/etc/sysconfig/nftables.conf"]

    /// - Parameter undoAfter: how long the host waits for the new connection.
    package init(undoAfter: Duration) { self.undoAfter = undoAfter }

    package func target(_ arguments: VerbArguments) -> String { arguments.text("document") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        if case .integer(let port)? = arguments.values["managementPort"], !(1...65_535).contains(port) {
            throw StepError("nft.port_refused", "\(port)")
        }
        if let file = arguments.given("file"), !Self.files.contains(file) { throw StepError("nft.file_refused", file) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        let rules = try await ruleset(hands)
        return ["ruleset": .string(rules), "file": try await hands.read(arguments.text("file")).json]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        guard let document = hands.documents[arguments.text("document")] else {
            throw StepError("nft.document_missing", arguments.text("document"))
        }
        guard NftText.admits(document, port: arguments.integer("managementPort")) else {
            throw StepError("nft.no_way_in", "port \(arguments.integer("managementPort"))")
        }
        let candidate = Array(("flush ruleset\n" + document + "\n").utf8)
        try await hands.require(["nft", "-c", "-f", "-"], input: candidate, code: "nft.invalid")
        let before = try Captured(captured)
        try await enforceOnTrial(candidate, before, hands)
        try await persist(document, over: before.file, hands)
        return try await ruleset(hands) == before.ruleset ? .unchanged : .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let before = try Captured(captured)
        try await settle(arguments, captured, hands)
        if try await ruleset(hands) != before.ruleset {
            try await hands.require(["nft", "-f", "-"], input: before.script, code: "nft.not_restored")
        }
        try await hands.restore(before.file)
    }

    package func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await TimedUndo(hands: hands).callOff()
        try await TimedUndo(hands: hands).forget([Self.keptName])
    }

    // MARK: steps

    private struct Captured {
        let ruleset: String
        let file: HostFile

        init(_ json: JSONValue) throws(StepError) {
            guard let ruleset = json["ruleset"]?.string else { throw StepError("step.captured_unreadable", "nft.restore") }
            self.ruleset = ruleset
            file = try HostFile(json: json["file"] ?? .null)
        }

        var script: [UInt8] { Array(("flush ruleset\n" + ruleset).utf8) }
    }

    private func ruleset(_ hands: Hands) async throws(StepError) -> String {
        try await hands.require(["nft", "-s", "list", "ruleset"], code: "nft.unreadable").text
    }

    private func enforceOnTrial(_ candidate: [UInt8], _ before: Captured, _ hands: Hands) async throws(StepError) {
        let undo = TimedUndo(hands: hands)
        try await undo.keep(before.script, as: Self.keptName)
        try await undo.arm([["nft", "-f", undo.path(Self.keptName)]], after: undoAfter)
        try await hands.require(["nft", "-f", "-"], input: candidate, code: "nft.not_applied")
        // The connection that is open survives most rulesets; only a new one shows that the way in is open.
        let stands = try await undo.stands(for: undoAfter)
        try await undo.forget([Self.keptName])
        guard stands else { throw StepError("nft.cut_off", "a new connection was refused under the baseline's rules") }
    }

    /// Where the distribution keeps no such file (its service loads another), only the live rules are set.
    private func persist(_ document: String, over file: HostFile, _ hands: Hands) async throws(StepError) {
        guard var content = file.content else { return }
        content.bytes = Array(("#!/usr/sbin/nft -f\n# Kept by Martlet: the site's baseline.\nflush ruleset\n\n" + document + "\n").utf8)
        guard content != file.content else { return }
        try await hands.write(content, to: file.path)
    }
}

/// A first look at a ruleset's text; the proof is the new connection.
enum NftText {
    /// Whether a line accepts new TCP connections to `port`, or an input chain accepts by default.
    static func admits(_ ruleset: String, port: Int64) -> Bool {
        ruleset.split(separator: "\n").contains { line in
            let words = line.split(whereSeparator: { " \t;,".contains($0) })
            if let hook = words.firstIndex(of: "hook"), words.dropFirst(hook + 1).first == "input", words.contains("policy") {
                return words.last == "accept"
            }
            guard words.first?.hasPrefix("#") == false, words.contains("accept"), words.contains("tcp"),
                let start = words.firstIndex(of: "dport")
            else { return false }
            let rest = words[(start + 1)...]
            let ports = rest.first == "{" ? rest.dropFirst().prefix { $0 != "}" } : rest.prefix(1)
            return ports.contains { covers($0, port) }
        }
    }

    private static func covers(_ word: Substring, _ port: Int64) -> Bool {
        if word == "ssh" { return port == 22 }
        let bounds = word.split(separator: "-").map { Int64($0) }
        guard let low = bounds.first ?? nil, let high = bounds.last ?? nil, bounds.count <= 2 else { return false }
        return (low...max(low, high)).contains(port)
    }
}
