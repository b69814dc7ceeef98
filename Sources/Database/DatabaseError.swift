/// What callers branch on; everything else is `engine` with its SQLSTATE or SQLite code.
package enum DatabaseError: Error, Hashable, Sendable {
    /// A unique, foreign-key, check or not-null constraint.
    case constraint(String)
    /// The database could not be reached, opened, or did not answer before the deadline; nothing was written.
    case unavailable(String)
    /// The connection was lost between COMMIT and its answer: the write may or may not be there. Read before you repeat.
    case outcomeUnknown(String)
    /// No space left, or the file may not grow.
    case full
    case corrupt(String)
    case engine(code: String, String)
    case closed

    package var code: String {
        switch self {
        case .constraint: "database.constraint"
        case .unavailable: "database.unavailable"
        case .outcomeUnknown: "database.outcome_unknown"
        case .full: "database.full"
        case .corrupt: "database.corrupt"
        case .engine: "database.engine"
        case .closed: "database.closed"
        }
    }

    package var message: String {
        switch self {
        case .constraint(let detail): "the database refused the change: \(detail); nothing was written."
        case .unavailable(let detail):
            "the database does not answer: \(detail); nothing was written. Check that it runs and can be reached."
        case .outcomeUnknown(let detail): "the connection was lost while committing: \(detail); the change may or may not be there."
        case .full: "the database's disk is full; nothing was written. Free space and try again."
        case .corrupt(let detail): "the database holds what it cannot hold: \(detail); nothing was changed. Restore it from a backup."
        case .engine(let code, let detail): "the database refused a statement (\(code)): \(detail); nothing was written."
        case .closed: "the database is closed; nothing was written."
        }
    }
}
