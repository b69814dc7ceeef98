package import Catalog
import Hosts
package import Model
package import Seal

/// Runs the site's renewal (certbot, an ACME client), demands that the certificate which ends first ends later than before,
/// and has the services that hold it read it again. The old key is not kept, so there is no way back.
package struct CertificateRenew: Verb {
    package let name = "certificate.renew"
    package let signature = VerbSignature(required: ["unit": .string, "files": .strings], optional: ["reload": .strings])
    package var canRestore: Bool { false }
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("files").joined(separator: " ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for unit in [arguments.given("unit")].compactMap(\.self) + arguments.texts("reload") { try VerbArguments.requireOrdinary(unit) }
        for file in arguments.texts("files") where !file.hasPrefix("/") { throw StepError("certificate.file_refused", file) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        var ends: [String: JSONValue] = [:]
        for file in arguments.texts("files") { ends[file] = .string(try await digest(file, hands)) }
        return .object(ends)
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        try await hands.require(
            ["systemctl", "start", "--", arguments.text("unit")], atMost: .seconds(900), code: "certificate.renewal_failed")
        var isNew = false
        for file in arguments.texts("files") {
            if try await digest(file, hands) != captured[file]?.string { isNew = true }
            // Whoever renews may leave half a file behind: nothing is reloaded that openssl cannot read, or that is over already.
            try await hands.require(["openssl", "x509", "-noout", "-checkend", "0", "-in", file], code: "certificate.invalid")
        }
        guard isNew else { throw StepError("certificate.not_renewed", target(arguments)) }
        for unit in arguments.texts("reload") {
            try await hands.require(
                ["systemctl", "try-reload-or-restart", "--", unit], atMost: .seconds(120), code: "certificate.not_reloaded")
        }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    private func digest(_ file: String, _ hands: Hands) async throws(StepError) -> String {
        try await hands.require(
            ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", file], code: "certificate.unreadable"
        ).text
    }
}
