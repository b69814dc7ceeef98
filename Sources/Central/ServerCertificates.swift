import Logging
import Model
import NIOCore
import NIOSSL
import ServiceLifecycle

/// Gives both listeners a certificate, and a new one after two thirds of its life.
struct ServerCertificates: Service {
    let keys: CentralKeys
    let names: [String]
    let lifetime: Duration
    let clock: WallClock
    let web: CentralListener
    let appliances: CentralListener
    let logger: Logger
    /// Looks at the time this often, so that a clock that is set does not leave an expired certificate in place for long.
    private static let interval: Duration = .seconds(60)

    func issue() throws -> ServerIdentity { try keys.authority.issueServer(names: names, at: clock.now(), lifetime: lifetime) }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var renewAt = clock.now() + .milliseconds(lifetime.wholeMilliseconds * 2 / 3)
            while (try? await clock.sleep(min(Self.interval, lifetime / 3))) != nil {
                guard clock.now() >= renewAt else { continue }
                do {
                    let identity = try issue()
                    try web.use(webTLS(identity))
                    try appliances.use(applianceTLS(identity))
                    renewAt = identity.renewAt
                    logger.notice("certificate.renewed", metadata: ["renewAt": .string(renewAt.description)])
                } catch {
                    // The old one still has a third of its life: tried again at the next look.
                    logger.error("certificate.renewal_failed", metadata: ["cause": .string("\(error)")])
                }
            }
        }
    }

    func webTLS(_ identity: ServerIdentity) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: identity.chain, privateKey: identity.key)
        configuration.minimumTLSVersion = .tlsv13
        configuration.shutdownTimeout = .milliseconds(500)
        return configuration
    }

    func applianceTLS(_ identity: ServerIdentity) throws -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfigurationWithMTLS(
            certificateChain: identity.chain, privateKey: identity.key,
            trustRoots: .certificates([try NIOSSLCertificate(bytes: keys.authority.der, format: .der)]))
        configuration.minimumTLSVersion = .tlsv13
        configuration.sendCANameList = true
        configuration.shutdownTimeout = .milliseconds(500)
        return configuration
    }
}
