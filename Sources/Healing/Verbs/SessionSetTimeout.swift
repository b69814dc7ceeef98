package import Catalog
import Hosts
package import Model
package import Seal

/// Ends idle log-in shells after so many seconds, by a profile file of our own that no user can override.
package struct SessionSetTimeout: Verb {
    package let name = "session.set_timeout"
    package let signature = VerbSignature(required: ["seconds": .integer])
    /// Sorts behind the distribution's: the last setting wins.
    static let file = "/etc/profile.d/zz-martlet-timeout.sh"
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { "\(arguments.integer("seconds")) s" }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        // Less would end sessions of people who read; none at all is not ours to set.
        if case .integer(let seconds)? = arguments.values["seconds"], !(60...3_600).contains(seconds) {
            throw StepError("session.seconds_refused", "\(seconds)")
        }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try await hands.read(Self.file).json
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        try examine(arguments)
        let seconds = arguments.integer("seconds")
        let text = "# Kept by Martlet: idle shells end.\nTMOUT=\(seconds)\nreadonly TMOUT\nexport TMOUT\n"
        let wanted = HostFile.Content(bytes: Array(text.utf8), mode: 0o644, owner: 0, group: 0)
        guard try HostFile(json: captured).content != wanted else { return .unchanged }
        try await hands.write(wanted, to: Self.file)
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await hands.restore(HostFile(json: captured))
    }
}
