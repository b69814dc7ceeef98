import Hummingbird
import Logging
import Model
import NIOCore

/// What a request carries besides itself.
struct CentralRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Set by `ApplianceIdentityMiddleware`, on the appliance API only.
    var credential: ApplianceCredential?

    init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// The sender's address for limits; of IPv6 the first 64 bits, because one sender has them all.
    var source: String { channel.remoteAddress.source }

    /// - Throws: `CentralError.certificateMissing` when a route is asked outside the appliance API.
    func requireCredential() throws -> ApplianceCredential {
        guard let credential else { throw CentralError.certificateMissing }
        return credential
    }
}

extension SocketAddress? {
    /// For limits and records; of IPv6 the first 64 bits, because one sender has them all.
    var source: String {
        guard let text = self?.ipAddress else { return "unknown" }
        guard let address = IPAddressBytes(text), address.bytes.count == 16 else { return text }
        return address.bytes.prefix(8).hexadecimal + "::/64"
    }
}
