import Anchors
import Compliance
import Database
import Documents
import Evidence
import Learning
import Model
import Objects
import Reports
import Seal
import TransparencyLog
import Wire

/// What a person reads when Central, or its command line, gives up.
package enum CentralFailure {
    package static func sentence(for error: any Error) -> String {
        switch error {
        case let error as CentralError: "\(error.message) [\(error.code)]"
        case let error as DatabaseError: "\(error.message) [\(error.code)]"
        case let error as MigrationError: "\(error.message) [\(error.code)]"
        case PrivateFileError.missing(let path):
            "\(path) does not exist; nothing was done. On a new Central run `martlet central init`; on one that has worked before, restore "
                + "the file from its backup. [key.missing]"
        case let error as PrivateFileError: "\(error.message) [\(error.code)]"
        case let error as EnvelopeError: "\(error.message) [\(error.code)]"
        case let error as WireError: "\(error.message) [\(error.code)]"
        case let error as KitWriteError: "\(error.message) [\(error.code)]"
        case let error as ObjectError: "\(error.message) [\(error.code)]"
        case let error as PromotionRefusal: "\(error.message) [\(error.code)]"
        case let error as LearnedRuleRefusal: "\(error.message) [\(error.code)]"
        case let error as LearningPolicyError: "\(error.message) [\(error.code)]"
        case let error as BundleError: "\(error.message) [\(error.code)]"
        case let error as ExceptionError: "\(error.message) [\(error.code)]"
        case let error as CoverageError: "\(error.message) [\(error.code)]"
        case let error as TileError: "\(error.message) [\(error.code)]"
        case let error as TransparencyLog.ProofError: "\(error.message) [\(error.code)]"
        case let error as CheckpointError: "\(error.message) [\(error.code)]"
        case let error as ArchiveError: "\(error.message) [\(error.code)]"
        case let error as TimestampError: "\(error.message) [\(error.code)]"
        default: "\(error)"
        }
    }

    /// For alerts and the log: what a machine goes by.
    package static func code(of error: any Error) -> String {
        switch error {
        case let error as CentralError: error.code.description
        case let error as DatabaseError: error.code
        case let error as ObjectError: error.code
        case let error as TileError: error.code
        case let error as ArchiveError: error.code
        default: "central.internal"
        }
    }
}
