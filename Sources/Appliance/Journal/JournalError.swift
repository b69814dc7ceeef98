package import Model

/// Why evidence could not be made durable. Nothing was acknowledged in any of these cases.
package enum JournalError: Error, Sendable {
    /// The stored chain does not hold together at this bundle. The appliance does not start: it must not build on it.
    case broken(sequence: Int64, String)
    /// Somebody else wrote to the chain while we had it.
    case moved(expected: Int64, found: Int64)
    /// Too many bundles wait for the disk.
    case overloaded(waiting: Int)

    package var code: Code {
        switch self {
        case .broken: "evidence.chain_broken"
        case .moved: "evidence.chain_moved"
        case .overloaded: "evidence.overloaded"
        }
    }

    package var message: String {
        switch self {
        case .broken(let sequence, let reason):
            "The evidence chain is broken at bundle \(sequence): \(reason). The appliance did not start and changed nothing. "
                + "Keep the state directory as it is and have it examined; a new enrolment begins a new chain."
        case .moved(let expected, let found):
            "The evidence chain ends at \(found), not at \(expected) as this process left it: another process writes to the same state "
                + "directory. Nothing was appended; stop one of them."
        case .overloaded(let waiting):
            "\(waiting) bundles already wait for the disk; this one was not taken. Look at the disk's health."
        }
    }
}
