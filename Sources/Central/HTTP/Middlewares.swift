import Database
import HTTPTypes
import Hummingbird
import Logging
import Model
import NIOCore
import NIOSSL
import Objects
import SwiftASN1
import TransparencyLog
import Wire
import X509

/// Turns every error into one kind of answer: outside the code, the sentence and the request's id; in the log the cause.
struct ProblemMiddleware: RouterMiddleware {
    typealias Context = CentralRequestContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let requestID = (0..<8).map { _ in UInt8.random(in: .min ... .max) }.hexadecimal
        var context = context
        context.logger[metadataKey: "request"] = .string(requestID)
        var response: Response
        do {
            response = try await next(request, context)
        } catch {
            response = answer(to: error, context).response(requestID: requestID)
        }
        response.headers[HTTPField.Name("X-Request-Id")!] = requestID
        return response
    }

    private func answer(to error: any Error, _ context: Context) -> CentralError {
        switch error {
        case let error as CentralError:
            context.logger.debug("request.refused", metadata: ["code": .string(error.code.description)])
            return error
        case let error as WireError: return .body(error.code, error.message)
        case let error as DatabaseError:
            context.logger.error("request.database", metadata: ["code": .string(error.code), "cause": .string(error.message)])
            switch error {
            case .unavailable, .outcomeUnknown, .full, .closed: return .databaseDown
            case .constraint, .corrupt, .engine: return .internal
            }
        case let error as ObjectError: return unreadable(error.code, error.message, context)
        case let error as TileError: return unreadable(error.code, error.message, context)
        case let error as HTTPError where error.status == .notFound: return .route
        case let error as HTTPError where error.status == .methodNotAllowed: return .method
        case let error as HTTPError where error.status == .contentTooLarge: return .bodyTooLarge
        case is CancellationError: return .busy
        default:
            context.logger.error("request.failed", metadata: ["cause": .string(String(reflecting: type(of: error)))])
            return .internal
        }
    }

    private func unreadable(_ code: String, _ cause: String, _ context: Context) -> CentralError {
        context.logger.error("log.unreadable", metadata: ["code": .string(code), "cause": .string(cause)])
        return .logUnreadable(Code(code) ?? "log.unreadable")
    }
}

/// Answers who asks: the certificate that TLS has verified, looked up for revocation at every request.
struct ApplianceIdentityMiddleware: RouterMiddleware {
    typealias Context = CentralRequestContext
    let appliances: ApplianceStore

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard let shown = try await context.channel.nioSSL_peerCertificate().get() else { throw CentralError.certificateMissing }
        let certificate = try Certificate(derEncoded: shown.toDERBytes())
        guard let appliance = certificate.appliance else { throw CentralError.certificateUnknown }
        var context = context
        context.credential = try await appliances.authenticate(serial: certificate.serialText, appliance: appliance)
        context.logger[metadataKey: "appliance"] = .string(appliance.description)
        return try await next(request, context)
    }
}

extension Request {
    /// The whole body, at most `limit` bytes; how long it may take is the listener's matter (`ListenerLimits.request`).
    func body(limit: Int) async throws -> [UInt8] {
        if let announced = headers[.contentLength].flatMap(Int.init), announced > limit { throw CentralError.bodyTooLarge }
        var bytes: [UInt8] = []
        for try await chunk in body {
            guard bytes.count + chunk.readableBytes <= limit else { throw CentralError.bodyTooLarge }
            bytes.append(contentsOf: chunk.readableBytesView)
        }
        return bytes
    }

    /// - Throws: `WireError`, `CentralError.bodyTooLarge`.
    func message<Message: WireMessage>(_ type: Message.Type) async throws -> Message {
        try Message(body: try await body(limit: Message.bytesMax))
    }
}
