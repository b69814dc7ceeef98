import AsyncHTTPClient
import Crypto
import Documents
import Model
import NIOCore
import NIOHTTP1
import NIOSSL
import Seal

/// How long and how often one call is tried.
package struct S3Patience: Sendable {
    package var attemptsMax = 5
    /// Of one attempt, the whole answer included.
    package var deadline: Duration = .seconds(30)
    package var firstPause: Duration = .milliseconds(200)
    package var pauseMax: Duration = .seconds(10)
    /// The longest pause that a server may ask for; where it asks for more, it is asked again after this.
    package var askedPauseMax: Duration = .seconds(30)
    /// 0 to below 1, fresh at each call.
    package var jitter: @Sendable () -> Double = { Double.random(in: 0..<1) }

    package init() {}

    /// Twice as long after each attempt, of which a random half is left out: those who failed together do not come back together.
    /// - Parameter asked: what the server asked for; a shorter one than ours is not taken.
    func pause(after attempt: Int, asked: Duration?) -> Duration {
        let full = min(pauseMax, firstPause * Double(1 << min(attempt - 1, 20)))
        return max(full * (0.5 + jitter() / 2), min(asked ?? .zero, askedPauseMax))
    }
}

struct S3Request: Sendable {
    var method = "GET"
    /// nil: the bucket.
    var object: String?
    var query: [(name: String, value: String)] = []
    /// Names in lower case.
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]?
    var replyBytesMax = S3Client.documentBytesMax
}

struct S3Reply: Sendable {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    /// The server's own name of what is wrong; the status where it says none. Only plain characters: it ends up in logs.
    var code: String {
        guard let root = try? StrictXML.parse(body), root.name == "Error", let code = root["Code"]?.text,
            (1...64).contains(code.utf8.count),
            code.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 46 })
        else { return "\(status)" }
        return code
    }

    func header(_ name: String) -> String? { headers.first(name: name) }

    /// RFC 9110 10.2.3, in seconds. The other form, a date, no S3 server is known to send: then our own pause holds.
    var retryAfter: Duration? {
        guard let text = header("retry-after"), (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            return nil
        }
        return Int(text).map { .seconds($0) }
    }

    func document() throws(ObjectError) -> StrictXML.Element {
        do throws(StrictXML.Fault) {
            return try StrictXML.parse(body)
        } catch {
            throw .malformed("\(error.what) at byte \(error.offset)")
        }
    }
}

/// One bucket over HTTP: signs, sends, reads within limits, tries again what may succeed later.
///
/// Every request is one that may be sent twice. Tried again: 429, 500, 502, 503, 504, a conflict of two writers, time-outs,
/// connections that break. Never: any other answer, and a server that TLS does not vouch for.
final class S3Client: Sendable {
    static let documentBytesMax = 4 << 20

    private let location: S3Location
    private let credentials: S3Credentials
    private let signature: AWSSignature
    private let patience: S3Patience
    private let clock: WallClock
    private let http: HTTPClient

