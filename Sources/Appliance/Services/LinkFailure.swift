import Database
import Model
import Seal

/// Code and sentence of what went wrong between Central and here: what was not done, and what holds.
enum LinkFailure {
    /// - Parameter code: of what is none of ours, which is the only thing that names the attempt then.
    static func explain(_ error: any Error, otherwise code: Code) -> (Code, String) {
        switch error {
        case let error as CentralLinkError: (error.code, error.message)
        case let error as DatabaseError: (Code(error.code) ?? code, error.message)
        case let error as JournalError: (error.code, error.message)
        case let error as PrivateFileError: (Code(error.code) ?? "key.unusable", error.message)
        case EnrollmentError.badGrant(let reason):
            ("central.bad_certificate", "Central's new certificate was refused (\(reason)); the one in use stays, and is tried again.")
        case is CancellationError: (code, "It was stopped before it was done; nothing is lost, and it is tried again.")
        default: (code, "It was not done (\(error)); nothing is lost, and it is tried again.")
        }
    }
}
