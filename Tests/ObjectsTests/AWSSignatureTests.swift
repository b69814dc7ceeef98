import Documents
import Model
import Objects
import Seal
import Testing

/// The signatures that AWS publishes: its Signature Version 4 test suite, and the worked examples of the S3 API reference.
@Suite struct AWSSignatureTests {
    struct Vector: Sendable, CustomStringConvertible {
        let description: String
        var isS3 = false
        var method = "GET"
        var path = "/"
        var query: [(name: String, value: String)] = []
        var headers: [(name: String, value: String)] = []
        var body = ""
        let signature: String
    }

    static let vectors = [
        Vector(description: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Vector(description: "post-vanilla", method: "POST", signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        Vector(
            description: "get-vanilla-query-order-key-case", query: [("Param2", "value2"), ("Param1", "value1")],
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        Vector(
            description: "get-utf8", path: "/%E1%88%B4", signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        Vector(
            description: "get-vanilla-utf8-query", query: [("\u{1234}", "bar")],
            signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        Vector(
            description: "post-header-key-sort", method: "POST", headers: [("my-header1", "value1")],
            signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        Vector(
            description: "S3 GET object", isS3: true, path: "/test.txt", headers: [("range", "bytes=0-9")],
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
        Vector(
            description: "S3 PUT object", isS3: true, method: "PUT", path: "/test%24file.text",
            headers: [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
            body: "Welcome to Amazon S3.", signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
        Vector(
            description: "S3 GET lifecycle", isS3: true, query: [("lifecycle", "")],
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        Vector(
            description: "S3 list", isS3: true, query: [("prefix", "J"), ("max-keys", "2")],
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ]

    @Test(arguments: vectors)
    func equalsThePublishedSignature(_ vector: Vector) throws {
        let digest = Digest(of: vector.body.utf8)
        let signer: AWSSignature
        let now: Timestamp
        var headers = vector.headers
        if vector.isS3 {
            signer = AWSSignature(
                accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), region: "us-east-1")
            now = try #require(Timestamp("2013-05-24T00:00:00.000Z"))
            headers += [("host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", digest.description)]
        } else {
            signer = AWSSignature(
                accessKey: "AKIDEXAMPLE", secretKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), region: "us-east-1",
                service: "service")
            now = try #require(Timestamp("2015-08-30T12:36:00.000Z"))
            headers.append(("host", "example.amazonaws.com"))
        }
        headers.append(("x-amz-date", AWSSignature.time(now)))
        let value = signer.authorization(
            method: vector.method, path: vector.path, query: vector.query, headers: headers, payload: digest, at: now)
        #expect(value.hasSuffix("Signature=\(vector.signature)"))
    }
}
