import NIOCore
import NIOPosix
import NIOSSL

/// A connection that sends exactly what it is told, when it is told: what no HTTP client would do.
struct RawConnection: Sendable {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    /// Before the other side knew of it, whose deadlines begin with the connection.
    private let began = ContinuousClock.now

    /// - Parameter authority: DER of the CA to trust; nil speaks no TLS.
    init(port: Int, authority: [UInt8]?, as identity: BoxIdentity? = nil) async throws {
        var context: NIOSSLContext?
        if let authority {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .certificates([try NIOSSLCertificate(bytes: authority, format: .der)])
            if let identity {
                tls.certificateChain = [.certificate(try identity.certificate)]
                tls.privateKey = .privateKey(try identity.privateKey)
            }
            context = try NIOSSLContext(configuration: tls)
        }
        let trusted = context
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(host: "127.0.0.1", port: port) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                if let trusted {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: trusted, serverHostname: "localhost"))
                }
                return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
            }
        }
    }

    func close() async { try? await channel.executeThenClose { _, _ in } }

    /// Sends `text` at once, then the bytes of `trickle` one by one with a pause before each, until the other side closes.
    /// - Returns: what came, and how long the connection has lived.
    func talk(_ text: String, trickle: String = "", every pause: Duration = .milliseconds(50)) async throws -> (
        reply: String, lived: Duration
    ) {
        let reply = try await channel.executeThenClose { inbound, outbound in
            try await withThrowingTaskGroup(of: [UInt8].self) { group in
                group.addTask {
                    var received: [UInt8] = []
                    // However it ends: a cut connection is an error of the socket or the end of the stream.
                    do { for try await part in inbound { received += Array(buffer: part) } } catch {}
                    return received
                }
                group.addTask {
                    do {
                        if !text.isEmpty { try await outbound.write(ByteBuffer(string: text)) }
                        for byte in trickle.utf8 {
                            try await Task.sleep(for: pause)
                            try await outbound.write(ByteBuffer(bytes: [byte]))
                        }
                    } catch {}
                    return []
                }
                let first = try await group.next()!
                let second = first.isEmpty ? try await group.next()! : []
                group.cancelAll()
                return first.isEmpty ? second : first
            }
        }
        return (String(decoding: reply, as: UTF8.self), ContinuousClock.now - began)
    }
}
