package import Catalog
import Hosts
package import Model
package import Seal

/// Runs the backup job and demands that its status file moved on: an exit status proves nothing.
package struct BackupRun: Verb {
    package let name = "backup.run"
    package let signature = VerbSignature(required: ["unit": .string, "statusFile": .string])
    package var canRestore: Bool { false }
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("unit") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        if let unit = arguments.given("unit") { try VerbArguments.requireOrdinary(unit) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return ["status": .string(try await stamp(arguments, hands))]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let unit = arguments.text("unit")
        // For a oneshot unit `start` returns when the job has ended; a job that runs already is waited for.
        try await hands.require(["systemctl", "start", "--", unit], atMost: .seconds(86_400), code: "backup.job_failed")
        let after = try await stamp(arguments, hands)
        guard !after.isEmpty, after != captured["status"]?.string else {
            throw StepError("backup.status_not_advanced", arguments.text("statusFile"))
        }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    /// Inode and modification time to the nanosecond; empty while there is no status file.
    private func stamp(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> String {
        let path = arguments.text("statusFile")
        guard try await hands.status(of: path) != nil else { return "" }
        return try await hands.require(["stat", "-L", "-c", "%i %.9Y %s", "--", path], code: "file.unreadable").text
    }
}
