package import Catalog
package import Model
package import Seal

/// One thing that a step may do to a host. The set is fixed: a runbook chooses, it does not program.
///
/// Every verb may be applied twice, restores exactly what it captured, and restores again without harm. It runs programs by
/// argument vectors only.
package protocol Verb: Sendable {
    /// `service.start`.
    var name: String { get }
    var signature: VerbSignature { get }
    /// False where nothing that `apply` does has to be undone (a backup that ran), or can be (a restart, a package).
    var canRestore: Bool { get }
    /// Throws what this verb refuses of its arguments on every host, before it reads or touches anything. The catalog's lint asks
    /// too, and only of the arguments that it knows: one that is not given is not judged.
    func examine(_ arguments: VerbArguments) throws(StepError)
    /// What it is done to, as a person would say it.
    func target(_ arguments: VerbArguments) -> String
    /// All that `restore` needs, read before the first change and made durable; small enough for a database row.
    func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue
    func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect
    /// Puts the captured state back, whether or not, and however far, `apply` got.
    func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError)
    /// After a crash, before looking whether the work is done: calls off what would still act by itself on the host.
    func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError)
}

extension Verb {
    package var parameters: [String: ValueType] { signature.required }
    package var canRestore: Bool { true }
    package func examine(_ arguments: VerbArguments) throws(StepError) {}
    package func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}
}

package enum StepEffect: Hashable, Sendable {
    case changed
    /// It was so already; nothing was done.
    case unchanged
}

/// Why a step did not do what it should.
package struct StepError: Error, Hashable, Sendable {
    package let code: Code
    /// For the log; may quote host output and never leaves the site unscrubbed.
    package let detail: String
    package let exitStatus: Int?
    /// The host itself could not be asked: what ran is not known.
    package let isOfHost: Bool

    package init(_ code: Code, _ detail: String, exitStatus: Int? = nil, isOfHost: Bool = false) {
        self.code = code
        self.detail = detail
        self.exitStatus = exitStatus
        self.isOfHost = isOfHost
    }
}

/// A step's arguments, of the types that the verb's signature names: the catalog and the executor have checked them.
package struct VerbArguments: Hashable, Sendable {
    package let values: [String: TypedValue]
    package init(_ values: [String: TypedValue]) { self.values = values }

    /// nil where it was not given.
    func given(_ name: String) -> String? { if case .string(let text)? = values[name] { text } else { nil } }

    func text(_ name: String) -> String { given(name) ?? "" }

    func texts(_ name: String) -> [String] {
        guard case .strings(let texts) = values[name] else { return [] }
        return texts
    }

    func flag(_ name: String) -> Bool { values[name] == .boolean(true) }

    func integer(_ name: String) -> Int64 {
        guard case .integer(let number) = values[name] else { return 0 }
        return number
    }
}
