import Compliance
import Model
import Seal

/// A statement of Central's as a kit has it: an envelope, and its place in the log.
package struct KitStatement: Hashable, Sendable {
    package static let bytesMax = 131_072
    package let envelope: String
    package let logIndex: Int64

    package init(envelope: String, logIndex: Int64) {
        self.envelope = envelope
        self.logIndex = logIndex
    }
}

/// A statement whose signature and form were checked.
struct OpenedStatement {
    /// nil for a kind that coverage does not read.
    let content: CentralStatement?
    let digest: Digest
    let key: VerifyingKey
    /// nil, here and below, for what is none, or not in its form.
    let pruned: PrunedStatement?
    let enablement: EnablementStatement?

    /// - Parameter keys: those of receipts.
    init(opening text: String, keys: [VerifyingKey]) throws(EnvelopeError) {
        let limits = JSONLimits(bytesMax: KitStatement.bytesMax)
        let envelope = try SignedEnvelope(parsing: text, limits: limits)
        let schema = Self.schema(of: envelope.payload, limits)
        let (payload, key) = try envelope.open(schema: schema, keys: keys, limits: limits)
        switch schema {
        case GapStatement.schema:
            do throws(FieldError) { content = .gap(try GapStatement(json: payload)) } catch { throw .field(error) }
        case ExceptionStatement.schema:
            do throws(ExceptionError) {
                content = .exception(try ExceptionStatement(json: payload))
            } catch { throw .field(.outOfRange("payload", expected: "an exception")) }
        default: content = nil
        }
        pruned = schema == PrunedStatement.schema ? try? PrunedStatement(json: payload) : nil
        enablement = schema == EnablementStatement.schema ? try? EnablementStatement(json: payload) : nil
        // Canonical: `open` has made sure.
        digest = Digest(of: envelope.payload)
        self.key = key
    }

    /// Trusted for nothing before the envelope is opened with it.
    private static func schema(of payload: [UInt8], _ limits: JSONLimits) -> String {
        let value = try? JSONValue(parsing: payload, limits: limits)
        guard let schema = value?["schema"]?.string, schema.hasPrefix("martlet."), schema.utf8.count <= 100 else { return "martlet.gap/v1" }
        return schema
    }
}
