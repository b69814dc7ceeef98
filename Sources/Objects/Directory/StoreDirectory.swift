import Glibc
import Model
import Seal

/// The directory store without its queues: every call blocks until it is done.
///
/// `objects/` holds the bytes, `notes/` what is known of them, `mutable/` what may change, `temporary/` what is being written.
/// An object is stored when its note is: bytes without a note were never acknowledged and may be replaced.
struct StoreDirectory: Sendable {
    /// Up to so many new objects are synced one by one; more wait for the whole file system once, which also waits for strangers' data.
    static let syncedOneByOneMax = 4

    let files: StoreFiles

    init(root: String) { files = StoreFiles(root: root) }

    /// Also removes what writers that were killed left half written.
    func open() throws(ObjectError) {
        try files.prepare(["objects", "notes", "mutable", "temporary"])
        try files.locked { () throws(ObjectError) in
            for (name, _) in try files.entries(of: "\(files.root)/temporary") { try files.remove("\(files.root)/temporary/\(name)") }
        }
    }

    // MARK: Creating

    /// - Returns: for each, whether it was new.
    func create(_ objects: [NewObject]) throws(ObjectError) -> [CreateOutcome] {
        try files.locked { () throws(ObjectError) in
            var outcomes: [CreateOutcome] = []
            var staged: [ObjectKey: Staged] = [:]
            var order: [Staged] = []
            var directories: Set<String> = []
            let isOneByOne = objects.count <= Self.syncedOneByOneMax
            do throws(ObjectError) {
                for object in objects {
                    let note = ObjectNote(object)
                    if let twin = staged[object.key] {
                        guard twin.note.digest == note.digest else { throw .existsDifferent(object.key) }
                        outcomes.append(.alreadyThere)
                    } else if try isThere(object, note) {
                        outcomes.append(.alreadyThere)
                    } else {
                        let made = try stage(object, note, isSynced: isOneByOne, directories: &directories)
                        staged[object.key] = made
                        order.append(made)
                        outcomes.append(.created)
                    }
                }
                // Dead before here: bytes without notes, which nobody reads and the next create replaces.
                if isOneByOne { try files.sync(directories: directories) } else if !order.isEmpty { try files.syncAll() }
            } catch {
                for one in order { one.undo() }
                throw error
            }

            // From here on bytes are on disk under their names; each note makes one object exist.
            var noteDirectories: Set<String> = []
            for index in order.indices {
                do throws(ObjectError) {
                    let path = notePath(order[index].note.key)
                    try files.makeParents(of: path, changed: &noteDirectories, key: order[index].note.key)
                    try files.publish(order[index].temporaryNote, as: path, key: order[index].note.key)
                } catch {
                    for one in order[index...] { one.undo() }
                    throw error
                }
            }
            if isOneByOne { try files.sync(directories: noteDirectories) } else if !order.isEmpty { try files.syncAll() }
            return outcomes
        }
    }

    private struct Staged {
        let note: ObjectNote
        let path: String
        let temporaryNote: String

        /// Best effort: what stays is never read.
        func undo() {
            unlink(path)
            unlink(temporaryNote)
        }
    }

    private func stage(
        _ object: NewObject, _ note: ObjectNote, isSynced: Bool, directories: inout Set<String>
    ) throws(ObjectError) -> Staged {
        let path = objectPath(object.key)
        try files.makeParents(of: path, changed: &directories, key: object.key)
        let temporaryNote = try files.writeTemporary(note.bytes, isSynced: isSynced)
        do throws(ObjectError) {
            try place(object.bytes, at: path, isSynced: isSynced, key: object.key)
        } catch {
            unlink(temporaryNote)
            throw error
        }
        return Staged(note: note, path: path, temporaryNote: temporaryNote)
    }

