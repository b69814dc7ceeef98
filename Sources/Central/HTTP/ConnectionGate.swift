import NIOCore

/// The first to see a connection, before TLS costs anything: lets it in if there is room, and cuts it off when its time is over.
final class ConnectionGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let count: ConnectionCount
    private var source: String?
    private var context: ChannelHandlerContext?
    private var deadline: Scheduled<Void>?

    init(_ count: ConnectionCount) { self.count = count }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        leave()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        let source = context.remoteAddress.source
        guard count.enter(source) else {
            // Nobody behind us learns that it was there.
            context.close(promise: nil)
            return
        }
        self.source = source
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    /// Replaces the deadline that is set.
    func cut(in span: TimeAmount) {
        guard let context else { return }
        deadline?.cancel()
        // The scheduled task runs on this channel's event loop, where alone this handler lives.
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        // At the socket: a TLS farewell would wait for the other side.
        deadline = context.eventLoop.scheduleTask(in: span) { gate.value.context?.close(promise: nil) }
    }

    private func leave() {
        deadline?.cancel()
        deadline = nil
        if let source { count.leave(source) }
        source = nil
    }
}
