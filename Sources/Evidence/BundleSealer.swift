package import Model
package import Seal

/// Turns an event into what is stored and sent: canonical bytes, signature, digest.
package struct BundleSealer: Sendable {
    private let key: SigningKey

    package init(key: SigningKey) { self.key = key }

    package var keyID: KeyID { key.id }

    /// - Parameter link: the bundle's place in the chain, which the caller reads and writes in one transaction.
    /// - Returns: also the digest, which the next bundle names as its predecessor.
    /// - Throws: `.tooLarge`; nothing was signed. Cut what the bundle quotes and seal it again.
    package func seal(_ bundle: ScrubbedBundle, at link: ChainLink) throws(BundleError) -> (signed: SignedBundle, digest: Digest) {
        let (bytes, digest) = try chain(bundle, at: link)
        return (sign(bytes), digest)
    }

    /// The first half of sealing, which the next bundle waits for.
    package func chain(_ bundle: ScrubbedBundle, at link: ChainLink) throws(BundleError) -> (bytes: [UInt8], digest: Digest) {
        let bytes = bundle.canonicalBytes(link)
        guard bytes.count <= SignedBundle.bytesMax else { throw .tooLarge(bytes: bytes.count) }
        return (bytes, Digest(of: bytes))
    }

    /// The second half, which no other bundle waits for.
    package func sign(_ bytes: [UInt8]) -> SignedBundle { SignedBundle(bytes: bytes, signature: key.sign(bytes)) }
}

extension SignedBundle {
    package static let bytesMax = 262_144
}
