package import Model

/// What the code behind the catalog can do: the facts that probes produce, and the verbs that runbooks may use.
package struct CatalogSchema: Hashable, Sendable {
    package let probes: [ProbeID: [FactName: ValueType]]
    package let verbs: [String: VerbSignature]

    package init(probes: [ProbeID: [FactName: ValueType]], verbs: [String: VerbSignature]) {
        self.probes = probes
        self.verbs = verbs
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
