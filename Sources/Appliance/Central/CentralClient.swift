import AsyncHTTPClient
import Catalog
import Model
import NIOCore
import NIOHTTP1
import NIOSSL
import Seal
package import Wire

/// The appliance API, as its client: TLS 1.3 with our certificate, no trust but the pinned authority, no redirects, a
/// deadline for each call and a limit for each answer.
package final class CentralClient: Sendable {
    /// The largest that Central sends: `CheckinReply`, which it fills no further.
    package static let replyBytesMax = CheckinReply.bytesMax
    package static let packBytesMax = 16 << 20

    private let base: String
    private let deadline: Duration
    private let http: HTTPClient

    /// - Parameters:
    ///   - base: `https://host:port`, no path.
    ///   - credential: nil for the web listener, which asks for no certificate.
    ///   - authority: nil trusts nobody and everybody: only for fetching the authority whose fingerprint the claim code holds.
    package init(base: String, credential: TLSCredential?, authority: String?, deadline: Duration = .seconds(30)) throws(CentralLinkError) {
        self.base = base.hasSuffix("/") ? String(base.dropLast()) : base
        self.deadline = deadline
        guard self.base.hasPrefix("https://") else { throw .untrusted("its address must begin with https://") }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        do {
            if let authority {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
            } else {
                tls.certificateVerification = .none
            }
            if let credential {
                tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(credential.certificate.utf8)).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(credential.privateKey.utf8), format: .pem))
            }
        } catch {
            throw .untrusted("certificate or key unreadable: \(error)")
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(30))
        configuration.connectionPool = .init(idleTimeout: .seconds(20))
        // The services back off themselves; the library would try on until the deadline, also a certificate that is refused.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 2
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// It throws only when it was shut down before.
    package func close() async { try? await http.shutdown() }

    package func authority() async throws(CentralLinkError) -> String {
        String(decoding: try await call("GET", "/v1/ca", limit: 64 << 10), as: UTF8.self)
    }

    package func enroll(_ request: EnrollmentRequest) async throws(CentralLinkError) -> EnrollmentGrant {
        try await exchange("/v1/enroll", request.json) { json throws(WireError) in try EnrollmentGrant(json: json) }
    }

    package func checkin(_ request: CheckinRequest) async throws(CentralLinkError) -> CheckinReply {
        try await exchange("/v1/checkin", request.json) { json throws(WireError) in try CheckinReply(json: json) }
    }

    package func submit(_ submission: EvidenceSubmission) async throws(CentralLinkError) -> EvidenceReply {
        try await exchange("/v1/evidence", submission.json) { json throws(WireError) in try EvidenceReply(json: json) }
    }

    package func renew(_ request: CertificateRequest) async throws(CentralLinkError) -> CertificateGrant {
        try await exchange("/v1/certificate", request.json) { json throws(WireError) in try CertificateGrant(json: json) }
    }

    /// On the web listener, where no certificate is asked for.
    package func recover(_ recovery: SignedRecovery) async throws(CentralLinkError) -> CertificateGrant {
        try await exchange("/v1/certificate/recover", recovery.body) { json throws(WireError) in try CertificateGrant(json: json) }
    }

    package func report(_ report: OrderReport) async throws(CentralLinkError) {
        _ = try await call("POST", "/v1/orders/\(report.order)/state", body: try encode(report.json), limit: 64 << 10)
    }

    package func catalog(_ version: Int64) async throws(CentralLinkError) -> [UInt8] {
        try await call("GET", "/v1/catalog/\(version)", limit: Self.packBytesMax)
    }

    /// This appliance's own site policy.
    package func policy(_ version: Int64) async throws(CentralLinkError) -> [UInt8] {
        try await call("GET", "/v1/policy/\(version)", limit: SitePolicy.envelopeBytesMax)
    }

    private func exchange<Reply: Sendable>(
        _ path: String, _ body: JSONValue, _ decode: (JSONValue) throws(WireError) -> Reply
    ) async throws(CentralLinkError) -> Reply {
        try await exchange(path, try encode(body), decode)
    }

    private func exchange<Reply: Sendable>(
        _ path: String, _ body: [UInt8], _ decode: (JSONValue) throws(WireError) -> Reply
    ) async throws(CentralLinkError) -> Reply {
        let bytes = try await call("POST", path, body: body, limit: Self.replyBytesMax)
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: Self.replyBytesMax))
        } catch {
            throw .malformed(error.code)
        }
        do throws(WireError) { return try decode(json) } catch { throw .malformed(error.code.description) }
    }

    private func encode(_ json: JSONValue) throws(CentralLinkError) -> [UInt8] {
        do { return try json.canonicalBytes() } catch { throw .malformed(error.code) }
    }

    /// - Returns: the body of an answer of status 200 to 299.
    private func call(_ method: String, _ path: String, body: [UInt8]? = nil, limit: Int) async throws(CentralLinkError) -> [UInt8] {
        var request = HTTPClientRequest(url: base + path)
        request.method = .init(rawValue: method)
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let (status, bytes): (Int, [UInt8])
        do {
            (status, bytes) = try await answer(request, limit: limit)
        } catch let error as CentralLinkError {
            throw error
        } catch {
            throw CentralLinkError(transport: error)
        }
        guard (200..<300).contains(status) else {
            // A proxy's page has no code; the status says enough then.
            let problem = try? JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 64 << 10))
            // Only what looks like a code or a time of ours: the text ends up in logs.
            let code = problem?["code"]?.string.flatMap { Code($0)?.description }
            if code == "recovery.clock", let central = problem?["centralTime"]?.string.flatMap({ Timestamp($0) }) {
                throw .clocksDiffer(central: central)
            }
            throw .refused(status: status, code: code)
        }
        return bytes
    }

    /// The whole exchange, body included, against the deadline: a server that dribbles does not hold us.
    private func answer(_ request: HTTPClientRequest, limit: Int) async throws -> (Int, [UInt8]) {
        try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            defer { group.cancelAll() }
            group.addTask { [http, deadline] in
                let response = try await http.execute(request, timeout: .milliseconds(deadline.wholeMilliseconds))
                var bytes: [UInt8] = []
                for try await chunk in response.body {
                    guard bytes.count + chunk.readableBytes <= limit else { throw CentralLinkError.oversize(limit: limit) }
                    bytes.append(contentsOf: chunk.readableBytesView)
                }
                return (Int(response.status.code), bytes)
            }
            group.addTask { [deadline] in
                try await Task.sleep(for: deadline)
                throw CentralLinkError.timedOut
            }
            return try await group.next()!
        }
    }
}

/// What we show Central: certificate chain and private key, PEM.
package struct TLSCredential: Sendable {
    package let certificate: String
    package let privateKey: String

    package init(certificate: String, privateKey: String) {
        self.certificate = certificate
        self.privateKey = privateKey
    }
}

extension CentralLinkError {
    fileprivate init(transport error: any Error) {
        if let error = error as? HTTPClientError {
            switch error {
            case .connectTimeout, .readTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout: self = .timedOut
            default: self = .unreachable(error.shortDescription)
            }
        } else if let error = error as? HTTPParserError {
            self = error == .invalidEOFState ? .unreachable("its answer was cut off") : .malformed("not HTTP")
        } else if error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError {
            self = .untrusted("\(error)")
        } else {
            self = .unreachable("\(error)")
        }
    }
}
