import HTTPTypes
import Hummingbird
import Model
import NIOCore
import Seal
import Wire

/// The appliance API. Who asks is in the credential; nothing in a body can change that.
struct ApplianceRoutes: Sendable {
    let checkins: CheckinService
    let catalogs: CatalogStore
    let policies: SitePolicyStore
    let orders: OrderStore
    let intake: EvidenceIntake
    let enrollment: EnrollmentService
    let faults: CentralFaults

    func add(to router: Router<CentralRequestContext>) {
        router.post("v1/checkin", use: checkin)
        router.get("v1/catalog/{version}", use: catalog)
        router.get("v1/policy/{version}", use: policy)
        router.post("v1/orders/{order}/state", use: orderState)
        router.post("v1/evidence", use: evidence)
        router.post("v1/certificate", use: certificate)
    }

    @Sendable func checkin(_ request: Request, context: CentralRequestContext) async throws -> Response {
        let parsed = try await request.message(CheckinRequest.self)
        return try await checkins.checkin(parsed, by: context.requireCredential()).json.response()
    }

    @Sendable func catalog(_ request: Request, context: CentralRequestContext) async throws -> Response {
        guard let version = context.parameters.get("version").flatMap({ Int64($0) }) else { throw CentralError.notFound("catalog version") }
        return Response(
            status: .ok, headers: [.contentType: "application/octet-stream", .cacheControl: "private, max-age=86400, immutable"],
            body: .init(byteBuffer: ByteBuffer(bytes: try await catalogs.pack(version))))
    }

    /// `GET /v1/policy/{version}`: the caller's own. That of another appliance answers 404, exactly as one that does not exist.
    @Sendable func policy(_ request: Request, context: CentralRequestContext) async throws -> Response {
        guard let version = context.parameters.get("version").flatMap({ Int64($0) }) else { throw CentralError.notFound("site policy") }
        let envelope = try await policies.envelope(version, for: context.requireCredential())
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "private, no-store"],
            body: .init(byteBuffer: ByteBuffer(string: envelope)))
    }

    /// `POST /v1/orders/{order}/state`: 204. An order of another appliance answers 404, exactly as one that does not exist.
    @Sendable func orderState(_ request: Request, context: CentralRequestContext) async throws -> Response {
        let report = try await request.message(OrderReport.self)
        guard context.parameters.get("order") == report.order.description else { throw CentralError.notFound("order") }
        try await orders.report(report, by: context.requireCredential())
        return Response(status: .noContent)
    }

    /// `POST /v1/evidence`: 200 with the receipt of what was accepted and the first refusal; 200 also when all was refused,
    /// because a refused bundle is an answer and not a fault of the request.
    @Sendable func evidence(_ request: Request, context: CentralRequestContext) async throws -> Response {
        let parsed = try await request.message(EvidenceSubmission.self)
        let reply = try await intake.submit(parsed, by: context.requireCredential()).json.response()
        let (written, faults) = (reply.body, faults)
        return Response(
            status: reply.status, headers: reply.headers,
            body: ResponseBody(contentLength: written.contentLength) { writer in
                try await written.write(writer)
                faults.reached(.evidenceAfterReply)
            })
    }

    @Sendable func certificate(_ request: Request, context: CentralRequestContext) async throws -> Response {
        let parsed = try await request.message(CertificateRequest.self)
        return try await enrollment.renew(parsed, by: context.requireCredential()).json.response()
    }
}
