package import Compliance
import Glibc
package import Model
package import Seal

/// Why no kit was written. There is nothing under its name.
package enum KitWriteError: Error, Hashable, Sendable {
    /// Over 65,534 entries, 4 GiB, or 32 MiB in one: make one kit for a shorter period.
    case tooLarge
    /// A bundle of another site, of an appliance that the kit does not name, or not after the one before it.
    case misplaced(BundleID)
    /// A statement, by its number, that is not one of Central's.
    case statement(Int, EnvelopeError)
    case coverage(CoverageError)
    case system(String, Int32)

    package var code: Code {
        switch self {
        case .tooLarge: "kit.too_large"
        case .misplaced: "kit.misplaced"
        case .statement: "kit.statement"
        case .coverage(let error): error.code
        case .system: "kit.system"
        }
    }

    package var message: String {
        switch self {
        case .tooLarge: "the kit would be larger than a kit may be; none was written. Make one for a shorter period."
        case .misplaced(let bundle): "bundle \(bundle) does not belong where it came; no kit was written."
        case .statement(let number, let error): "statement \(number) of the site cannot be used (\(error.message)); no kit was written."
        case .coverage(let error): error.message
        case .system(let call, let number):
            "the kit could not be written (\(call): \(String(cString: strerror(number)))); there is none. Choose a place with room that you may write to."
        }
    }
}

/// Why a file is not a kit that can be looked into at all. Nothing in it was judged.
package enum KitRefusal: Error, Hashable, Sendable {
    case unreadable(String)
    case zipMalformed
    case unsafeName
    case duplicateEntry
    case tooLarge
    case noManifest
    case manifestMalformed(String)

    package var code: Code {
        switch self {
        case .unreadable: "kit.unreadable"
        case .zipMalformed: "kit.zip_malformed"
        case .unsafeName: "kit.unsafe_name"
        case .duplicateEntry: "kit.duplicate_entry"
        case .tooLarge: "kit.too_large"
        case .noManifest: "kit.no_manifest"
        case .manifestMalformed: "kit.manifest_malformed"
        }
    }

    package var message: String {
        switch self {
        case .unreadable(let reason): "cannot be read: \(reason)."
        case .zipMalformed: "is not a ZIP file as a kit has it; it may be cut, changed or packed again. Ask for the original file."
        case .unsafeName: "has an entry with a name that no kit has; nothing was unpacked."
        case .duplicateEntry: "has two entries of one name; nothing was judged."
        case .tooLarge: "is larger than a kit may be; nothing was judged."
        case .noManifest: "has no manifest.json, so it is not a kit."
        case .manifestMalformed(let reason): "has a manifest that is not one: \(reason)"
        }
    }
}
