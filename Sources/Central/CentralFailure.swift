import Database
import Documents
import Seal
import Wire

/// What a person reads when Central, or its command line, gives up.
package enum CentralFailure {
    package static func sentence(for error: any Error) -> String {
        switch error {
        case let error as CentralError: "\(error.message) [\(error.code)]"
        case let error as DatabaseError: "\(error.message) [\(error.code)]"
        case let error as MigrationError: "\(error.message) [\(error.code)]"
        case let error as PrivateFileError: "\(error.message) [\(error.code)]"
        case let error as EnvelopeError: "\(error.message) [\(error.code)]"
        case let error as WireError: "\(error.message) [\(error.code)]"
        default: "\(error)"
        }
    }
}
