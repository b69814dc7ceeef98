import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Logging
import Model
import NIOCore
import NIOSSL
package import ServiceLifecycle
import TransparencyLog
package import Witness

/// A witness over HTTP: C2SP tlog-witness, for who looks after several practices, or audits them. Without a certificate on loopback
/// only.
package struct WitnessServer: Sendable {
    package struct Certificate: Sendable {
        package let chainFile: String
        package let keyFile: String
        package init(chainFile: String, keyFile: String) {
            self.chainFile = chainFile
            self.keyFile = keyFile
        }
    }

    /// Runs until it is told to stop; every cosignature that was sent had its state on disk before.
    package let service: any Service

    /// - Parameter listening: called with the port, once it listens.
    /// - Throws: `CentralError.witnessListener` for a host that is not loopback without a certificate; `NIOSSLError` and its like for a
    ///   certificate that cannot be used.
    package init(
        _ book: WitnessBook, host: String, port: Int, certificate: Certificate?, limits: ListenerLimits = ListenerLimits(),
        logger: Logger, listening: @escaping @Sendable (Int) -> Void
    ) throws {
        guard certificate != nil || host == "127.0.0.1" || host == "::1" || host == "localhost" else { throw CentralError.witnessListener }
        let router = Router(context: CentralRequestContext.self)
        router.add(middleware: ProblemMiddleware())
        router.post("add-checkpoint") { request, context in try await Self.add(request, context, book, logger) }
        router.get("healthz") { _, _ in Self.text(.ok, "ok\n") }
        var tls: TLSConfiguration?
        if let certificate {
            var made = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate.chainFile).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: certificate.keyFile, format: .pem)))
            made.minimumTLSVersion = .tlsv12
            tls = made
        }
        let count = ConnectionCount("witness", limits, logger: logger)
        let http: @Sendable (@escaping HTTPChannelHandler.Responder) -> HTTP1Channel = { responder in
            HTTP1Channel(
                responder: responder,
                configuration: .init(
                    idleTimeout: limits.idle,
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: limits.headerBytesMax, maxHeaderListSize: limits.headerBytesMax, maxHeaderFieldCount: 64)))
        }
        let server =
            if let tls {
                HTTPServerBuilder { responder in
                    ReloadableChannel(try TLSChannel(http(responder), tlsConfiguration: tls), count, limits)
                }
            } else {
                HTTPServerBuilder { responder in ReloadableChannel(http(responder), count, limits) }
            }
        let application = Application(
            router: router, server: server, configuration: .init(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in listening(channel.localAddress?.port ?? 0) }, logger: logger)
        service = BindingService(application: application) { error in
            guard let error = error as? IOError else { return error }
            return CentralError.cannotListen("witness", host, port, String(cString: strerror(error.errnoCode)))
        }
    }

    /// `POST /add-checkpoint`
    private static func add(
        _ request: Request, _ context: CentralRequestContext, _ book: WitnessBook, _ logger: Logger
    ) async throws -> Response {
        let bytes = try await request.body(limit: WitnessRequest.bytesMax)
        let parsed: WitnessRequest
        do throws(WitnessRequestError) {
            parsed = try WitnessRequest(bytes)
        } catch {
            return text(.badRequest, "\(error.code)\n")
        }
        let answer = try await book.consider(parsed, from: context.source, as: .brought)
        let status = HTTPResponse.Status(code: answer.decision.status)
        if let dispute = answer.dispute {
            logger.error(
                "witness.dispute",
                metadata: [
                    "number": .stringConvertible(dispute.number), "log": .string(dispute.origin),
                    "what": .string(dispute.dispute.summary),
                ])
        } else if case .inconsistent(let dispute, _) = answer.decision {
            logger.error("witness.dispute", metadata: ["number": "none: no room to keep it", "what": .string(dispute.summary)])
        }
        if let cosignature = answer.cosignature { return text(status, cosignature.line) }
        if let body = answer.decision.conflictBody {
            return Response(
                status: status, headers: [.contentType: "text/x.tlog.size", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(string: body)))
        }
        return text(status, "\(answer.decision.code)\n")
    }

    private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status, headers: [.contentType: "text/plain; charset=utf-8", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}
