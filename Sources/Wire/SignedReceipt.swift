package import Seal

/// A receipt as it travels and is kept: an envelope over `martlet.receipt/v1`.
package struct SignedReceipt: Hashable, Sendable {
    package static let bytesMax = 65_536
    package let envelope: SignedEnvelope
    package let receipt: Receipt

    package init(signing receipt: Receipt, with key: SigningKey) {
        // A receipt holds only texts and integers within JSON's range.
        envelope = try! SignedEnvelope(signing: receipt.json, with: key)
        self.receipt = receipt
    }

    /// - Parameter keys: the receipt keys that were enrolled.
    package init(opening text: String, keys: [VerifyingKey]) throws(EnvelopeError) {
        let limits = JSONLimits(bytesMax: Self.bytesMax)
        envelope = try SignedEnvelope(parsing: text, limits: limits)
        let payload = try envelope.open(schema: Receipt.schema, keys: keys, limits: limits).payload
        do throws(FieldError) { receipt = try Receipt(reading: ObjectReader(payload)) } catch { throw .field(error) }
    }

    package var text: String { envelope.text }
}
