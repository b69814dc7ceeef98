import NIOCore
import NIOHTTP1
import NIOPosix
package import Seal
import Synchronization

/// A server on loopback that speaks the two wire formats of language models, from their public specifications: Anthropic's Messages API
/// (version 2026-10-21) and OpenAI's chat completions, also under Azure's paths. It checks a question as strictly as they do, and answers
/// whatever a test wants. The providers' own clients judge it (`scripts/checks/model_double.py`).
package final class ModelDouble: Sendable {
    package enum Format: String, Sendable { case anthropic, openAI, azure }

    package struct Question: Sendable {
        package let format: Format
        package let headers: [String: String]
        package let body: JSONValue
        /// The newest message of the user.
        package let user: String
        /// Tools by name; where a schema was given instead, its alternatives.
        package let tools: [String: JSONValue]
        /// Whether one document against a schema is asked for, and no tools.
        package let wantsDocument: Bool
    }

    package enum Answer: Sendable {
        case call(String, JSONValue)
        /// More than one at once.
        case calls([(String, JSONValue)])
        /// The call's arguments as these characters: for OpenAI's format only, where they travel as text.
        case rawArguments(String, String)
        case text(String)
        case refusal
        /// As `call`, but it says that the answer was cut off.
        case truncated(String, JSONValue)
        case raw(Int, [UInt8])
        /// An error in the provider's own form.
        case error(Int)
        case silence
        case dribble
        case endless
        case hangUp
    }

    /// Answers as a model would that takes the first repair it is offered, with the first value of each parameter.
    package static func obliging(_ question: Question) -> Answer {
        guard let (name, schema) = question.tools.filter({ $0.key != "escalate" }).min(by: { $0.key < $1.key }) else {
            return .call("escalate", ["confidence": 1, "reason": "as asked"])
        }
        var input: [String: JSONValue] = [:]
        for (name, property) in schema["properties"]?.object ?? [:] {
            switch property["type"]?.string {
            case "boolean": input[name] = false
            case "integer": input[name] = .integer(lowest(property["description"]?.string))
            case "array": input[name] = .array(property["items"]?["enum"]?.array.map { Array($0.prefix(1)) } ?? [])
            default: input[name] = property["enum"]?.array?.first ?? "a double answers by script"
            }
        }
        input["confidence"] = .number(0.9)
        return .call(name, .object(input))
    }

    /// The range of a number stands in the words that describe it: `60 to 3600`.
    private static func lowest(_ description: String?) -> Int64 {
        description?.split(separator: " ").lazy.compactMap { Int64($0) }.first ?? 1
    }

    /// `http://127.0.0.1:port`.
    package let address: String
    private let channel: any Channel
    private let log = Mutex<[Question]>([])
    package var questions: [Question] { log.withLock { $0 } }

    /// - Parameter port: 0 takes a free one.
    package init(port: Int = 0, _ answer: @escaping @Sendable (Question) -> Answer = obliging) async throws {
        let log = Log()
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(answer, log))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        address = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
        log.append = { [weak self] question in self?.log.withLock { $0.append(question) } }
    }

    package func stop() async { try? await channel.close() }

    /// Set once, before the address is known to anybody.
    private final class Log: @unchecked Sendable {
        var append: @Sendable (Question) -> Void = { _ in }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answer: @Sendable (Question) -> Answer
        private let log: Log
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(_ answer: @escaping @Sendable (Question) -> Answer, _ log: Log) {
            self.answer = answer
            self.log = log
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let part): body.append(contentsOf: part.readableBytesView)
            case .end: respond(context)
            }
        }

        private func respond(_ context: ChannelHandlerContext) {
            guard let head else { return }
            let path = String(head.uri.split(separator: "?", omittingEmptySubsequences: false)[0])
            let format: Format =
                path == "/v1/messages" ? .anthropic : path.hasPrefix("/openai/deployments/") ? .azure : .openAI
            let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
            let question: Question
            do throws(Fault) {
                question = try ModelDouble.read(head.method == .POST, head.uri, path, format, headers, body)
            } catch {
                return reply(context, error.status, ModelDouble.errorBody(format, error.status, error.message))
            }
            log.append(question)
            switch answer(question) {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .raw(let status, let bytes): reply(context, status, bytes)
            case .error(let status): reply(context, status, ModelDouble.errorBody(format, status, "as asked"))
            case .dribble:
                write(context, 200, ["content-length": "1000", "content-type": "application/json"])
                part(context, [UInt8(ascii: "{")])
            case .endless:
                write(context, 200, ["transfer-encoding": "chunked", "content-type": "application/json"])
                part(context, [UInt8](repeating: 32, count: 1 << 20))
            case let said: reply(context, 200, ModelDouble.body(said, to: question))
            }
        }

        private func reply(_ context: ChannelHandlerContext, _ status: Int, _ bytes: [UInt8]) {
            write(context, status, ["content-length": "\(bytes.count)", "content-type": "application/json"])
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        private func write(_ context: ChannelHandlerContext, _ status: Int, _ headers: [String: String]) {
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(headers.map { ($0.key, $0.value) }))
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }

        private func part(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }
    }
}

