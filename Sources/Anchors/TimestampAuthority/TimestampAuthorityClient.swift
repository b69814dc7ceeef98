package import Model

/// Asks one RFC 3161 authority over HTTP for stamps, and takes only what verifies.
package struct TimestampAuthorityClient: Sendable {
    private let address: String
    private let verifier: TimestampVerifier
    private let transport: AnchorTransport
    private let makeNonce: @Sendable () -> [UInt8]

    /// A stamp as it is stored: `bytes` is the whole TimeStampResp, which `openssl ts -verify` reads as a `.tsr` file.
    package struct Stamp: Sendable, Equatable {
        package let bytes: [UInt8]
        package let verified: VerifiedTimestamp
    }

    /// - Parameters:
    ///   - address: `http://` or `https://`; the stamp is signed, so the way it comes need not be trusted.
    ///   - makeNonce: 8 random bytes at each call.
    package init(address: String, verifier: TimestampVerifier, transport: AnchorTransport, makeNonce: @escaping @Sendable () -> [UInt8]) {
        self.address = address
        self.verifier = verifier
        self.transport = transport
        self.makeNonce = makeNonce
    }

    package func stamp(_ digest: Digest) async throws(TimestampError) -> Stamp {
        let request = TimestampRequest(digest: digest, random: makeNonce())
        let reply: AnchorTransport.Reply
        do throws(AnchorLinkError) {
            reply = try await transport.exchange(
                address, headers: [("content-type", "application/timestamp-query"), ("accept", "application/timestamp-reply")],
                body: request.bytes, limit: TimestampToken.bytesMax)
        } catch { throw .link(error) }
        guard reply.status == 200 else { throw .link(.refused(status: reply.status)) }
        return Stamp(bytes: reply.body, verified: try await verifier.verify(reply.body, of: digest, nonce: request.nonce))
    }
}
