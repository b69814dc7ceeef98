import Model
import Seal

/// Headers from one's own Bitcoin node, by JSON-RPC.
///
/// The header is checked to have the hash that the node named for the height, so a mixed-up answer is noticed; that the chain is
/// the best one is the node's word.
package struct BitcoinNode: BitcoinHeaders {
    private let address: String
    private let authorization: String?
    private let confirmations: Int64
    private let transport: AnchorTransport

    private static let replyBytesMax = 64 << 10

    /// - Parameters:
    ///   - address: `http://host:port`.
    ///   - login: `user:password` of the node's RPC; nil for none.
    ///   - confirmations: how many blocks, its own included, must stand on a block before it is relied on: 1 or more.
    package init(address: String, login: String?, confirmations: Int64 = 6, transport: AnchorTransport) {
        self.address = address
        authorization = login.map { "Basic " + Array($0.utf8).base64 }
        self.confirmations = max(1, confirmations)
        self.transport = transport
    }

    package func header(at height: Int64) async throws(AnchorLinkError) -> BlockHeader? {
        guard let tip = try await call("getblockcount", []).integer else { throw .malformed("node.height") }
        guard height >= 0, height + confirmations - 1 <= tip else { return nil }
        let hash = try await call("getblockhash", [.integer(height)])
        let text = try await call("getblockheader", [hash, false])
        guard let hash = hash.string, let bytes = text.string.flatMap([UInt8].init(hexadecimal:)), bytes.count == 80 else {
            throw .malformed("node.header")
        }
        guard Digest(of: Digest(of: bytes).bytes).bytes.reversed().hexadecimal == hash else { throw .malformed("node.hash") }
        let seconds = (0..<4).reduce(Int64(0)) { $0 | Int64(bytes[68 + $1]) << Int64(8 * $1) }
        return BlockHeader(merkleRoot: Array(bytes[36..<68]), time: Timestamp(milliseconds: seconds * 1_000))
    }

    private func call(_ method: String, _ parameters: [JSONValue]) async throws(AnchorLinkError) -> JSONValue {
        let request: JSONValue = ["jsonrpc": "1.0", "id": "martlet", "method": .string(method), "params": .array(parameters)]
        guard let body = try? request.canonicalBytes() else { throw .malformed("node.request") }
        var headers = [("content-type", "application/json")]
        if let authorization { headers.append(("authorization", authorization)) }
        let reply = try await transport.exchange(address, headers: headers, body: body, limit: Self.replyBytesMax)
        guard let json = try? JSONValue(parsing: reply.body, limits: JSONLimits(bytesMax: Self.replyBytesMax)) else {
            throw reply.status == 200 ? .malformed("node.json") : .refused(status: reply.status)
        }
        guard reply.status == 200, json["error"] ?? .null == .null, let result = json["result"] else {
            throw .refused(status: reply.status)
        }
        return result
    }
}