// MARK: What a provider takes

extension ModelDouble {
    private struct Fault: Error {
        let status: Int
        let message: String
    }

    private static func read(
        _ isPost: Bool, _ uri: String, _ path: String, _ format: Format, _ headers: [String: String], _ bytes: [UInt8]
    ) throws(Fault) -> Question {
        func need(_ holds: Bool, _ status: Int, _ message: String) throws(Fault) {
            if !holds { throw Fault(status: status, message: message) }
        }
        try need(isPost, 405, "method")
        let isChat = format == .azure ? path.hasSuffix("/chat/completions") : path == "/v1/chat/completions"
        try need(format == .anthropic || isChat, 404, "path")
        switch format {
        case .anthropic:
            let isKnown = headers["authorization"]?.hasPrefix("Bearer ") == true || headers["x-api-key"]?.isEmpty == false
            try need(isKnown, 401, "authorization")
            try need(headers["anthropic-version"] == "2026-10-21", 400, "anthropic-version")
        case .openAI: try need(headers["authorization"]?.hasPrefix("Bearer ") != false, 401, "authorization")
        case .azure:
            try need(headers["api-key"]?.isEmpty == false, 401, "api-key")
            try need(uri.contains("?api-version=20"), 404, "api-version")
        }
        try need(headers["content-type"] == "application/json", 400, "content-type")
        guard let body = try? JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1 << 20)) else {
            throw Fault(status: 400, message: "JSON")
        }
        try need(body["model"]?.string?.isEmpty == false, 400, "model")
        guard let messages = body["messages"]?.array, !messages.isEmpty else { throw Fault(status: 400, message: "messages") }
        var user = ""
        for message in messages {
            let role = message["role"]?.string ?? ""
            try need((format == .anthropic ? ["user", "assistant"] : ["system", "user", "assistant"]).contains(role), 400, "role")
            guard let content = message["content"]?.string else { throw Fault(status: 400, message: "content") }
            if role == "user" { user = content }
        }
        let list = body["tools"]?.array ?? []
        var tools: [String: JSONValue] = [:]
        for tool in list {
            let (name, schema) =
                format == .anthropic
                ? (tool["name"]?.string, tool["input_schema"]) : (tool["function"]?["name"]?.string, tool["function"]?["parameters"])
            try need(format == .anthropic || tool["type"]?.string == "function", 400, "tool type")
            guard let name, (1...64).contains(name.utf8.count),
                name.utf8.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 95 }
                )
            else { throw Fault(status: 400, message: "tool name") }
            guard let schema, schema["type"]?.string == "object" else { throw Fault(status: 400, message: "tool schema") }
            tools[name] = schema
        }
        if format == .anthropic {
            try need((body["max_tokens"]?.integer ?? 0) > 0, 400, "max_tokens")
            for name in ["temperature", "top_p", "top_k"] { try need(body[name] == nil, 400, name) }
            // As the newest models: they think first, and cannot be made to call.
            try need(["auto", "none", nil].contains(body["tool_choice"]?["type"]?.string), 400, "tool_choice")
        } else if let wanted = body["response_format"] {
            guard wanted["type"]?.string == "json_schema", let schema = wanted["json_schema"], schema["name"]?.string != nil else {
                throw Fault(status: 400, message: "response_format")
            }
            for call in schema["schema"]?["properties"]?["call"]?["anyOf"]?.array ?? [] {
                if let name = call["properties"]?["tool"]?["enum"]?.array?.first?.string {
                    tools[name] = call["properties"]?["input"] ?? .null
                }
            }
        }
        return Question(
            format: format, headers: headers, body: body, user: user, tools: tools,
            wantsDocument: body["response_format"] != nil)
    }
}

