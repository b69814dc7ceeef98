import HTTPTypes
import Hummingbird
import Model
import NIOCore
import Seal

extension CentralError {
    /// RFC 9457 problem details; `code` is what machines go by.
    func response(requestID: String) -> Response {
        var problem: [String: JSONValue] = [
            "type": "about:blank",
            "title": .string(HTTPResponse.Status(integerLiteral: status).reasonPhrase),
            "status": .integer(Int64(status)),
            "code": .string(code.description), "detail": .string(message), "requestId": .string(requestID),
        ]
        if let centralTime { problem["centralTime"] = .string(centralTime.description) }
        var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
        if let retryAfter { headers[.retryAfter] = "\(retryAfter.wholeSeconds)" }
        return Response(
            status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: JSONValue.object(problem).bytes)))
    }
}

extension JSONValue {
    /// Of values that we built ourselves, which always have a canonical form.
    var bytes: [UInt8] { try! canonicalBytes() }

    func response(status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
