import Model
import Seal
import Testing

@Suite struct KeysTests {
    /// RFC 8032 7.1, tests 1 to 3 and SHA(abc): secret key, public key, message, signature.
    static let published: [(String, String, String, String)] = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ]

    @Test("RFC 8032 7.1: signatures are the published ones and verify", arguments: published)
    func signsPublishedVectors(secret: String, open: String, message: String, signature: String) throws {
        let seed = try #require([UInt8](hexadecimal: secret))
        let key = try #require(SigningKey(seed: seed))
        let bytes = try #require([UInt8](hexadecimal: message))
        #expect(key.verifyingKey.bytes.hexadecimal == open)
        #expect(key.sign(bytes).hexadecimal == signature)
        #expect(key.verifyingKey.isValid(key.sign(bytes), for: bytes))
    }

    @Test("Another message, a cut signature and another key do not verify")
    func refusesOthers() {
        let (key, other) = (SigningKey(), SigningKey())
        let signature = key.sign([1, 2, 3])
        #expect(!key.verifyingKey.isValid(signature, for: [1, 2]))
        #expect(!key.verifyingKey.isValid(Array(signature.dropLast()), for: [1, 2, 3]))
        #expect(!key.verifyingKey.isValid(signature + [0], for: [1, 2, 3]))
        #expect(!key.verifyingKey.isValid([], for: [1, 2, 3]))
        #expect(!other.verifyingKey.isValid(signature, for: [1, 2, 3]))
    }

    @Test("FIPS 180-4: SHA-256 of abc and of nothing")
    func digestsPublishedVectors() {
        #expect(Digest(of: Array("abc".utf8)).description == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(of: [UInt8]()).description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        var stream = DigestStream()
        for byte in "abc".utf8 { stream.update(CollectionOfOne(byte)) }
        #expect(stream.finish() == Digest(of: Array("abc".utf8)))
    }

    @Test("A key id is the start of the digest of the raw key, and reads back")
    func namesKeys() throws {
        let key = SigningKey().verifyingKey
        #expect(key.id.description == "key_" + Digest(of: key.bytes).description.prefix(16))
        #expect(KeyID(key.id.description) == key.id)
        for text in ["", "key_", "key_0123456789ABCDEF", "key_0123456789abcde", "kex_0123456789abcdef", "key_0123456789abcdeg"] {
            #expect(KeyID(text) == nil)
        }
    }

    @Test("A public key reads back from its PEM, and from no other text")
    func readsPEM() {
        let key = SigningKey().verifyingKey
        #expect(VerifyingKey(pem: key.pem) == key)
        #expect(VerifyingKey(pem: key.pem + "\n") == nil)
        #expect(VerifyingKey(pem: key.pem.replacing("PUBLIC", with: "PRIVATE")) == nil)
        #expect(VerifyingKey(pem: "") == nil)
        #expect(VerifyingKey(bytes: [UInt8](repeating: 1, count: 31)) == nil)
    }

    @Test(
        "Each of the fourteen encodings of a point of small order is refused as a key",
        arguments: [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ])
    func refusesSmallOrder(hexadecimal: String) throws {
        #expect(VerifyingKey(bytes: try #require([UInt8](hexadecimal: hexadecimal))) == nil)
    }

    @Test("A public key's text is bytes: a letter that Unicode holds equivalent is another")
    func comparesBytes() { #expect(VerifyingKey(pem: SigningKey().verifyingKey.pem.replacing("KEY", with: "\u{212a}EY")) == nil) }

    @Test("A private key prints nothing secret")
    func isRedacted() {
        let key = SigningKey()
        #expect("\(key)" == "<redacted \(key.id)>")
        #expect(!"\(key)".contains(key.seed.hexadecimal))
    }

    @Test(
        "RFC 4648 10: base 64 of the published texts",
        arguments: zip(
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"], ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]))
    func writesBase64(text: String, encoded: String) {
        #expect(Array(text.utf8).base64 == encoded)
        #expect([UInt8](base64: encoded) == Array(text.utf8))
    }

    @Test(
        "Base 64 with another text for the same bytes is refused",
        arguments: ["Zg", "Zg=", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Z===", "====", "Zg==Zg==", "Zm-_", "Zm9vé"])
    func refusesBase64(text: String) { #expect([UInt8](base64: text) == nil) }
}