// MARK: What a provider answers

extension ModelDouble {
    private static func errorBody(_ format: Format, _ status: Int, _ message: String) -> [UInt8] {
        let kind = [400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"][status]
        let error: [String: JSONValue] = ["type": .string(kind ?? "api_error"), "message": .string(message)]
        let value: JSONValue =
            format == .anthropic
            ? ["type": "error", "error": .object(error), "request_id": "req_double"]
            : ["error": .object(error.merging(["param": .null, "code": .null]) { $1 })]
        return (try? value.canonicalBytes()) ?? []
    }

    private static func body(_ answer: Answer, to question: Question) -> [UInt8] {
        var calls: [(String, JSONValue)] = []
        var text: String?
        var (isRefused, isTruncated) = (false, false)
        var arguments: String?
        switch answer {
        case .call(let name, let input): calls = [(name, input)]
        case .calls(let several): calls = several
        case .rawArguments(let name, let raw): (calls, arguments) = ([(name, .null)], raw)
        case .text(let said): text = said
        case .truncated(let name, let input): (calls, isTruncated) = ([(name, input)], true)
        case .refusal: isRefused = true
        default: break
        }
        let model = question.body["model"] ?? "double"
        let value: JSONValue
        if question.format == .anthropic {
            var blocks: [JSONValue] = text.map { [["type": "text", "text": .string($0)]] } ?? []
            for (number, (name, input)) in calls.enumerated() {
                blocks.append(["type": "tool_use", "id": .string("toolu_double\(number)"), "name": .string(name), "input": input])
            }
            let reason = isTruncated ? "max_tokens" : isRefused ? "refusal" : calls.isEmpty ? "end_turn" : "tool_use"
            value = [
                "id": "msg_double", "type": "message", "role": "assistant", "model": model, "content": .array(blocks),
                "stop_reason": .string(reason), "stop_sequence": .null, "usage": ["input_tokens": 700, "output_tokens": 60],
            ]
        } else {
            var message: [String: JSONValue] = ["role": "assistant", "content": text.map { .string($0) } ?? .null, "refusal": .null]
            if isRefused { message["refusal"] = "I cannot help with that." }
            func written(_ value: JSONValue) -> String { String(decoding: (try? value.canonicalBytes()) ?? [], as: UTF8.self) }
            if question.wantsDocument, !calls.isEmpty {
                message["content"] = .string(
                    arguments ?? calls.map { written(["call": ["tool": .string($0.0), "input": $0.1]]) }.joined(separator: "\n"))
            } else if !calls.isEmpty {
                message["tool_calls"] = .array(
                    calls.enumerated().map { number, call in
                        [
                            "id": .string("call_double\(number)"), "type": "function",
                            "function": ["name": .string(call.0), "arguments": .string(arguments ?? written(call.1))],
                        ]
                    })
            }
            let reason = isTruncated ? "length" : calls.isEmpty || question.wantsDocument ? "stop" : "tool_calls"
            value = [
                "id": "chatcmpl-double", "object": "chat.completion", "created": 1_700_000_000, "model": model,
                "choices": [["index": 0, "message": .object(message), "finish_reason": .string(reason), "logprobs": .null]],
                "usage": ["prompt_tokens": 700, "completion_tokens": 60, "total_tokens": 760],
            ]
        }
        return (try? value.canonicalBytes()) ?? []
    }
}

/// Runs `body` with a double that answers like this, then stops it.
package func withModelDouble<Result: Sendable>(
    _ answer: @escaping @Sendable (ModelDouble.Question) -> ModelDouble.Answer, _ body: (ModelDouble) async throws -> Result
) async throws -> Result {
    let double = try await ModelDouble(answer)
    do {
        let result = try await body(double)
        await double.stop()
        return result
    } catch {
        await double.stop()
        throw error
    }
}
