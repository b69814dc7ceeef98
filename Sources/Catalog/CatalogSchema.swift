package import Model

/// What the code behind the catalog can do: the facts that probes produce, and the verbs that runbooks may use.
package struct CatalogSchema: Sendable {
    package let probes: [ProbeID: [FactName: ValueType]]
    package let verbs: [String: VerbSignature]

    /// Why a verb refuses these of its arguments on every host, for a sentence that starts with the verb; nil where it does not, or
    /// not for these alone. Like the documents not part of a pack: a folder's lint has asked.
    package typealias Refusal = @Sendable (_ verb: String, _ known: [String: TypedValue]) -> String?
    package let refusal: Refusal

    package init(
        probes: [ProbeID: [FactName: ValueType]], verbs: [String: VerbSignature], refusal: @escaping Refusal = { _, _ in nil }
    ) {
        self.probes = probes
        self.verbs = verbs
        self.refusal = refusal
    }
}

/// The arguments of one verb.
package struct VerbSignature: Hashable, Sendable {
    package let required: [String: ValueType]
    package let optional: [String: ValueType]
    /// Arguments that name a document which every baseline must have. Not part of a pack: a folder's lint has looked.
    package let documents: Set<String>

    package init(required: [String: ValueType], optional: [String: ValueType] = [:], documents: Set<String> = []) {
        self.required = required
        self.optional = optional
        self.documents = documents
    }

    package subscript(_ argument: String) -> ValueType? { required[argument] ?? optional[argument] }
}
