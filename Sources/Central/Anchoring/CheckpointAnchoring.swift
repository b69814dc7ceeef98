import Anchors
import Documents
import Logging
import Model
import ServiceLifecycle

/// Runs the anchors that are configured; none is fine.
struct CheckpointAnchoring: Service {
    private let configuration: AnchorsConfiguration
    private let store: any AnchorStore
    private let clock: WallClock
    private let logger: Logger
    private let verifiers: [TimestampVerifier]

    /// - Throws: `Diagnostic`, `TimestampError` where an authority's roots cannot be read.
    init(_ configuration: AnchorsConfiguration, store: any AnchorStore, clock: WallClock, logger: Logger) throws {
        self.configuration = configuration
        self.store = store
        self.clock = clock
        self.logger = logger
        verifiers = try configuration.authorities.map {
            let pem = try YAMLReader.contents(path: $0.rootsPath, bytesMax: 1 << 20)
            return try TimestampVerifier(authorities: String(decoding: pem, as: UTF8.self))
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            if !configuration.kinds.isEmpty {
                do {
                    let transport = try AnchorTransport()
                    await AnchorService(
                        store: store, methods: methods(transport), interval: configuration.interval, clock: clock, logger: logger
                    ).run()
                    await transport.close()
                } catch {
                    logger.error("anchor.transport", metadata: ["error": "\(error)"])
                }
            }
            // Without anything to do the service stays, or the whole group would end.
            try? await gracefulShutdown()
        }
    }

    /// One pass of every method, now.
    func pass() async throws {
        guard !configuration.kinds.isEmpty else { return }
        let transport = try AnchorTransport()
        for method in methods(transport) {
            var lane = AnchorLane(method: method, store: store, interval: configuration.interval, logger: logger)
            _ = await lane.pass(clock)
        }
        await transport.close()
    }

    private func methods(_ transport: AnchorTransport) -> [any AnchorMethod] {
        var methods: [any AnchorMethod] = []
        if let policy = configuration.calendars {
            let node = configuration.node.map { BitcoinNode(address: $0.url, login: $0.login?.revealed(), transport: transport) }
            methods.append(
                OpenTimestampsMethod(
                    calendars: CalendarClient(policy: policy, transport: transport) { Self.random(16) }, headers: node))
        }
        if !verifiers.isEmpty {
            methods.append(
                TimestampAuthorityMethod(
                    authorities: zip(configuration.authorities, verifiers).map { authority, verifier in
                        TimestampAuthorityClient(address: authority.url, verifier: verifier, transport: transport) { Self.random(8) }
                    }))
        }
        return methods
    }

    private static func random(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }
}
