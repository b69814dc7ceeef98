import AsyncHTTPClient
import Model
import NIOCore
import NIOHTTP1
import NIOSSL

/// HTTP to calendars, authorities and one's own node: no redirects, a deadline for each exchange and a limit for each answer.
package final class AnchorTransport: Sendable {
    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    private let deadline: Duration
    private let http: HTTPClient

    /// - Parameters:
    ///   - deadline: for a whole exchange, body included. 20 s: anchoring waits for nobody, and the next pass tries again.
    ///   - authorities: PEM of the only certificate authorities to trust; nil trusts the system's.
    package init(deadline: Duration = .seconds(20), authorities: String? = nil) throws(AnchorLinkError) {
        self.deadline = deadline
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8)))
            } catch {
                throw .unreachable("certificate authorities unreadable: \(error)")
            }
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool = .init(idleTimeout: .seconds(10))
        // The service backs off itself.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func close() async { try? await http.shutdown() }

    /// - Parameters:
    ///   - body: nil makes it a GET, else it is a POST.
    ///   - limit: longest answer, in bytes.
    /// - Returns: an answer of any status.
    func exchange(
        _ address: String, headers: [(String, String)], body: [UInt8]? = nil, limit: Int
    ) async throws(AnchorLinkError) -> Reply {
        var request = HTTPClientRequest(url: address)
        request.method = body == nil ? .GET : .POST
        request.headers.add(name: "user-agent", value: "martlet")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        do {
            return try await answer(request, limit: limit)
        } catch let error as AnchorLinkError {
            throw error
        } catch {
            throw AnchorLinkError(transport: error)
        }
    }

    /// The whole exchange against the deadline: a server that dribbles does not hold us.
    private func answer(_ request: HTTPClientRequest, limit: Int) async throws -> Reply {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            defer { group.cancelAll() }
            group.addTask { [http, deadline] in
                let response = try await http.execute(request, timeout: .milliseconds(deadline.wholeMilliseconds))
                var bytes: [UInt8] = []
                for try await chunk in response.body {
                    guard bytes.count + chunk.readableBytes <= limit else { throw AnchorLinkError.oversize(limit: limit) }
                    bytes.append(contentsOf: chunk.readableBytesView)
                }
                return Reply(status: Int(response.status.code), body: bytes)
            }
            group.addTask { [deadline] in
                try await Task.sleep(for: deadline)
                throw AnchorLinkError.timedOut
            }
            return try await group.next()!
        }
    }
}

/// Why somebody outside gave no answer that can be used. Nothing was changed; the next pass tries again.
package enum AnchorLinkError: Error, Equatable, Sendable {
    case unreachable(String)
    case timedOut
    case oversize(limit: Int)
    case refused(status: Int)
    /// The answer is not what was asked for; the reason's code.
    case malformed(String)

    /// Stable across releases.
    package var code: String {
        switch self {
        case .unreachable: "anchor.unreachable"
        case .timedOut: "anchor.timed_out"
        case .oversize: "anchor.oversize"
        case .refused: "anchor.refused"
        case .malformed: "anchor.malformed"
        }
    }

    /// One line for an operator.
    package var message: String {
        let reason =
            switch self {
            case .unreachable(let cause): "no connection (\(cause))"
            case .timedOut: "no whole answer within the deadline"
            case .oversize(let limit): "the answer is longer than \(limit) bytes"
            case .refused(let status): "status \(status)"
            case .malformed(let code): "the answer cannot be used (\(code))"
            }
        return "\(reason); nothing was changed, and it is tried again. Check the address if it lasts."
    }

    fileprivate init(transport error: any Error) {
        switch error as? HTTPClientError {
        case .connectTimeout, .readTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout, .tlsHandshakeTimeout: self = .timedOut
        case let error?: self = .unreachable(error.shortDescription)
        case nil: self = .unreachable("\(error)")
        }
    }
}
