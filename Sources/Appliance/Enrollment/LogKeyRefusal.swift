package import Seal
package import TransparencyLog
import Wire

/// Why the appliance did not take what Central says is its log's key.
package enum LogKeyRefusal: Error, Hashable, Sendable {
    /// Not signed by the order key of the enrolment, or no statement of a log's key.
    case envelope(EnvelopeError)
    case elsewhere
    case notAKey
    /// One is pinned already, and this is another.
    case pinned(String)

    package var code: String {
        switch self {
        case .envelope(let error): error.code
        case .elsewhere: "log.key_elsewhere"
        case .notAKey: "log.key_malformed"
        case .pinned: "log.key_pinned"
        }
    }

    package var message: String {
        switch self {
        case .envelope(let error): "Central's word for its log's key was not taken: \(error.message)"
        case .elsewhere: "Central's word for its log's key is for another appliance; it was not taken. Ask who runs Central why."
        case .notAKey: "What Central says is its log's key is none; it was not taken. Ask who runs Central."
        case .pinned(let key):
            "Central says that its log's key is another than \(key), which is pinned; it was not replaced. Ask who runs Central why."
        }
    }
}

extension Identity {
    /// The log's key that a signed word for this very appliance names.
    /// - Returns: nil where it is the pinned one.
    package func logKey(in signed: String) throws(LogKeyRefusal) -> NoteVerifier? {
        let statement: LogKeyStatement
        do throws(EnvelopeError) { statement = try SignedLogKey.open(signed, key: orderKey) } catch { throw .envelope(error) }
        guard statement.site == site, statement.appliance == appliance else { throw .elsewhere }
        // Which part of it is wrong, only its maker could mend.
        guard let key = try? NoteVerifier(statement.key), key.algorithm == .ed25519 else { throw .notAKey }
        guard let logKey else { return key }
        guard key == logKey else { throw .pinned(logKey.text) }
        return nil
    }

    /// - Precondition: none is pinned.
    func pinning(_ key: NoteVerifier) -> Identity {
        precondition(logKey == nil, "a pinned key is never replaced")
        return Identity(
            organization: organization, site: site, appliance: appliance, centralURL: centralURL, authority: authority, orderKey: orderKey,
            receiptKey: receiptKey, catalogKey: catalogKey, logKey: key)
    }
}
