package import Model
package import Seal

/// What the log says of a signed document: 64 bytes, and nothing about whose it is.
///
/// SHA-256 of the document's canonical bytes ‖ SHA-256 of the signer's raw public key. `docs/formats/log.md`.
package struct LogEntry: Hashable, Sendable {
    private let documentHash: LogHash
    private let signerHash: LogHash

    package init(document: Model.Digest, signer: VerifyingKey) {
        documentHash = LogHash(document)
        signerHash = LogHash(Digest(of: signer.bytes))
    }

    /// - Parameter signer: SHA-256 of the signer's 32 raw bytes.
    package init(document: Model.Digest, signerDigest signer: Model.Digest) {
        documentHash = LogHash(document)
        signerHash = LogHash(signer)
    }

    /// nil unless `bytes` are 64.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount, let document = LogHash(bytes: bytes[..<32]), let signer = LogHash(bytes: bytes[32...])
        else { return nil }
        documentHash = document
        signerHash = signer
    }

    package static let byteCount = 64

    package var document: Model.Digest { documentHash.digest }
    package var signer: Model.Digest { signerHash.digest }
    package var bytes: [UInt8] { withUnsafeBytes(of: self) { Array($0) } }

    /// The leaf of the Merkle tree.
    package var leafHash: LogHash { withUnsafeBytes(of: self) { LogHash.leaf($0) } }
}
