package import Catalog
import Hosts
package import Model
package import Seal

/// Writes a line to the log and demands to find it where the log is kept.
package struct LogCanary: Verb {
    package let name = "log.canary"
    package let signature = VerbSignature(required: ["file": .string])
    package var canRestore: Bool { false }
    /// How long the line may take from the socket to the file.
    package static let patience: Duration = .seconds(10)
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("file") }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue { .object([:]) }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        // Unlike any line that was there before, also when the step is tried again.
        let canary = "martlet-canary \(hands.plan) \(hands.clock.now())"
        try await hands.require(["logger", "-t", "martlet", "-p", "user.info", "--", canary], code: "log.not_written")
        let end = hands.clock.now() + Self.patience
        while true {
            let found = try await hands.run(["grep", "-F", "-q", "-e", canary, "--", arguments.text("file")])
            if found.succeeded { return .changed }
            guard hands.clock.now() < end, (try? await hands.clock.sleep(.milliseconds(200))) != nil else {
                throw StepError("log.canary_lost", arguments.text("file"), exitStatus: found.exitStatus)
            }
        }
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}
}
