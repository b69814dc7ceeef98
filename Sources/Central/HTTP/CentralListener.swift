import Glibc
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import Model
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization

/// How a listener treats those who connect.
struct ListenerLimits: Sendable {
    /// A connection on which nothing moves for so long is closed: between requests, and in the middle of one.
    var idle: TimeAmount = .seconds(75)
    var headerBytesMax = 16_384
}

/// One HTTPS listener whose certificate can be exchanged while it runs: new connections get the new one.
final class CentralListener: Sendable {
    typealias Channel = TLSChannel<HTTP1Channel>
    private let current = Mutex<ReloadableChannel<Channel>?>(nil)
    private let responder = Mutex<HTTPChannelHandler.Responder?>(nil)
    private let bound = Mutex<Int?>(nil)
    private let waiting = Mutex<[CheckedContinuation<Int, Never>]>([])
    private let limits = ListenerLimits()

    /// - Parameters:
    ///   - section: of the configuration, for the sentence where nothing can be bound.
    ///   - tls: the certificate to begin with.
    func application(
        _ section: String, _ router: Router<CentralRequestContext>, host: String, port: Int, tls: TLSConfiguration, logger: Logger
    ) -> some Service {
        let application = Application(
            router: router,
            server: HTTPServerBuilder { [self] responder in
                let channel = ReloadableChannel(try makeChannel(tls, responder))
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
            return CentralError.cannotListen(section, host, port, reason)
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
                idleTimeout: limits.idle,
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: limits.headerBytesMax, maxHeaderListSize: limits.headerBytesMax, maxHeaderFieldCount: 64)))
        return try TLSChannel(http, tlsConfiguration: tls)
    }
}

/// Ends with a sentence for the operator where its listener could not be bound.
private struct BindingService<Base: Service>: Service {
    let application: Base
    let explained: @Sendable (any Error) -> any Error

    func run() async throws {
        do { try await application.run() } catch { throw explained(error) }
    }
}

/// Stands in front of the channel that new connections get.
private final class ReloadableChannel<Base: ServerChildChannel>: ServerChildChannel {
    private let current: Mutex<Base>

    init(_ base: Base) { current = Mutex(base) }

    func replace(_ base: Base) { current.withLock { $0 = base } }

    func setup(channel: any NIOCore.Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        current.withLock { $0 }.setup(channel: channel, logger: logger)
    }

    func handle(value: Base.Value, logger: Logger) async {
        await current.withLock { $0 }.handle(value: value, logger: logger)
    }
}
