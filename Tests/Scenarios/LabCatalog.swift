import Catalog
import Conditions
import Foundation
import Model

/// A catalog with one check that a test can make drift on this very machine: the mode of one file of its own.
enum LabCatalog {
    static let check: CheckID = "linux.files.permissions"
    static let runbook: RunbookID = "linux.files.set_mode"
    /// Of a list: an element that is not this one, which there is not.
    private static let anySetID = Comparison(fact: "files.set_id", operator: .notIn, operand: .literal(.strings(["/none"])))

    /// - Parameters:
    ///   - file: held to mode 0640, root, root.
    ///   - directory: where set-id programs are searched, which are a drift `files.other` then too.
    ///   - secondDrift: whether this machine also has a drift `files.other` that no rule knows.
    ///   - repairs: whether a rule repairs it; otherwise it goes to a person.
    static func make(
        version: Int64, file: String, interval: Duration = .seconds(10), repairs: Bool = true, isDisruptive: Bool = false,
        needsApproval: Bool = false, secondDrift: Bool = false, searching directory: String? = nil
    ) -> CompiledCatalog {
        let expected = "\(file) 0640 root root"
        let parameter = ParameterDefinition(type: .strings, summary: "Files and what they may be.", default: .strings([expected]))
        // The second drift is a set-id program of this machine; what only looks at the file searches nothing else.
        let directories = ParameterDefinition(
            type: .strings, summary: "Where to search.", default: .strings([directory ?? (secondDrift ? "/usr/bin" : file)]))
        let definition = CheckDefinition(
            id: check, title: "File permissions", probe: "files", platforms: ["linux"], severity: .high, interval: interval,
            staleAfter: .seconds(86_400), phiRisk: "low", parameters: ["files": parameter, "directories": directories], notApplicable: [],
            drift: [
                Clause(
                    code: "files.wrong", condition: .exists("files.first_wrong_path"))
            ] + (secondDrift || directory != nil ? [Clause(code: "files.other", condition: .compare(Self.anySetID))] : []), requires: [],
            controls: [])
        let rule = RuleDefinition(
            id: "L1-LAB-001", title: "Set the mode", priority: 100, check: check, codes: ["files.wrong"], platforms: [], condition: nil,
            runbook: repairs ? runbook : nil, parameters: repairs ? ["files": .checkParameter("files")] : [:], cooldown: .seconds(1),
            attemptsMax: 3)
        let book = RunbookDefinition(
            id: runbook, title: "Set the mode", checks: [check], platforms: ["linux"],
            parameters: ["files": ParameterDefinition(type: .strings, summary: "Files and what they may be.")],
            steps: [StepDefinition(verb: "file.set_mode", arguments: ["files": .parameter("files")])], isDisruptive: isDisruptive,
            // Measured by the test's clock, which runs far ahead on a busy machine.
            needsReboot: false, needsApproval: needsApproval, needsWindow: false, timeout: .seconds(1_800), retries: 0)
        return CompiledCatalog(
            version: version, digest: .genesis, checks: [check: definition], rules: [rule], runbooks: [runbook: book], runbookDigests: [:],
            baselines: [:])
    }
}
