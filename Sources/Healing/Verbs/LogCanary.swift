package import Catalog
import Hosts
package import Model
package import Seal

/// Writes a line to the log and demands to find it in one of the files where the log is kept.
package struct LogCanary: Verb {
    package let name = "log.canary"
    package let signature = VerbSignature(required: ["files": .strings])
    package var canRestore: Bool { false }
    /// How long the line may take from the socket to the file.
    package static let patience: Duration = .seconds(10)
    package init() {}

    package func target(_ arguments: VerbArguments) -> String {
        arguments.texts("files").joined(separator: " ")
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue { .object([:]) }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        // Unlike any line that was there before, also when the step is tried again.
        let canary = "martlet-canary \(hands.plan) \(hands.clock.now())"
        try await hands.require(["logger", "-t", "martlet", "-p", "user.info", "--", canary], code: "log.not_written")
        let end = Deadline(in: Self.patience, by: hands.clock)
        while true {
            let found = try await hands.run(["grep", "-F", "-q", "-s", "-e", canary, "--"] + arguments.texts("files"))
            if found.succeeded { return .changed }
            guard !end.isOver, (try? await hands.clock.sleep(.milliseconds(200))) != nil else {
                throw StepError("log.canary_lost", target(arguments), exitStatus: found.exitStatus)
            }
        }
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}
}
