package import Model
package import Seal

/// A key that signed, or signs, an appliance's evidence, and when it may have.
package struct EnrolledKey: Hashable, Sendable {
    package let key: VerifyingKey
    package let validFrom: Timestamp
    /// nil while it is in use; a key stays known after that, for the evidence it signed before.
    package let validUntil: Timestamp?

    package init(key: VerifyingKey, validFrom: Timestamp, validUntil: Timestamp?) {
        self.key = key
        self.validFrom = validFrom
        self.validUntil = validUntil
    }

    /// How far an appliance's clock may be from Central's when a key is made or retired.
    package static let skewMax: Duration = .seconds(300)

    package func isValid(at instant: Timestamp) -> Bool {
        guard instant >= validFrom - Self.skewMax else { return false }
        guard let validUntil else { return true }
        return instant <= validUntil + Self.skewMax
    }
}

/// A bundle whose signature, form and fields were checked. Only checking makes one.
///
/// A class that never changes, because a record has some fifty texts and lists and is handed on from core to core: as a struct, each
/// step would count all of them.
package final class VerifiedBundle: Hashable, Sendable {
    package let record: BundleRecord
    package let signed: SignedBundle
    /// SHA-256 of the canonical bytes.
    package let digest: Digest
    package let key: KeyID
    /// From when on that key may have spoken, by the clocks of both sides: nothing it says can be from before.
    package let enrolled: Timestamp

    /// - Parameters:
    ///   - keys: the appliance's enrolled keys. Whose bundle it is, is the caller's to compare: a valid signature says only that one of
    ///     these keys made it.
    ///   - memory: for whoever verifies many.
    package init(_ signed: SignedBundle, keys: [EnrolledKey], memory: JSONMemory? = nil) throws(BundleError) {
        guard signed.bytes.count <= SignedBundle.bytesMax else { throw .tooLarge(bytes: signed.bytes.count) }
        guard !keys.isEmpty else { throw .unknownKey }
        guard let key = keys.first(where: { $0.key.isValid(signed.signature, for: signed.bytes) }) else { throw .badSignature }

        let tape: JSONTape
        var isCanonical = false
        do throws(JSONError) {
            tape = try JSONTape(
                parsing: signed.bytes, limits: .signed(bytesMax: SignedBundle.bytesMax, depthMax: 8), isCanonical: &isCanonical,
                memory: memory)
        } catch {
            throw .notJSON(error)
        }
        guard isCanonical else { throw .notCanonical }
        // What is not even an object is of no schema either.
        guard let reader = try? ObjectReader(tape), (try? reader.string("schema", bytesMax: 100)) == Bundle.schema else {
            throw .wrongSchema
        }
        do throws(FieldError) { record = try BundleRecord(reading: reader) } catch { throw .field(error) }
        guard key.isValid(at: record.ended) else { throw .keyNotValid(key.key.id, at: record.ended) }
        self.signed = signed
        digest = Digest(of: signed.bytes)
        self.key = key.key.id
        enrolled = key.validFrom - EnrolledKey.skewMax
    }

    package static func == (left: VerifiedBundle, right: VerifiedBundle) -> Bool {
        // All else follows from it.
        left === right || (left.signed == right.signed && left.key == right.key)
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// Why a bundle is not evidence.
package enum BundleError: Error, Hashable, Sendable {
    case tooLarge(bytes: Int)
    /// No key is enrolled for the appliance.
    case unknownKey
    case badSignature
    case notJSON(JSONError)
    case notCanonical
    case wrongSchema
    case field(FieldError)
    case keyNotValid(KeyID, at: Timestamp)

    package var code: Code {
        switch self {
        case .tooLarge: "bundle.too_large"
        case .unknownKey: "bundle.unknown_key"
        case .badSignature: "bundle.bad_signature"
        case .notJSON: "bundle.not_json"
        case .notCanonical: "bundle.not_canonical"
        case .wrongSchema: "bundle.wrong_schema"
        case .field: "bundle.field"
        case .keyNotValid: "bundle.key_not_valid"
        }
    }

    package var message: String {
        switch self {
        case .tooLarge(let bytes): "bundle refused: \(bytes) bytes, at most \(SignedBundle.bytesMax) are taken."
        case .unknownKey: "bundle refused: no evidence key of this appliance is known."
        case .badSignature: "bundle refused: no enrolled key of this appliance made its signature."
        case .notJSON(let error): "bundle refused: \(error.message)"
        case .notCanonical: "bundle refused: its bytes are not canonical JSON."
        case .wrongSchema: "bundle refused: it is not a \(Bundle.schema)."
        case .field(let error): "bundle refused: \(error.message)"
        case .keyNotValid(let key, let instant): "bundle refused: \(key) was not valid at \(instant)."
        }
    }
}
