package import Catalog
import Hosts
package import Model
package import Seal

/// Runs the site's restore test, and demands that its status file names a newer `last_restore_test`: an exit status, or any
/// other change of the file, proves nothing.
package struct BackupTestRestore: Verb {
    package let name = "backup.test_restore"
    package let signature = VerbSignature(required: ["unit": .string, "statusFile": .string])
    package var canRestore: Bool { false }
    package init() {}

    package func target(_ arguments: VerbArguments) -> String { arguments.text("unit") }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try VerbArguments.requireOrdinary(arguments.text("unit"))
        return ["tested": .string(try await tested(arguments, hands))]
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        try await hands.require(
            ["systemctl", "start", "--", arguments.text("unit")], atMost: .seconds(86_400), code: "backup.restore_failed")
        let after = try await tested(arguments, hands)
        // RFC 3339 in UTC: texts of one form are ordered as their instants are.
        guard after > captured["tested"]?.string ?? "" else { throw StepError("backup.restore_not_noted", arguments.text("statusFile")) }
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    /// Empty while there is none.
    private func tested(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> String {
        guard let content = try await hands.read(arguments.text("statusFile")).content else { return "" }
        guard let status = try? JSONValue(parsing: content.bytes, limits: JSONLimits(bytesMax: 65_536)) else {
            throw StepError("backup.status_unreadable", arguments.text("statusFile"))
        }
        return status["last_restore_test"]?.string ?? ""
    }
}
