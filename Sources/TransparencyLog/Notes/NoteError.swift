/// Why a note, or a key for notes, is not used.
package enum NoteError: Error, Hashable, Sendable {
    case tooLong(bytesMax: Int)
    /// Not UTF-8, a control character, no signature, or a signature line that is not in its form.
    case malformed
    case tooManySignatures
    /// A key name that is empty or has white space or `+` in it.
    case keyName
    case verifierKey
    case signerKey
    /// A known key's name and hash, but not its signature.
    case badSignature(name: String)
    /// No signature by a key that is known here.
    case unknownKeys
    /// Two known keys have this name and hash.
    case ambiguousKey(name: String)

    package var code: String {
        switch self {
        case .tooLong: "note.too_long"
        case .malformed: "note.malformed"
        case .tooManySignatures: "note.too_many_signatures"
        case .keyName: "note.key_name"
        case .verifierKey: "note.verifier_key"
        case .signerKey: "note.signer_key"
        case .badSignature: "note.bad_signature"
        case .unknownKeys: "note.unknown_keys"
        case .ambiguousKey: "note.ambiguous_key"
        }
    }

    package var message: String {
        switch self {
        case .tooLong(let bytesMax): "note refused: longer than \(bytesMax) bytes; it was not read."
        case .malformed: "note refused: it is not a signed note; nothing in it was used."
        case .tooManySignatures: "note refused: more than \(NoteLimits.signaturesMax) signatures; nothing in it was used."
        case .keyName: "key refused: its name is empty, or has white space or a plus sign in it. Choose a name like log.example/2026."
        case .verifierKey: "verifier key refused: it is not name+hash+key of an Ed25519 key, or its hash is another key's. Copy it again."
        case .signerKey: "signing key refused: it is not PRIVATE+KEY+name+hash+key of an Ed25519 key. Restore the file."
        case .badSignature(let name): "note refused: a signature claims to be by \(name) and is not; nothing in it was used."
        case .unknownKeys: "note refused: no key that is trusted here has signed it; nothing in it was used. Check the configured keys."
        case .ambiguousKey(let name): "note refused: two of the configured keys are called \(name) and share a hash. Remove one."
        }
    }
}

package enum NoteLimits {
    /// A note may carry as many as Go's note package takes.
    package static let signaturesMax = 100
    /// Room for 100 signatures of the longest kind there is (post-quantum, 5 kB) and the text.
    package static let noteBytesMax = 1_000_000
    package static let lineBytesMax = 8_192
}
