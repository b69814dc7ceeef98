package import Catalog
import Hosts
package import Model
package import Seal

/// Gives a file the text of the baseline's document, root's own and readable to all.
///
/// Only files of a fixed list, none of which is run, or names what is run: a document cannot become a program.
package struct FileSetContent: Verb {
    package let name = "file.set_content"
    package let signature = VerbSignature(required: ["path": .string, "document": .string], documents: ["document"])
    package init() {}

    static let paths: Set<String> = [
        "/etc/issue", "/etc/issue.net", "/etc/motd", "/etc/security/faillock.conf", "/etc/security/pwhistory.conf",
        "/etc/security/pwquality.conf.d/50-martlet.conf",
    ]

    package func target(_ arguments: VerbArguments) -> String { arguments.text("path") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        if let path = arguments.given("path"), !Self.paths.contains(path) { throw StepError("file.path_refused", path) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return try await hands.read(arguments.text("path")).json
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        guard let document = hands.documents[arguments.text("document")] else {
            throw StepError("file.document_missing", arguments.text("document"))
        }
        let before = try HostFile(json: captured)
        let wanted = HostFile.Content(bytes: Array(document.utf8), mode: 0o644, owner: 0, group: 0)
        guard before.content != wanted else { return .unchanged }
        try await hands.makeDirectory(of: before.path)
        try await hands.write(wanted, to: before.path)
        return .changed
    }

    /// A directory that had to be made stays: an empty one means nothing.
    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        let before = try HostFile(json: captured)
        if before.content == nil, try await hands.status(of: before.path) == nil { return }
        try await hands.restore(before)
    }
}

extension Hands {
    /// Where it is missing, made by root for all to read. Its parent must be there.
    func makeDirectory(of path: String) async throws(StepError) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let directory = String(path[..<slash])
        guard try await status(of: directory) == nil else { return }
        try await require(["mkdir", "-m", "0755", "--", directory])
    }
}
