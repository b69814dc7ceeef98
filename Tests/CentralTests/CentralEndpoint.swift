import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOSSL
import Seal

/// Where a Central listens, in this process or another, and a client for it.
struct CentralEndpoint: Sendable {
    enum Listener { case web, appliances }

    let webPort: Int
    let appliancePort: Int
    /// DER of its CA certificate, the only one that is trusted.
    let authority: [UInt8]

    /// One request; `identity` nil shows no certificate.
    func send(
        _ method: String, _ path: String, to listener: Listener, body: [UInt8]? = nil, as identity: BoxIdentity? = nil
    ) async throws -> Answer {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: authority, format: .der)])
        tls.minimumTLSVersion = .tlsv13
        if let identity {
            tls.certificateChain = [.certificate(try identity.certificate)]
            tls.privateKey = .privateKey(try identity.privateKey)
        }
        var settings = HTTPClient.Configuration(tlsConfiguration: tls)
        settings.httpVersion = .http1Only
        settings.timeout = .init(connect: .seconds(30), read: .seconds(60))
        let client = HTTPClient(configuration: settings)
        do {
            let port = listener == .web ? webPort : appliancePort
            var request = HTTPClientRequest(url: "https://localhost:\(port)\(path)")
            request.method = .RAW(value: method)
            if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
            let response = try await client.execute(request, timeout: .seconds(60))
            let bytes = Array(buffer: try await response.body.collect(upTo: 16 << 20))
            try await client.shutdown()
            return Answer(
                status: Int(response.status.code), type: response.headers.first(name: "content-type") ?? "", body: bytes)
        } catch {
            try? await client.shutdown()
            throw error
        }
    }
}

struct Answer: Sendable {
    let status: Int
    let type: String
    let body: [UInt8]

    var json: JSONValue? { try? JSONValue(parsing: body, limits: JSONLimits(bytesMax: 16 << 20)) }
    /// Our code in a problem document; nil for any other answer.
    var code: String? { type == "application/problem+json" ? json?["code"]?.string : nil }
}
