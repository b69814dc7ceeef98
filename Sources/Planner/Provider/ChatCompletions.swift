import Model
package import Seal

/// Chat completions as OpenAI has them, and Azure OpenAI, Ollama, llama.cpp and vLLM after it.
package struct ChatCompletions: ModelDialect {
    package enum Style: Sendable {
        /// One function per runbook, and a call of one required.
        case tools
        /// One JSON document against a schema: what local servers enforce by a grammar, where not all know `tool_choice`.
        case schema
    }

    package let style: Style
    package init(style: Style) { self.style = style }

    package func question(_ prompt: Prompt, configuration: ProviderConfiguration, answerTokensMax: Int64) -> ModelQuestion {
        var body: [String: JSONValue] = [
            "model": .string(configuration.model),
            "messages": [
                ["role": "system", "content": .string(Prompt.system)],
                ["role": "user", "content": .string(prompt.user)],
            ],
        ]
        switch style {
        case .tools:
            body["tools"] = .array(
                prompt.tools.map { tool in
                    [
                        "type": "function",
                        "function": [
                            "name": .string(tool.name), "description": .string(tool.description), "parameters": tool.schema,
                            "strict": true,
                        ],
                    ]
                })
            body["tool_choice"] = "required"
            body["parallel_tool_calls"] = false
            body["max_completion_tokens"] = .integer(answerTokensMax)
        case .schema:
            body["messages"] = [
                ["role": "system", "content": .string(Prompt.system + "\n" + Self.manual(prompt))],
                ["role": "user", "content": .string(prompt.user)],
            ]
            body["response_format"] = [
                "type": "json_schema",
                "json_schema": ["name": "repair", "strict": true, "schema": Self.schema(prompt)],
            ]
            body["max_tokens"] = .integer(answerTokensMax)
            body["temperature"] = 0
        }
        let address: String
        var headers: [(String, String)] = []
        if configuration.kind == .azureOpenAI {
            address =
                "\(configuration.endpoint)/openai/deployments/\(configuration.model)/chat/completions?api-version=\(configuration.azureVersion)"
            if let key = configuration.key { headers.append(("api-key", key.value)) }
        } else {
            address = configuration.endpoint + "/chat/completions"
            if let key = configuration.key { headers.append(("authorization", "Bearer " + key.value)) }
        }
        return ModelQuestion(address: address, headers: headers, body: .object(body))
    }

    /// A grammar forces the form and tells the model nothing: what each tool does is said in words.
    private static func manual(_ prompt: Prompt) -> String {
        "To call a tool, answer {\"call\":{\"tool\":name,\"input\":{...}}}. Tools:\n"
            + prompt.tools.map { "\($0.name): \($0.description)" }.joined(separator: "\n")
    }

    private static func schema(_ prompt: Prompt) -> JSONValue {
        let calls = prompt.tools.map { tool in
            object(["tool": ["type": "string", "enum": [.string(tool.name)]], "input": tool.schema])
        }
        return object(["call": ["anyOf": .array(calls)]])
    }

    private static func object(_ properties: [String: JSONValue]) -> JSONValue {
        [
            "type": "object", "additionalProperties": false, "properties": .object(properties),
            "required": .array(properties.keys.sorted().map { .string($0) }),
        ]
    }

    package func answer(_ body: JSONValue) throws(PlannerRefusal) -> ModelAnswer {
        guard let choices = body["choices"]?.array else { throw .malformed("planner.envelope") }
        guard choices.count == 1 else { throw choices.isEmpty ? .noChoice : .severalChoices }
        let message = choices[0]["message"]
        guard let message, message["role"]?.string == "assistant" else { throw .malformed("planner.envelope") }
        switch choices[0]["finish_reason"]?.string {
        case "stop", "tool_calls": break
        case "length": throw .truncated
        case "content_filter": throw .declined
        default: throw .malformed("planner.finish_reason")
        }
        if let refusal = message["refusal"]?.string, !refusal.isEmpty { throw .declined }
        let usage = usage(body)
        return ModelAnswer(
            calls: style == .tools ? try toolCalls(message) : try document(message), inputTokens: usage?.input,
            outputTokens: usage?.output, model: body["model"]?.string ?? "")
    }

    private func toolCalls(_ message: JSONValue) throws(PlannerRefusal) -> [ModelCall] {
        var calls: [ModelCall] = []
        for call in message["tool_calls"]?.array ?? [] {
            guard call["type"]?.string == "function", let function = call["function"], let name = function["name"]?.string,
                let arguments = function["arguments"]?.string
            else { throw .malformed("planner.tool_call") }
            calls.append(ModelCall(tool: name, input: try Self.parse(arguments)))
        }
        return calls
    }

    private func document(_ message: JSONValue) throws(PlannerRefusal) -> [ModelCall] {
        // Nobody was given tools: a call of one is not an answer to what was asked.
        guard (message["tool_calls"]?.array ?? []).isEmpty else { throw .malformed("planner.tool_call") }
        guard let content = message["content"]?.string, !content.isEmpty else { return [] }
        guard let members = try Self.parse(content).object, members.count == 1, let call = members["call"]?.object, call.count == 2,
            let tool = call["tool"]?.string, let input = call["input"]
        else { throw .malformed("planner.document") }
        return [ModelCall(tool: tool, input: input)]
    }

    private static func parse(_ text: String) throws(PlannerRefusal) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: Array(text.utf8), limits: ModelTransport.inputLimits)
        } catch {
            throw .malformed(Code(error.code) ?? "json.syntax")
        }
    }

    package func usage(_ body: JSONValue) -> (input: Int64, output: Int64)? {
        tokens(body["usage"], "prompt_tokens", "completion_tokens")
    }
}
