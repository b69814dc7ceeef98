import Model
import Seal

/// What the directory store knows of one object: a file of canonical JSON beside it, and the mark that it was stored completely.
///
/// `{"held":false,"key":"log/tile/0/000","retainUntil":"2032-…Z","schema":"martlet.object/v1","sha256":"…","size":8192}`
struct ObjectNote: Hashable {
    static let schema = "martlet.object/v1"
    static let bytesMax = 2_048

    let key: ObjectKey
    let digest: Digest
    let size: Int
    var retention: Retention
    var isHeld: Bool

    var record: ObjectRecord { ObjectRecord(key: key, size: size, retention: retention, isHeld: isHeld) }

    var bytes: [UInt8] {
        var members: [String: JSONValue] = [
            "schema": .string(Self.schema), "key": .string(key.description), "sha256": .string(digest.description),
            "size": .integer(Int64(size)), "held": .boolean(isHeld),
        ]
        if case .until(let end) = retention { members["retainUntil"] = .string(end.description) }
        do {
            return try JSONValue.object(members).canonicalBytes()
        } catch {
            preconditionFailure("texts and whole numbers have a canonical form")
        }
    }

    init(_ object: NewObject) {
        key = object.key
        digest = Digest(of: object.bytes)
        size = object.bytes.count
        retention = object.retention
        isHeld = false
    }

    /// nil where the bytes are not the note of this key. The key stands in it so that a note that was moved is noticed.
    init?(_ bytes: [UInt8], of key: ObjectKey) {
        guard let json = try? JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: Self.bytesMax)), let members = json.object,
            json["schema"]?.string == Self.schema, json["key"]?.string == key.description,
            let digest = json["sha256"]?.string.flatMap({ Digest($0) }), let size = json["size"]?.integer, size >= 0,
            let isHeld = json["held"]?.boolean, members.count == (members["retainUntil"] == nil ? 5 : 6)
        else { return nil }
        self.key = key
        self.digest = digest
        self.size = Int(size)
        self.isHeld = isHeld
        guard let text = members["retainUntil"] else {
            retention = .none
            return
        }
        guard let end = text.string.flatMap({ Timestamp($0) }) else { return nil }
        retention = .until(end)
    }
}
