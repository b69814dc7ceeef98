package import Model
import SwiftASN1

/// TimeStampReq of RFC 3161 2.4.1: SHA-256, our nonce, and the wish for the signer's certificate.
package struct TimestampRequest: Equatable, Sendable {
    package let digest: Digest
    /// As a DER integer holds it: 8 bytes, the first from 1 to 127, so that it is positive and has one form.
    package let nonce: [UInt8]

    /// - Parameter random: 8 random bytes. The first loses a bit or two.
    package init(digest: Digest, random: [UInt8]) {
        precondition(random.count == 8, "a nonce is made of 8 bytes")
        self.digest = digest
        nonce = [random[0] & 0x7f | 0x40] + random.dropFirst()
    }

    package var bytes: [UInt8] {
        var serializer = DER.Serializer()
        do {
            try serializer.appendConstructedNode(identifier: .sequence) { request in
                try request.serialize(1)
                try request.appendConstructedNode(identifier: .sequence) { imprint in
                    try imprint.appendConstructedNode(identifier: .sequence) { algorithm in
                        try algorithm.serialize(ASN1ObjectIdentifier.sha256)
                        try algorithm.serialize(ASN1Null())
                    }
                    try imprint.serialize(ASN1OctetString(contentBytes: digest.bytes[...]))
                }
                request.appendPrimitiveNode(identifier: .integer) { $0.append(contentsOf: nonce) }
                try request.serialize(true)
            }
        } catch {
            preconditionFailure("nothing in a time-stamp request can fail to be written: \(error)")
        }
        return serializer.serializedBytes
    }
}