    /// - Parameters:
    ///   - authority: PEM of the certificates to trust instead of the system's.
    ///   - addresses: of host names, around name resolution.
    init(
        _ location: S3Location, _ credentials: S3Credentials, authority: [UInt8]?, patience: S3Patience, clock: WallClock,
        addresses: [String: String]
    ) throws(ObjectError) {
        self.location = location
        self.credentials = credentials
        self.patience = patience
        self.clock = clock
        signature = AWSSignature(accessKey: credentials.accessKey, secretKey: credentials.secretKey, region: location.region)
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authority {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authority))
            } catch {
                throw .untrusted("the authority's certificate is unreadable")
            }
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout = .init(connect: .seconds(10))
        configuration.connectionPool = .init(idleTimeout: .seconds(20))
        // We try again ourselves; the library would go on until the deadline, also with a certificate that is refused.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
        configuration.dnsOverride = addresses
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async { try? await http.shutdown() }

    /// - Returns: the first answer that is not to be tried again, whatever its status.
    func send(_ request: S3Request) async throws(ObjectError) -> S3Reply {
        var attempt = 1
        while true {
            let reason: String
            var asked: Duration?
            do throws(Failure) {
                let reply = try await exchange(request)
                guard Self.isPassing(reply) else { return reply }
                reason = "\(reply.status) \(reply.code)"
                asked = reply.retryAfter
            } catch {
                switch error {
                case .final(let failure): throw failure
                case .passing(let what): reason = what
                }
            }
            guard attempt < patience.attemptsMax else { throw .unavailable(attempts: attempt, reason) }
            do { try await clock.sleep(patience.pause(after: attempt, asked: asked)) } catch { throw .cancelled }
            attempt += 1
        }
    }

    private static func isPassing(_ reply: S3Reply) -> Bool {
        switch reply.status {
        case 429, 500, 502, 503, 504: true
        // Another writer of the same key is not finished yet.
        case 409: ["OperationAborted", "ConditionalRequestConflict"].contains(reply.code)
        default: false
        }
    }

    private enum Failure: Error {
        case passing(String)
        case final(ObjectError)
    }

    private func exchange(_ request: S3Request) async throws(Failure) -> S3Reply {
        guard !Task.isCancelled else { throw .final(.cancelled) }
        do {
            return try await withThrowingTaskGroup(of: S3Reply.self) { group in
                defer { group.cancelAll() }
                let signed = signed(request)
                group.addTask { [http, patience] in
                    let response = try await http.execute(signed, timeout: .milliseconds(patience.deadline.wholeMilliseconds))
                    var body: [UInt8] = []
                    for try await chunk in response.body {
                        guard body.count + chunk.readableBytes <= request.replyBytesMax else {
                            throw Failure.final(.malformed("more than \(request.replyBytesMax) bytes"))
                        }
                        body.append(contentsOf: chunk.readableBytesView)
                    }
                    return S3Reply(status: Int(response.status.code), headers: response.headers, body: body)
                }
                // The whole exchange, body included: a server that dribbles does not hold us.
                group.addTask { [patience] in
                    try await Task.sleep(for: patience.deadline)
                    throw Failure.passing("no answer within \(patience.deadline)")
                }
                return try await group.next()!
            }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Self.failure(of: error)
        }
    }

    private static func failure(of error: any Error) -> Failure {
        if Task.isCancelled || error is CancellationError { return .final(.cancelled) }
        if error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError {
            // A connection that breaks within the encryption is a broken connection.
            if case NIOSSLError.uncleanShutdown = error { return .passing("connection broken") }
            return .final(.untrusted("\(error)"))
        }
        if let error = error as? HTTPClientError { return .passing(error.shortDescription) }
        if error is HTTPParserError { return .passing("answer broken off, or not HTTP") }
        return .passing("\(error)")
    }

    /// Signed anew for each attempt: a signature is good for fifteen minutes.
    private func signed(_ request: S3Request) -> HTTPClientRequest {
        let now = clock.now()
        let payload = Model.Digest(of: request.body ?? [])
        var headers = request.headers
        headers += [
            ("host", location.authority), ("x-amz-date", AWSSignature.time(now)), ("x-amz-content-sha256", payload.description),
        ]
        if let token = credentials.sessionToken { headers.append(("x-amz-security-token", token.revealed())) }
        if let body = request.body { headers.append(("content-md5", Array(Insecure.MD5.hash(data: body)).base64)) }
        let path = location.path(request.object)
        let authorization = signature.authorization(
            method: request.method, path: path, query: request.query, headers: headers, payload: payload, at: now)

        let query = request.query.map { $0.value.isEmpty ? $0.name : "\($0.name)=\(AWSSignature.encoded($0.value))" }
        var made = HTTPClientRequest(
            url: (location.endpoint.isTLS ? "https://" : "http://") + location.authority + path
                + (query.isEmpty ? "" : "?" + query.joined(separator: "&")))
        made.method = .init(rawValue: request.method)
        for (name, value) in headers { made.headers.add(name: name, value: value) }
        made.headers.add(name: "authorization", value: authorization)
        if let body = request.body { made.body = .bytes(ByteBuffer(bytes: body)) }
        return made
    }
}
