/// Which witnesses count for a log, and how many of them must have cosigned a checkpoint before it is relied upon.
package struct WitnessPolicy: Hashable, Sendable {
    package let witnesses: [NoteVerifier]
    /// 0...number of witnesses; 0 asks for none.
    package let quorum: Int

    package init(witnesses: [NoteVerifier], quorum: Int) {
        precondition((0...witnesses.count).contains(quorum), "a quorum of more witnesses than there are")
        self.witnesses = witnesses
        self.quorum = quorum
    }

    package static let none = WitnessPolicy(witnesses: [], quorum: 0)

    /// - Parameter checkpoint: verified with these witnesses in its trust.
    package func isMet(by checkpoint: VerifiedCheckpoint) -> Bool {
        checkpoint.cosignatures.count { witnesses.contains($0.verifier) } >= quorum
    }
}
