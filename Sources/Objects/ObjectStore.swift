package import Model

/// Who keeps a retention.
package enum RetentionEnforcement: String, Sendable {
    /// This program alone: whoever can write the directory can delete what it refuses to.
    case program
    /// The server, against every holder of its credentials.
    case server
}

/// Keeps immutable objects for as long as they must be kept, and a few mutable ones beside them.
///
/// Immutable and mutable objects are two name spaces: the same key may exist in both, and neither touches the other.
/// Every method may be called at any time from any task. `ObjectError.cancelled` stands for a cancelled task in all of them.
package protocol ObjectStore: Sendable {
    var enforcement: RetentionEnforcement { get }

    /// Stores `bytes` under a key that is free, or finds them there. Nothing is ever overwritten.
    ///
    /// On return the bytes are durable and kept at least as long as asked: the retention was read back. Where the object was there with a
    /// shorter one it has been extended. After an error the object is whole there or not at all; calling again is always right.
    /// - Throws: `.existsDifferent` when the key holds other bytes.
    @discardableResult
    func create(_ key: ObjectKey, _ bytes: [UInt8], retention: Retention) async throws(ObjectError) -> CreateOutcome

    /// `create` of each, faster than one by one. Durable on return. Not all or nothing: after an error some may be there; call again.
    func create(_ objects: [NewObject]) async throws(ObjectError)

    /// Puts an object back whose bytes are lost or damaged. Only for bytes that somebody else vouches for, such as a signed root: where
    /// this program alone keeps the retention, what the store believed to be right is replaced too. Retention and hold stay.
    /// - Throws: `.existsDifferent` where a server keeps other bytes for a term that is not over.
    func mend(_ object: NewObject) async throws(ObjectError)

    /// The bytes as they were created: damage and later versions are noticed, never returned.
    /// - Throws: `.missing`, `.corrupt`, `.tooLarge`.
    func read(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8]

    /// nil where there is none. Does not read the content.
    func record(of key: ObjectKey) async throws(ObjectError) -> ObjectRecord?

    /// Immutable objects in the order of their keys' bytes, those after `after` (exclusive), at most `limit` (1 to 1000).
    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectError) -> ObjectPage

    /// Deletes, durably. Nothing there is fine.
    /// - Throws: `.retained`, `.held` while it must be kept; nothing was deleted then.
    func delete(_ key: ObjectKey) async throws(ObjectError)

    /// A hold keeps the object beyond its retention until it is cleared.
    /// - Throws: `.missing`.
    func setLegalHold(_ key: ObjectKey, _ isHeld: Bool) async throws(ObjectError)

    /// Makes the retention at least this long; durable and read back on return.
    func extendRetention(_ key: ObjectKey, to retention: Retention) async throws(ObjectError)

    /// Replaces a mutable object in one step: readers see the old bytes or the new ones. Durable on return; no retention asked for, content
    /// not checked at reading.
    /// For what is published and signed in itself: the newest checkpoint.
    func putMutable(_ key: ObjectKey, _ bytes: [UInt8]) async throws(ObjectError)

    /// - Throws: `.missing`, `.tooLarge`.
    func readMutable(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8]

    /// Tries what must not succeed, around this program's own refusals where a server keeps the retention. Only for `RetentionDrill`.
    func attempt(_ act: ForbiddenAct, on key: ObjectKey) async throws(ObjectError) -> ForbiddenActOutcome

    /// Waits for what is under way; afterwards nothing may be called.
    func close() async
}

extension ObjectStore {
    package func close() async {}

    package func mend(_ object: NewObject) async throws(ObjectError) {
        do throws(ObjectError) {
            try await create(object.key, object.bytes, retention: object.retention)
        } catch {
            switch error {
            case .existsDifferent, .corrupt: break
            default: throw error
            }
            do throws(ObjectError) {
                try await delete(object.key)
            } catch {
                switch error {
                case .retained, .held: throw .existsDifferent(object.key)
                default: throw error
                }
            }
            try await create(object.key, object.bytes, retention: object.retention)
        }
    }

    /// Reads the retention back from where it is kept.
    /// - Throws: `.missing`; `.retentionNotApplied` where it is not at least what was asked, in a mode that nobody can shorten.
    @discardableResult
    package func verifyRetention(_ key: ObjectKey, _ asked: Retention) async throws(ObjectError) -> ObjectRecord {
        guard let record = try await record(of: key) else { throw .missing(key) }
        guard record.retention.covers(asked) else { throw .retentionNotApplied(key, found: record.retention, asked: asked) }
        return record
    }
}

package struct NewObject: Sendable {
    package let key: ObjectKey
    package let bytes: [UInt8]
    package let retention: Retention

    package init(key: ObjectKey, bytes: [UInt8], retention: Retention) {
        self.key = key
        self.bytes = bytes
        self.retention = retention
    }
}

package enum CreateOutcome: Sendable {
    case created
    /// The same bytes were there already.
    case alreadyThere
}

/// What a store knows of an object without its content.
package struct ObjectRecord: Hashable, Sendable {
    package let key: ObjectKey
    package let size: Int
    /// Only a retention that cannot be shortened counts; a weaker one reads as `.none`.
    package let retention: Retention
    package let isHeld: Bool
    /// The store's name of the version that readers get; nil where a store has none.
    package let version: String?

    package init(key: ObjectKey, size: Int, retention: Retention, isHeld: Bool, version: String? = nil) {
        self.key = key
        self.size = size
        self.retention = retention
        self.isHeld = isHeld
        self.version = version
    }
}

package struct ObjectPage: Sendable {
    package let keys: [ObjectKey]
    /// There may be more after the last key.
    package let isTruncated: Bool

    package init(keys: [ObjectKey], isTruncated: Bool) {
        self.keys = keys
        self.isTruncated = isTruncated
    }
}

/// What somebody with the store's own credentials could try against a retained object.
package enum ForbiddenAct: Hashable, Sendable {
    case overwrite([UInt8])
    case delete
    /// Make it disappear for ordinary readers without deleting its bytes.
    case hide
    case shorten(Timestamp)
    /// Turn the retention into one that a privileged user may lift.
    case weaken
}

package enum ForbiddenActOutcome: Hashable, Sendable {
    /// The store said no, with this code of its own or of ours.
    case refused(String)
    /// The store took the request. Whether it had an effect shows in reading.
    case accepted
    /// The store has no such request.
    case notApplicable
}
