import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceLifecycle
import Synchronization

/// One HTTPS listener whose certificate can be exchanged while it runs: new connections get the new one.
final class CentralListener: Sendable {
    typealias Channel = TLSChannel<HTTP1Channel>
    private let current = Mutex<ReloadableChannel<Channel>?>(nil)
    private let responder = Mutex<HTTPChannelHandler.Responder?>(nil)
    private let bound = Mutex<Int?>(nil)
    private let waiting = Mutex<[CheckedContinuation<Int, Never>]>([])
    private let section: String
    private let limits: ListenerLimits
    private let count: ConnectionCount

    /// - Parameter section: of the configuration, for the log and for the sentence where nothing can be bound.
    init(_ section: String, _ limits: ListenerLimits, logger: Logger) {
        self.section = section
        self.limits = limits
        count = ConnectionCount(section, limits, logger: logger)
    }

    /// - Parameter tls: the certificate to begin with.
    func application(
        _ router: Router<CentralRequestContext>, host: String, port: Int, tls: TLSConfiguration, logger: Logger
    ) -> some Service {
        let application = Application(
            router: router,
            server: HTTPServerBuilder { [self] responder in
                let channel = ReloadableChannel(try makeChannel(tls, responder), count, limits)
                self.responder.withLock { $0 = responder }
                current.withLock { $0 = channel }
                return channel
            },
            configuration: .init(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { [self] channel in didBind(channel.localAddress?.port ?? 0) },
            logger: logger)
        return BindingService(application: application) { [self] error in
            guard portIfBound == nil else { return error }
            let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
            return CentralError.cannotListen(self.section, host, port, reason)
        }
    }

    /// For connections from now on; those that are open live on with the old one.
    func use(_ tls: TLSConfiguration) throws {
        guard let responder = responder.withLock({ $0 }) else { return }
        let channel = try makeChannel(tls, responder)
        current.withLock { $0 }?.replace(channel)
    }

    /// The port that is listened on, once it is.
    func port() async -> Int {
        await withCheckedContinuation { continuation in
            let known = waiting.withLock { waiting in
                let port = bound.withLock { $0 }
                if port == nil { waiting.append(continuation) }
                return port
            }
            if let known { continuation.resume(returning: known) }
        }
    }

    var portIfBound: Int? { bound.withLock { $0 } }

    private func didBind(_ port: Int) {
        let all = waiting.withLock { waiting in
            bound.withLock { $0 = port }
            defer { waiting = [] }
            return waiting
        }
        all.forEach { $0.resume(returning: port) }
    }

    private func makeChannel(_ tls: TLSConfiguration, _ responder: @escaping HTTPChannelHandler.Responder) throws -> Channel {
        let http = HTTP1Channel(
            responder: responder,
            configuration: .init(
                // Earlier than the deadlines only where nothing moves at all.
                idleTimeout: limits.idle,
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headerBytesMax, maxHeaderListSize: limits.headerBytesMax, maxHeaderFieldCount: 64)))
        return try TLSChannel(http, tlsConfiguration: tls)
    }
}

/// Ends with a sentence for the operator where its listener could not be bound.
struct BindingService<Base: Service>: Service {
    let application: Base
    let explained: @Sendable (any Error) -> any Error

    func run() async throws {
        do { try await application.run() } catch { throw explained(error) }
    }
}

/// Stands in front of the channel that new connections get.
final class ReloadableChannel<Base: ServerChildChannel>: ServerChildChannel {
    private let current: Mutex<Base>
    private let count: ConnectionCount
    private let limits: ListenerLimits

    init(_ base: Base, _ count: ConnectionCount, _ limits: ListenerLimits) {
        current = Mutex(base)
        self.count = count
        self.limits = limits
    }

    func replace(_ base: Base) { current.withLock { $0 = base } }

    func setup(channel: any NIOCore.Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ConnectionGate(count)) }
            .flatMap { [self] in current.withLock { $0 }.setup(channel: channel, logger: logger) }
            .flatMapThrowing { [limits] value in
                // Right behind the parser, which `HTTP1Channel` has put there.
                let pipeline = channel.pipeline.syncOperations
                let parser = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
                try pipeline.addHandler(RequestDeadlines(limits), position: .after(parser))
                return value
            }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await current.withLock { $0 }.handle(value: value, logger: logger)
    }
}
