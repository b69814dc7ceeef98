import NIOCore
import NIOHTTP1

/// Follows a connection's requests and tells its gate how long each part may take, whatever trickles in meanwhile.
final class RequestDeadlines: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let limits: ListenerLimits
    private var gate: ConnectionGate?
    /// Requests whose answer has not gone.
    private var unanswered = 0
    /// A head has come and its body's end has not: an answer that came early does not end the request.
    private var isBodyOpen = false

    init(_ limits: ListenerLimits) { self.limits = limits }

    func handlerAdded(context: ChannelHandlerContext) {
        // Stands there since the connection was accepted.
        gate = try? context.pipeline.syncOperations.handler(type: ConnectionGate.self)
        if context.channel.isActive { gate?.cut(in: limits.head) }
    }

    func channelActive(context: ChannelHandlerContext) {
        gate?.cut(in: limits.head)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            if unanswered == 0 { gate?.cut(in: limits.request) }
            unanswered += 1
            isBodyOpen = true
        case .body: break
        case .end:
            isBodyOpen = false
            if unanswered == 0 { gate?.cut(in: limits.idle) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            context.write(data, promise: promise)
            return
        }
        let written = promise ?? context.eventLoop.makePromise(of: Void.self)
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        // When the socket has taken it: who does not read his answer is cut off too.
        written.futureResult.whenSuccess { this.value.answered() }
        context.write(data, promise: written)
    }

    private func answered() {
        unanswered -= 1
        guard !isBodyOpen || unanswered > 0 else { return }
        gate?.cut(in: unanswered > 0 ? limits.request : limits.idle)
    }
}
