package import Model
package import TransparencyLog

/// A dispute with a log as a witness keeps it.
package struct KeptDispute: Hashable, Sendable {
    /// From 1, in the order in which they were seen.
    package let number: Int64
    package let origin: String
    package let dispute: LogDispute
    /// Who brought it: an address, or the log that answered.
    package let source: String
    package let seen: Timestamp
    /// An `unproven` one whose checkpoint was later proven to continue what was cosigned after all.
    package let settled: Timestamp?
}
