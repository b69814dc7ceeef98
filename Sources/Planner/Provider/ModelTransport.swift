import AsyncHTTPClient
package import Model
import NIOCore
import NIOHTTP1
import NIOSSL
import Seal

/// One question and its whole answer over HTTP: no redirects, one deadline, one limit, no second try.
package final class ModelTransport: Sendable {
    package static let answerBytesMax = 65_536
    static let limits = JSONLimits(bytesMax: answerBytesMax, depthMax: 16)
    /// Of what a model wrote inside its provider's envelope.
    static let inputLimits = JSONLimits(bytesMax: 8_192, depthMax: 6)

    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    private let http: HTTPClient

    /// - Parameter authorities: PEM of the only certificate authorities to trust; nil trusts the system's.
    package init(authorities: String? = nil) throws(ProviderConfigurationError) {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let authorities {
            do { tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authorities.utf8))) } catch { throw .authorities }
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        // A redirect would carry the key to a stranger.
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool = .init(idleTimeout: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func close() async { try? await http.shutdown() }

    /// - Parameter clock: the deadline's; the real one cannot be passed by more than a second either.
    package func ask(_ question: ModelQuestion, deadline: Duration, clock: WallClock) async throws(PlannerRefusal) -> Reply {
        guard let body = try? question.body.canonicalBytes() else { throw .malformed("planner.question") }
        var request = HTTPClientRequest(url: question.address)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "accept", value: "application/json")
        request.headers.add(name: "user-agent", value: "martlet")
        for (name, value) in question.headers { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            return try await answer(request, deadline, clock)
        } catch let refusal as PlannerRefusal {
            throw refusal
        } catch is CancellationError {
            throw .cancelled
        } catch {
            switch error as? HTTPClientError {
            case .connectTimeout?, .readTimeout?, .deadlineExceeded?, .getConnectionFromPoolTimeout?, .tlsHandshakeTimeout?: throw .timedOut
            case .cancelled?: throw .cancelled
            default: throw .unreachable
            }
        }
    }

    private func answer(_ request: HTTPClientRequest, _ deadline: Duration, _ clock: WallClock) async throws -> Reply {
        try await withThrowingTaskGroup(of: Reply.self) { group in
            defer { group.cancelAll() }
            group.addTask { [http] in
                let response = try await http.execute(request, timeout: .milliseconds(deadline.wholeMilliseconds + 1_000))
                var bytes: [UInt8] = []
                for try await chunk in response.body {
                    guard bytes.count + chunk.readableBytes <= Self.answerBytesMax else { throw PlannerRefusal.oversize }
                    bytes.append(contentsOf: chunk.readableBytesView)
                }
                return Reply(status: Int(response.status.code), body: bytes)
            }
            group.addTask {
                try await clock.sleep(deadline)
                throw PlannerRefusal.timedOut
            }
            return try await group.next()!
        }
    }
}
