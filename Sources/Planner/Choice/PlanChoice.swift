package import Model
package import Redaction
package import Seal

/// A runbook of the closed list, with parameters that were offered: all that is left of a model's answer. Only `AnswerReader` makes one.
package struct PlanChoice: Hashable, Sendable {
    package let runbook: RunbookID
    /// Of the definition that was offered.
    package let runbookDigest: Digest
    package let parameters: [String: TypedValue]
    /// 0...1, the model's own.
    package let confidence: Double
    /// Disruptive, rebooting, or said by the runbook: a person must approve. The gate asks for it again, from the catalog.
    package let needsApproval: Bool
    /// The model's words, for a record; nothing reads them.
    package let reason: ScrubbedText

    init(
        runbook: RunbookID, runbookDigest: Digest, parameters: [String: TypedValue], confidence: Double, needsApproval: Bool,
        reason: ScrubbedText
    ) {
        self.runbook = runbook
        self.runbookDigest = runbookDigest
        self.parameters = parameters
        self.confidence = confidence
        self.needsApproval = needsApproval
        self.reason = reason
    }
}
