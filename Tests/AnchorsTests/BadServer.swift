import Model
import NIOCore
import NIOHTTP1
import NIOPosix

/// A server on loopback that behaves as badly as a test wants.
final class BadServer: Sendable {
    enum Answer: Sendable {
        case reply(Int, [UInt8])
        /// Never.
        case silence
        /// A head at once, then a byte now and then.
        case dribble
        /// More than anybody wants, without announcing its length.
        case endless
        case hangUp
    }

    let address: String
    private let channel: any Channel

    init(_ answer: @escaping @Sendable (_ path: String, _ body: [UInt8]) -> Answer) async throws {
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        address = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    func stop() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (String, [UInt8]) -> Answer
        private var path = ""
        private var body: [UInt8] = []

        init(_ answer: @escaping @Sendable (String, [UInt8]) -> Answer) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): (path, body) = (head.uri, [])
            case .body(let part): body.append(contentsOf: part.readableBytesView)
            case .end: respond(context)
            }
        }

        private func respond(_ context: ChannelHandlerContext) {
            switch answer(path, body) {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .reply(let status, let bytes):
                head(context, status, ["content-length": "\(bytes.count)"])
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .dribble:
                head(context, 200, ["content-length": "1000"])
                part(context, [0])
            case .endless:
                head(context, 200, ["transfer-encoding": "chunked"])
                part(context, [UInt8](repeating: 0, count: 1 << 20))
            }
        }

        private func head(_ context: ChannelHandlerContext, _ status: Int, _ headers: [String: String]) {
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(headers.map { ($0.key, $0.value) }))
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }

        private func part(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }
    }
}

/// Runs `body` with servers that answer like this, then stops them.
func withBadServers<Result: Sendable>(
    _ answers: [@Sendable (String, [UInt8]) -> BadServer.Answer], _ body: ([String]) async throws -> Result
) async throws -> Result {
    var servers: [BadServer] = []
    for answer in answers { servers.append(try await BadServer(answer)) }
    do {
        let result = try await body(servers.map(\.address))
        for server in servers { await server.stop() }
        return result
    } catch {
        for server in servers { await server.stop() }
        throw error
    }
}
