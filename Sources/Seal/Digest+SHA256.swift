import Crypto
package import Model

extension Model.Digest {
    /// SHA-256.
    package init(of bytes: some Collection<UInt8>) {
        var stream = DigestStream()
        stream.update(bytes)
        self = stream.finish()
    }
}

/// SHA-256 over what arrives in pieces.
package struct DigestStream {
    private var function = SHA256()

    package init() {}

    package mutating func update(_ bytes: some Collection<UInt8>) {
        if bytes.withContiguousStorageIfAvailable({ function.update(bufferPointer: UnsafeRawBufferPointer($0)) }) == nil {
            Array(bytes).withUnsafeBytes { function.update(bufferPointer: $0) }
        }
    }

    package func finish() -> Model.Digest { function.finalize().withUnsafeBytes { Model.Digest(copying: $0) } }
}
