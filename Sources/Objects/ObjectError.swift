package import Model

/// Why an object store did not do what it was asked.
package enum ObjectError: Error, Hashable, Sendable {
    /// The key holds other bytes. Whoever asked must stop: one of the two is wrong.
    case existsDifferent(ObjectKey)
    case missing(ObjectKey)
    /// The bytes are not those that were created.
    case corrupt(ObjectKey)
    case tooLarge(ObjectKey, limit: Int)
    case retained(ObjectKey, until: Timestamp)
    case held(ObjectKey)
    /// One of two keys lies below the other.
    case keyConflict(ObjectKey)
    case retentionNotApplied(ObjectKey, found: Retention, asked: Retention)

    case diskFull(String)
    /// A system call failed with this `errno`.
    case disk(String, call: String, Int32)
    /// The directory belongs to somebody else, or others may write it.
    case directoryUnsafe(String)

    case bucketMissing(String)
    case bucketWithoutLock(String)
    /// 403: wrong credentials, no permission, or a clock that is wrong. Not tried again.
    case denied(String)
    /// Any other answer that is not tried again; the server's own code.
    case refused(status: Int, code: String)
    /// Every attempt failed; the reason of the last one.
    case unavailable(attempts: Int, String)
    /// An answer that is not what the protocol says, or larger than it may be.
    case malformed(String)
    /// TLS: the server is not the one that the authority vouches for.
    case untrusted(String)
    /// More versions of one key than we look through: somebody writes under our keys.
    case tooManyVersions(ObjectKey)
    /// The settings or files with which it would be opened are at fault; the sentence about them.
    case unusable(String)
    case cancelled

    /// Stable across releases.
    package var code: String {
        switch self {
        case .existsDifferent: "object.exists_different"
        case .missing: "object.missing"
        case .corrupt: "object.corrupt"
        case .tooLarge: "object.too_large"
        case .retained: "object.retained"
        case .held: "object.held"
        case .keyConflict: "object.key_conflict"
        case .retentionNotApplied: "object.retention_not_applied"
        case .diskFull: "object.disk_full"
        case .disk: "object.disk"
        case .directoryUnsafe: "object.directory_unsafe"
        case .bucketMissing: "object.bucket_missing"
        case .bucketWithoutLock: "object.bucket_without_lock"
        case .denied: "object.denied"
        case .refused: "object.refused"
        case .unavailable: "object.unavailable"
        case .malformed: "object.malformed"
        case .untrusted: "object.untrusted"
        case .tooManyVersions: "object.too_many_versions"
        case .unusable: "object.unusable"
        case .cancelled: "object.cancelled"
        }
    }

    package var message: String {
        switch self {
        case .existsDifferent(let key): "object \(key) holds other bytes; nothing was written. Find out which of the two is right."
        case .missing(let key): "object \(key) does not exist; nothing was read. Restore it from a backup if it should."
        case .corrupt(let key): "object \(key) is damaged; nothing was returned. Restore it from a backup."
        case .tooLarge(let key, let limit): "object \(key) is larger than \(limit) bytes; it was not read. Look who wrote it."
        case .retained(let key, let end): "object \(key) must be kept until \(end); nothing was deleted. Wait until then."
        case .held(let key): "object \(key) is under legal hold; nothing was deleted. Clear the hold first."
        case .keyConflict(let key): "object \(key) lies below another object, or above; nothing was written. Choose another key."
        case .retentionNotApplied(let key, let found, let asked):
            "object \(key) is kept \(found.text), not \(asked.text); it does not count as stored. Check the bucket's Object Lock."
        case .diskFull(let path): "no space left at \(path); nothing was stored. Make room and try again."
        case .disk(let path, let call, let number): "\(path): \(call) failed with error \(number); nothing was stored. Check the disk."
        case .directoryUnsafe(let path):
            "\(path) belongs to another user or others may write it; it was not used. Run: chmod 700 \(path), as its owner."
        case .bucketMissing(let bucket): "bucket \(bucket) does not exist; nothing was stored. Make it, with Object Lock."
        case .bucketWithoutLock(let bucket): "bucket \(bucket) has no Object Lock; it was not used. Make one with Object Lock."
        case .denied(let code): "the object store refused us (\(code)); nothing was done. Check credentials, permissions and clock."
        case .refused(let status, let code): "the object store refused the request (\(status) \(code)); nothing was done. See its log."
        case .unavailable(let attempts, let reason):
            "the object store did not answer in \(attempts) attempts (\(reason)); nothing is known to be stored. It is tried again later."
        case .malformed(let what): "the object store's answer is not S3 (\(what)); it was not used. Check the endpoint."
        case .untrusted(let what): "the object store is not trusted (\(what)); nothing was sent. Check its certificate and the authority."
        case .tooManyVersions(let key): "object \(key) has too many versions to look through; nothing was done. See who else writes there."
        case .unusable(let reason): "the object store cannot be opened (\(reason)); nothing was done. Correct its settings."
        case .cancelled: "the work was stopped; it is done again at the next start."
        }
    }
}

extension Retention {
    /// For messages.
    package var text: String {
        switch self {
        case .none: "without a term"
        case .until(let end): "until \(end)"
        }
    }
}