    private func place(_ bytes: [UInt8], at path: String, isSynced: Bool, key: ObjectKey) throws(ObjectError) {
        let temporary = try files.writeTemporary(bytes, isSynced: isSynced)
        do throws(ObjectError) {
            try files.replace(path, with: temporary, key: key)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Whether the object is stored with these bytes, kept at least as long. Bytes that were lost or damaged are put back.
    private func isThere(_ object: NewObject, _ wanted: ObjectNote) throws(ObjectError) -> Bool {
        guard let found = try note(of: object.key) else { return false }
        guard found.digest == wanted.digest else { throw .existsDifferent(object.key) }
        let path = objectPath(object.key)
        if try content(path, key: object.key, bytesMax: object.bytes.count) != object.bytes {
            var directories: Set<String> = []
            try files.makeParents(of: path, changed: &directories, key: object.key)
            try place(object.bytes, at: path, isSynced: true, key: object.key)
            try files.sync(directories: directories)
        }
        if !found.retention.covers(wanted.retention) {
            var longer = found
            longer.retention = wanted.retention
            try write(longer)
        }
        return true
    }

    /// Notes are replaced last: died in between, the object is damaged still, and is mended again.
    func mend(_ object: NewObject) throws(ObjectError) {
        try files.locked { () throws(ObjectError) in
            var note = ObjectNote(object)
            // A note that cannot be read says nothing of a longer term; who can damage it could have shortened it as well.
            if let found = try? self.note(of: object.key) {
                if found.retention.covers(note.retention) { note.retention = found.retention }
                note.isHeld = found.isHeld
            }
            var directories: Set<String> = []
            try files.makeParents(of: objectPath(object.key), changed: &directories, key: object.key)
            try place(object.bytes, at: objectPath(object.key), isSynced: true, key: object.key)
            try files.makeParents(of: notePath(object.key), changed: &directories, key: object.key)
            try files.sync(directories: directories)
            try write(note)
        }
    }

    /// nil where it is lost or too large to be right.
    private func content(_ path: String, key: ObjectKey, bytesMax: Int) throws(ObjectError) -> [UInt8]? {
        do throws(StoreFiles.FileFault) {
            return try files.read(path, bytesMax: bytesMax)
        } catch {
            switch error {
            case .tooLarge: return nil
            case .failed(let failure): throw failure
            }
        }
    }

    // MARK: Reading

    func note(of key: ObjectKey) throws(ObjectError) -> ObjectNote? {
        do throws(StoreFiles.FileFault) {
            guard let bytes = try files.read(notePath(key), bytesMax: ObjectNote.bytesMax) else { return nil }
            guard let note = ObjectNote(bytes, of: key) else { throw .failed(.corrupt(key)) }
            return note
        } catch {
            switch error {
            case .tooLarge: throw .corrupt(key)
            case .failed(let failure): throw failure
            }
        }
    }

    func read(_ key: ObjectKey, bytesMax: Int) throws(ObjectError) -> [UInt8] {
        guard let note = try note(of: key) else { throw .missing(key) }
        guard note.size <= bytesMax else { throw .tooLarge(key, limit: bytesMax) }
        guard let bytes = try content(objectPath(key), key: key, bytesMax: note.size), Digest(of: bytes) == note.digest else {
            throw .corrupt(key)
        }
        return bytes
    }

    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) throws(ObjectError) -> ObjectPage {
        var keys: [ObjectKey] = []
        // One more than asked tells whether there are more.
        try walk(prefix.description, after: after?.description, countMax: limit + 1, into: &keys)
        return ObjectPage(keys: Array(keys.prefix(limit)), isTruncated: keys.count > limit)
    }

    private func walk(_ prefix: String, after: String?, countMax: Int, into keys: inout [ObjectKey]) throws(ObjectError) {
        // With its slash a directory sorts where its keys do.
        let entries = try files.entries(of: "\(files.root)/notes/\(prefix)").map { $0.isDirectory ? $0.name + "/" : $0.name }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        for entry in entries where keys.count < countMax {
            let text = prefix + entry
            if let after, !after.utf8.lexicographicallyPrecedes(text.utf8), !(entry.hasSuffix("/") && after.hasPrefix(text)) { continue }
            if entry.hasSuffix("/") {
                try walk(text, after: after, countMax: countMax, into: &keys)
            } else if let key = ObjectKey(text) {
                keys.append(key)
            }
        }
    }

    // MARK: Changing what is known of an object

    func change(_ key: ObjectKey, _ edit: (inout ObjectNote) throws(ObjectError) -> Void) throws(ObjectError) {
        try files.locked { () throws(ObjectError) in
            guard let found = try note(of: key) else { throw .missing(key) }
            var changed = found
            try edit(&changed)
            if changed != found { try write(changed) }
        }
    }

    private func write(_ note: ObjectNote) throws(ObjectError) {
        try replace(notePath(note.key), with: note.bytes, key: note.key)
    }

    private func replace(_ path: String, with bytes: [UInt8], key: ObjectKey) throws(ObjectError) {
        var directories: Set<String> = []
        try files.makeParents(of: path, changed: &directories, key: key)
        try place(bytes, at: path, isSynced: true, key: key)
        try files.sync(directories: directories)
    }

    func delete(_ key: ObjectKey, at now: Timestamp) throws(ObjectError) {
        try files.locked { () throws(ObjectError) in
            guard let note = try note(of: key) else { return }
            if note.isHeld { throw .held(key) }
            if case .until(let end) = note.retention, !note.retention.isOver(at: now) { throw .retained(key, until: end) }
            try files.remove(notePath(key))
            try files.sync(directories: [StoreFiles.parent(of: notePath(key))])
            // Dead here: bytes without a note.
            try files.remove(objectPath(key))
        }
    }

    // MARK: Mutable objects

    func putMutable(_ key: ObjectKey, _ bytes: [UInt8]) throws(ObjectError) {
        try replace("\(files.root)/mutable/\(key)", with: bytes, key: key)
    }

    func readMutable(_ key: ObjectKey, bytesMax: Int) throws(ObjectError) -> [UInt8] {
        do throws(StoreFiles.FileFault) {
            guard let bytes = try files.read("\(files.root)/mutable/\(key)", bytesMax: bytesMax) else { throw .failed(.missing(key)) }
            return bytes
        } catch {
            switch error {
            case .tooLarge: throw .tooLarge(key, limit: bytesMax)
            case .failed(let failure): throw failure
            }
        }
    }

    private func objectPath(_ key: ObjectKey) -> String { "\(files.root)/objects/\(key)" }
    private func notePath(_ key: ObjectKey) -> String { "\(files.root)/notes/\(key)" }
}
