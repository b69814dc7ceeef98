import Crypto
import Model
import Seal
import TestSupport
import Testing

/// The tables must never judge otherwise than a single verification: not what is valid, nor what only a batch would accept.
@Suite struct PreparedKeyTests {
    @Test("RFC 8032 7.1: published signatures verify with tables", arguments: KeysTests.published)
    func verifiesPublishedVectors(secret: String, open: String, message: String, signature: String) throws {
        let raw = try #require([UInt8](hexadecimal: open))
        let key = try #require(PreparedKey(bytes: raw))
        let bytes = try #require([UInt8](hexadecimal: message))
        #expect(key.isValid(try #require([UInt8](hexadecimal: signature)), for: bytes))
        #expect(!key.isValid(try #require([UInt8](hexadecimal: signature)), for: bytes + [0]))
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let key: String
        let message: String
        let signature: String
        let isValid: Bool
    }

    /// Made from a known secret by arithmetic on paper's terms (RFC 8032 section 5.1), beside any library: what two verifiers may judge
    /// differently (Chalkias, Garillot, Nikolaenko: "Taming the many EdDSAs", 2020).
    static let edges: [Case] = [
        Case(
            testDescription: "plain",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6d6172746c6574",
            signature:
                "eec7c5b0e85e61c0959b27c27eeb07ee7925269519d3d5bdc1052d99eda0aafb1d90882b77405c8325291a481ff7fa8bdd3ff70e58737e6e0912b4efa4ab9902",
            isValid: true),
        Case(
            testDescription: "S + L",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6d6172746c6574",
            signature:
                "eec7c5b0e85e61c0959b27c27eeb07ee7925269519d3d5bdc1052d99eda0aafb0a647e8891a36edbfbc511ebfdf0d9a0dd3ff70e58737e6e0912b4efa4ab9912",
            isValid: false),
        Case(
            testDescription: "R is the neutral element",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6d6172746c6574",
            signature:
                "0100000000000000000000000000000000000000000000000000000000000000d9a1451d51b83ecdde29d592a3da28075349de3e98706611ab2059538624e70d",
            isValid: true),
        Case(
            testDescription: "R is the neutral element, not canonical",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6d6172746c6574",
            signature:
                "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7fea63035382805caf55e55bb2ee766bc374c43d767baad66e9ea62b140a11240f",
            isValid: false),
        Case(
            testDescription: "R is the neutral element with a sign",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6d6172746c6574",
            signature:
                "0100000000000000000000000000000000000000000000000000000000000080150b3e8b3d0359c72db63769a9f20304209127ee072d9597214663d0a9909f03",
            isValid: false),
        Case(
            testDescription: "R has a part of order 8",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6d6172746c6574",
            signature:
                "efb1ac0f993688682827ed3dfcca35ea15a91e811313dc73f44db5223fe6548e77826204ba153b5a0f152da6444132ca77ddb598ac9ffa7d4fb6388fa568ba0b",
            isValid: false),
        Case(
            testDescription: "key has a part of order 8, h is not a multiple of 8",
            key: "3cf5f6a5afe4ac0aae0026965ca6a7d6448f0ff5ebf291f16860132a3e15bbc9", message: "6d30",
            signature:
                "eec7c5b0e85e61c0959b27c27eeb07ee7925269519d3d5bdc1052d99eda0aafb14d81d1594ac03b375e034ae7bcd2ad784b495be85f6782a1f15a78d9638850f",
            isValid: false),
        Case(
            testDescription: "key has a part of order 8, h is a multiple of 8",
            key: "3cf5f6a5afe4ac0aae0026965ca6a7d6448f0ff5ebf291f16860132a3e15bbc9", message: "6d32",
            signature:
                "eec7c5b0e85e61c0959b27c27eeb07ee7925269519d3d5bdc1052d99eda0aafbc8d58f500e3b37e94f955d351e07445a8942bbd50248084b4fbe4df4975b050e",
            isValid: true),
        Case(
            testDescription: "parts of order 8 cancel",
            key: "3cf5f6a5afe4ac0aae0026965ca6a7d6448f0ff5ebf291f16860132a3e15bbc9", message: "6432",
            signature:
                "fe4d53f066c97797d7d812c20335ca15ea56e17eecec238c0bb24addc019ab7183227c90a61e9a6aa2844245b20cf201b5103eb014d34b8b8ec8eb34e876950f",
            isValid: true),
        Case(
            testDescription: "S is 0",
            key: "fdd07d0bb562760cdb1ce08a937535c048a62e41bf2d1f5eb2b7701a78e1347c", message: "6432",
            signature:
                "fe4d53f066c97797d7d812c20335ca15ea56e17eecec238c0bb24addc019ab710000000000000000000000000000000000000000000000000000000000000000",
            isValid: false),
    ]

    @Test("What verifiers may judge differently is judged as by the library", arguments: edges)
    func judgesEdges(edge: Case) throws {
        let key = try #require([UInt8](hexadecimal: edge.key))
        let message = try #require([UInt8](hexadecimal: edge.message))
        let signature = try #require([UInt8](hexadecimal: edge.signature))
        let library = try Curve25519.Signing.PublicKey(rawRepresentation: key)
        #expect(library.isValidSignature(signature, for: message) == edge.isValid)
        #expect(try #require(PreparedKey(bytes: key)).isValid(signature, for: message) == edge.isValid)
    }

    @Test("Signatures of random keys verify, and with any bit of signature or message turned over they do not")
    func agreesWithTheLibrary() throws {
        var generator = SeededGenerator(seed: 25_519)
        for _ in 0..<6 {
            let seed = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let signer = try #require(SigningKey(seed: seed))
            let key = try #require(PreparedKey(bytes: signer.verifyingKey.bytes))
            for length in [0, 1, 31, 200] {
                let message = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let signature = signer.sign(message)
                #expect(key.isValid(signature, for: message))
                for _ in 0..<4 {
                    var turned = signature
                    turned[Int.random(in: 0..<64, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                    #expect(!key.isValid(turned, for: message))
                }
                #expect(!key.isValid(signature, for: message + [0]))
                #expect(!key.isValid(Array(signature.dropLast()), for: message))
                #expect(!key.isValid(signature + [0], for: message))
            }
        }
    }

    @Test("Bytes that are no point, or not the one encoding of one, have no tables")
    func refusesOtherKeys() throws {
        let p = [0xed] + [UInt8](repeating: 0xff, count: 30) + [0x7f]
        #expect(PreparedKey(bytes: p) == nil)
        #expect(PreparedKey(bytes: [0xee] + p.dropFirst()) == nil)
        // y = 2 is on no point of the curve; y = 1 has x = 0, which has no sign.
        #expect(PreparedKey(bytes: [2] + [UInt8](repeating: 0, count: 31)) == nil)
        #expect(PreparedKey(bytes: [1] + [UInt8](repeating: 0, count: 30) + [0x80]) == nil)
        #expect(PreparedKey(bytes: []) == nil)
        #expect(PreparedKey(bytes: [UInt8](repeating: 9, count: 33)) == nil)
    }

    @Test("A key for many judges the same before and after it has its tables")
    func staysTheSame() {
        let signer = SigningKey()
        let key = signer.verifyingKey.forMany()
        #expect(key == signer.verifyingKey)
        for index in 0..<130 {
            let message = [UInt8(index)]
            #expect(key.isValid(signer.sign(message), for: message))
            #expect(!key.isValid(signer.sign(message), for: message + [1]))
        }
    }
}
