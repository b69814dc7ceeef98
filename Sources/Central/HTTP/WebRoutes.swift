import HTTPTypes
import Hummingbird
import Model
import NIOCore
import Wire

/// The web listener: what a box may ask before it has an identity.
struct WebRoutes: Sendable {
    let enrollment: EnrollmentService
    let authorityPEM: String
    let isHealthy: @Sendable () async -> Bool

    func add(to router: Router<CentralRequestContext>) {
        router.get("v1/ca", use: authority)
        router.post("v1/enroll", use: enroll)
        router.post("v1/certificate/recover", use: recover)
        router.get("healthz", use: health)
    }

    /// `GET /v1/ca`: PEM. Whoever asks compares it with the fingerprint in the claim code before trusting it.
    @Sendable func authority(_ request: Request, context: CentralRequestContext) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/x-pem-file", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: authorityPEM)))
    }

    /// `POST /v1/enroll`: `EnrollmentRequest` -> `EnrollmentGrant`.
    @Sendable func enroll(_ request: Request, context: CentralRequestContext) async throws -> Response {
        let parsed = try await request.message(EnrollmentRequest.self)
        return try await enrollment.enroll(parsed, from: context.source).json.response()
    }

    /// `POST /v1/certificate/recover`: `SignedRecovery` -> `CertificateGrant`.
    @Sendable func recover(_ request: Request, context: CentralRequestContext) async throws -> Response {
        var body: [UInt8]?
        // A body that is too large is refused like any other: counted and recorded.
        do {
            body = try await request.body(limit: SignedRecovery.bytesMax)
        } catch let error as CentralError {
            guard error == .bodyTooLarge else { throw error }
        }
        return try await enrollment.recover(body, from: context.source).json.response()
    }

    /// `GET /healthz`: 200 when the database answers, else 503.
    @Sendable func health(_ request: Request, context: CentralRequestContext) async throws -> Response {
        guard await isHealthy() else { throw CentralError.databaseDown }
        return Response(status: .ok, headers: [.contentType: "text/plain"], body: .init(byteBuffer: ByteBuffer(string: "ok\n")))
    }
}
