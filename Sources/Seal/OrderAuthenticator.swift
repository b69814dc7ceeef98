package import Model

/// Guardrail 1: whether an order is genuine, for this appliance, in date and new. The only maker of `AuthenticatedOrder`.
package struct OrderAuthenticator: Sendable {
    package static let bytesMax = 262_144
    /// An order must leave at least this long to be carried out, and cannot wait longer than this.
    package static let ttlMin: Duration = .seconds(60)
    package static let ttlMax: Duration = .seconds(7 * 86_400)
    package static let ttlDefault: Duration = .seconds(900)
    /// How far Central's clock may be ahead of ours.
    package static let skewMax: Duration = .seconds(300)

    package let site: SiteID
    package let appliance: ApplianceID
    /// The enrolled order keys.
    package let keys: [VerifyingKey]

    package init(site: SiteID, appliance: ApplianceID, keys: [VerifyingKey]) {
        self.site = site
        self.appliance = appliance
        self.keys = keys
    }

    /// Checks signature, schema, form, scope, time, nonce and sequence, in this order.
    ///
    /// The caller makes the nonce and the sequence durable before it acts on the order, or a crash opens it to replay.
    ///
    /// - Parameters:
    ///   - lastSequence: of the last order that was accepted; 0 when there was none.
    ///   - isNonceSeen: whether an accepted order carried this nonce.
    package func authenticate(
        _ text: String, lastSequence: Int64, isNonceSeen: (String) throws -> Bool, at now: Timestamp
    ) throws -> AuthenticatedOrder {
        let (order, key, digest) = try verify(text)
        try judgeScopeAndTime(order, at: now)
        if try isNonceSeen(order.nonce) { throw OrderRejection.replayedNonce(order.id) }
        guard order.sequence > lastSequence else {
            throw OrderRejection.replayedSequence(order.id, sequence: order.sequence, last: lastSequence)
        }
        return AuthenticatedOrder(order: order, key: key, digest: digest)
    }

    private func verify(_ text: String) throws(OrderRejection) -> (Order, KeyID, Digest) {
        let limits = JSONLimits(bytesMax: Self.bytesMax)
        do throws(EnvelopeError) {
            let envelope = try SignedEnvelope(parsing: text, limits: limits)
            let (payload, key) = try envelope.open(schema: Order.schema, keys: keys, limits: limits)
            do throws(FieldError) {
                return (try Order(json: payload), key.id, Digest(of: envelope.payload))
            } catch {
                throw EnvelopeError.field(error)
            }
        } catch {
            switch error {
            case .badSignature(let key): throw .badSignature(claimedKey: key)
            case .unknownKey(let key): throw .unknownKey(key)
            case .notJSON, .field, .notCanonical, .wrongSchema: throw .malformed(error)
            }
        }
    }

    private func judgeScopeAndTime(_ order: Order, at now: Timestamp) throws(OrderRejection) {
        guard order.site == site else { throw .wrongSite(order.id, order.site) }
        guard order.appliance == appliance else { throw .wrongAppliance(order.id, order.appliance) }
        let ttl = order.expires - order.issued
        guard ttl >= Self.ttlMin else { throw .ttlTooShort(order.id, ttl) }
        guard ttl <= Self.ttlMax else { throw .ttlTooLong(order.id, ttl) }
        guard order.issued <= now + Self.skewMax else { throw .fromFuture(order.id, issued: order.issued) }
        guard now < order.expires else { throw .expired(order.id, at: order.expires) }
    }
}

/// An order that passed every check of `OrderAuthenticator`; holding one is the permission to consider it.
package struct AuthenticatedOrder: Hashable, Sendable {
    package let order: Order
    /// Who signed it.
    package let key: KeyID
    /// Of its canonical bytes.
    package let digest: Digest

    fileprivate init(order: Order, key: KeyID, digest: Digest) {
        self.order = order
        self.key = key
        self.digest = digest
    }
}
