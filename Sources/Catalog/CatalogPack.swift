package import Documents
import Model
package import Seal

/// The compiled catalog as it travels: one canonical JSON document `martlet.catalog/v1`, signed as an envelope.
///
/// It carries the facts and verbs it was compiled against, so that Central can read it without any probe. An appliance reads it
/// against its own: a pack that needs a probe or verb which this software does not have is refused whole.
package enum CatalogPack {
    package static let schema = "martlet.catalog/v1"
    package static let limits = JSONLimits(bytesMax: 32 << 20)
    package static let entriesMax = 100_000

    /// The same catalog gives the same bytes.
    package static func encode(_ catalog: CompiledCatalog, schema: CatalogSchema) throws(JSONError) -> [UInt8] {
        let value: JSONValue = [
            "schema": .string(Self.schema), "version": .integer(catalog.version), "code": schema.json,
            "checks": .array(catalog.checks.values.sorted { $0.id < $1.id }.map(\.json)),
            "runbooks": .array(catalog.runbooks.values.sorted { $0.id < $1.id }.map(\.json)),
            "rules": .array(catalog.rules.sorted { $0.id < $1.id }.map(\.json)),
            "baselines": .array(catalog.baselines.values.sorted { $0.id < $1.id }.map(\.json)),
        ]
        return try value.canonicalBytes()
    }

    /// The signed pack: an envelope's JSON text.
    package static func sign(_ pack: [UInt8], with key: SigningKey) -> [UInt8] {
        Array(SignedEnvelope(keyID: key.id, payload: pack, signature: key.sign(pack)).text.utf8)
    }

    /// Verifies the signature, and only then reads.
    ///
    /// - Parameters:
    ///   - newerThan: the version in use: only a higher one is taken. nil takes any.
    ///   - schema: what this software can do; nil reads against what the pack says it was compiled for.
    package static func open(
        _ signed: [UInt8], keys: [VerifyingKey], newerThan version: Int64? = nil, schema: CatalogSchema?
    ) throws(CatalogPackError) -> CompiledCatalog {
        let envelope: SignedEnvelope
        // Base 64 takes four thirds, and the envelope a little more.
        let envelopeLimits = JSONLimits(bytesMax: limits.bytesMax * 3 / 2)
        do throws(EnvelopeError) { envelope = try SignedEnvelope(parsing: signed, limits: envelopeLimits) } catch { throw .envelope(error) }
        guard let key = keys.first(where: { $0.id == envelope.keyID }) else { throw .envelope(.unknownKey(envelope.keyID)) }
        guard key.isValid(envelope.signature, for: envelope.payload) else { throw .envelope(.badSignature(envelope.keyID)) }
        let catalog = try decode(envelope.payload, schema: schema)
        if let version, catalog.version <= version { throw .notNewer(catalog.version, inUse: version) }
        return catalog
    }

    /// Reads an unsigned pack: for tests and tools. Everything is checked as when YAML is loaded, but for the lint that compares
    /// rules with one another, which has passed before a pack is written.
    package static func decode(_ bytes: [UInt8], schema: CatalogSchema?) throws(CatalogPackError) -> CompiledCatalog {
        let document: JSONElement
        var isCanonical = false
        do throws(JSONError) {
            document = try JSONElement(parsing: bytes, limits: limits, isCanonical: &isCanonical)
        } catch { throw .notJSON(error) }
        // Two texts of one catalog would have two digests, and who compares them could not tell.
        guard isCanonical else { throw .envelope(.notCanonical) }
        guard document["schema"]?.value.string == Self.schema else { throw .wrongSchema }
        do throws(Diagnostics) {
            return try PackReader(document, digest: Digest(of: bytes)).read(schema)
        } catch { throw .refused(error) }
    }
}

/// Why a pack was not taken. The catalog in use stays in use.
package enum CatalogPackError: Error, Sendable {
    case envelope(EnvelopeError)
    case notJSON(JSONError)
    case wrongSchema
    case refused(Diagnostics)
    case notNewer(Int64, inUse: Int64)

    package var code: String {
        switch self {
        case .envelope(let error): error.code
        case .notJSON(let error): error.code
        case .wrongSchema: "catalog.wrong_schema"
        case .refused: "catalog.refused"
        case .notNewer: "catalog.not_newer"
        }
    }

    package var message: String {
        switch self {
        case .envelope(let error): "catalog pack refused: \(error.message)"
        case .notJSON(let error): "catalog pack refused: \(error.message)"
        case .wrongSchema: "catalog pack refused: it is not a \(CatalogPack.schema); the catalog in use stays."
        case .refused(let findings):
            "catalog pack refused, the catalog in use stays: \(findings.all.first?.description ?? "no reason")"
                + (findings.all.count > 1 ? " and \(findings.all.count - 1) more" : "")
        case .notNewer(let version, let inUse):
            "catalog pack refused: version \(version) is not above \(inUse), which is in use and stays."
        }
    }
}
