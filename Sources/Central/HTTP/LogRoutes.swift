import HTTPTypes
import Hummingbird
import NIOCore
import Objects
import TransparencyLog

/// The transparency log as anybody may read it: C2SP tlog-tiles, under `/log`.
struct LogRoutes: Sendable {
    let reader: LogReader

    func add(to router: Router<CentralRequestContext>) {
        router.get("log/checkpoint", use: checkpoint)
        router.get("log/tile/**", use: tile)
        router.get("log/proof/:index", use: proof)
    }

    /// `GET /log/checkpoint`: the newest signed note. Good for a few seconds only.
    @Sendable func checkpoint(_ request: Request, context: CentralRequestContext) async throws -> Response {
        guard let note = try await reader.newest() else { throw CentralError.notFound("checkpoint of the log") }
        return Self.response(note.bytes, type: "text/plain; charset=utf-8", caching: "max-age=5")
    }

    /// `GET /log/tile/<L>/<N>[.p/<W>]`, `GET /log/tile/entries/<N>[.p/<W>]`: never change once they are there.
    @Sendable func tile(_ request: Request, context: CentralRequestContext) async throws -> Response {
        let text = request.uri.path.drop { $0 == "/" }.dropFirst("log/".count)
        guard let path = TilePath(String(text)) else { throw CentralError.notFound("tile") }
        do throws(any Error) {
            return Self.response(
                try await reader.resource(path), type: "application/octet-stream", caching: "public, max-age=31536000, immutable")
        } catch ObjectError.missing {
            throw CentralError.notFound("tile")
        }
    }

    /// `GET /log/proof/<index>`: C2SP tlog-proof of one entry in the newest checkpoint.
    @Sendable func proof(_ request: Request, context: CentralRequestContext) async throws -> Response {
        guard let text = context.parameters.get("index"), let index = Int64(text), String(index) == text else {
            throw CentralError.notFound("entry of the log")
        }
        return Self.response(try await reader.proof(of: index).bytes, type: "text/plain; charset=utf-8", caching: "no-store")
    }

    private static func response(_ bytes: [UInt8], type: String, caching: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: caching, .accessControlAllowOrigin: "*"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
