import Crypto
package import Documents
package import Model
import Seal

/// Signs requests as AWS Signature Version 4 says ("Authenticating Requests: Using the Authorization Header", whole payload signed).
///
/// Ours because it is one page, and every library that has it brings hundreds of generated files or its own HTTP client with it.
package struct AWSSignature: Sendable {
    package let accessKey: String
    package let secretKey: Secret
    package let region: String
    package let service: String

    package init(accessKey: String, secretKey: Secret, region: String, service: String = "s3") {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.region = region
        self.service = service
    }

    /// - Parameters:
    ///   - path: as it is sent: percent-encoded once.
    ///   - query: names and values before encoding, in any order.
    ///   - headers: names in lower case, each once, `host` and `x-amz-date` among them. All are signed.
    ///   - payload: the SHA-256 of the body.
    /// - Returns: the value of the `Authorization` header.
    package func authorization(
        method: String, path: String, query: [(name: String, value: String)], headers: [(name: String, value: String)],
        payload: Model.Digest, at now: Timestamp
    ) -> String {
        let sorted = headers.sorted { $0.name < $1.name }
        let names = sorted.map(\.name).joined(separator: ";")
        let request = [
            method, path, Self.canonicalQuery(query), sorted.map { "\($0.name):\(Self.trimmed($0.value))\n" }.joined(), names,
            payload.description,
        ].joined(separator: "\n")
        let time = Self.time(now)
        let day = String(time.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(Model.Digest(of: request.utf8))"
        let signature = Self.code(Array(text.utf8), key: signingKey(day: day)).hexadecimal
        return "AWS4-HMAC-SHA256 Credential=\(accessKey)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }

    private func signingKey(day: String) -> [UInt8] {
        var key = Array("AWS4\(secretKey.revealed())".utf8)
        for step in [day, region, service, "aws4_request"] { key = Self.code(Array(step.utf8), key: key) }
        return key
    }

    private static func code(_ text: [UInt8], key: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key)))
    }

    /// `20130524T000000Z`.
    package static func time(_ now: Timestamp) -> String {
        now.description.prefix(19).filter { $0 != "-" && $0 != ":" } + "Z"
    }

    static func canonicalQuery(_ query: [(name: String, value: String)]) -> String {
        query.map { (encoded($0.name), encoded($0.value)) }.sorted { $0 < $1 }.map { "\($0)=\($1)" }.joined(separator: "&")
    }

    /// Outer white space dropped, runs of spaces made one.
    private static func trimmed(_ value: String) -> String {
        value.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }

    /// RFC 3986: everything but the unreserved characters as upper-case `%XX`.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
