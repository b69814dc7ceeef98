/// Which model answers, where, and what it costs.
package struct ProviderConfiguration: Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case anthropic
        case openAI = "openai"
        case azureOpenAI = "azure-openai"
        case ollama
        case llamaCpp = "llama.cpp"
        case vllm = "vllm"
    }

    /// Millionths of a dollar for a million tokens.
    package struct Price: Hashable, Sendable {
        package let input: Int64
        package let output: Int64

        /// Each 0...1,000,000,000 (a thousand dollars); nil otherwise.
        package init?(input: Int64, output: Int64) {
            guard (0...1_000_000_000).contains(input), (0...1_000_000_000).contains(output) else { return nil }
            self.input = input
            self.output = output
        }

        /// Rounded up.
        package func microdollars(input inputTokens: Int64, output outputTokens: Int64) -> Int64 {
            let (a, b) = (min(max(inputTokens, 0), 1_000_000_000), min(max(outputTokens, 0), 1_000_000_000))
            return (a * input + b * output + 999_999) / 1_000_000
        }
    }

    package let kind: Kind
    /// Without a path's last slash. Anthropic: `https://api.anthropic.com`; OpenAI-compatible: up to and with `/v1`; Azure: the resource.
    package let endpoint: String
    /// For Azure OpenAI the deployment.
    package let model: String
    package let key: APIKey?
    package let price: Price
    /// PEM of the only certificate authorities to trust; nil trusts the system's.
    package let authorities: String?
    /// Azure OpenAI only: `api-version`.
    package let azureVersion: String

    /// - Throws: what is wrong, before anything is sent anywhere.
    package init(
        kind: Kind, endpoint: String, model: String, key: APIKey?, price: Price, authorities: String? = nil,
        azureVersion: String = "2024-10-21"
    ) throws(ProviderConfigurationError) {
        func isToken(_ text: String, _ others: String) -> Bool {
            !text.isEmpty && text.utf8.count <= 200
                && text.utf8.allSatisfy {
                    (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || others.utf8.contains($0)
                }
        }
        let isLocal = ["http://127.0.0.1", "http://[::1]", "http://localhost"].contains { prefix in
            guard endpoint.hasPrefix(prefix) else { return false }
            let next = endpoint.dropFirst(prefix.count).first
            return next == nil || next == ":" || next == "/"
        }
        guard endpoint.hasPrefix("https://") || isLocal else { throw .endpointPlain }
        let rest = endpoint.dropFirst(endpoint.hasPrefix("https://") ? 8 : 7)
        guard isToken(String(rest), ".-_:/[]"), !rest.hasSuffix("/") else { throw .endpointMalformed }
        guard isToken(model, kind == .azureOpenAI ? ".-_" : ".-_:/") else { throw .model }
        guard isToken(azureVersion, "-") else { throw .azureVersion }
        if key == nil, kind == .anthropic || kind == .openAI || kind == .azureOpenAI { throw .keyMissing }
        self.kind = kind
        self.endpoint = endpoint
        self.model = model
        self.key = key
        self.price = price
        self.authorities = authorities
        self.azureVersion = azureVersion
    }

    package var dialect: any ModelDialect {
        switch kind {
        case .anthropic: AnthropicMessages()
        case .openAI, .azureOpenAI: ChatCompletions(style: .tools)
        case .ollama, .llamaCpp, .vllm: ChatCompletions(style: .schema)
        }
    }
}

/// A secret: never printed, never in a record.
package struct APIKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    let value: String

    /// nil unless 1 to 512 printable ASCII characters without spaces: it becomes a header.
    package init?(_ text: String) {
        guard (1...512).contains(text.utf8.count), text.utf8.allSatisfy({ (33...126).contains($0) }) else { return nil }
        value = text
    }

    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why a provider's configuration was refused; nothing was sent.
package enum ProviderConfigurationError: Error, Hashable, Sendable {
    case endpointPlain
    case endpointMalformed
    case model
    case azureVersion
    case keyMissing
    case authorities

    package var code: String {
        switch self {
        case .endpointPlain: "planner.endpoint_plain"
        case .endpointMalformed: "planner.endpoint_malformed"
        case .model: "planner.model"
        case .azureVersion: "planner.azure_version"
        case .keyMissing: "planner.key_missing"
        case .authorities: "planner.authorities"
        }
    }

    package var message: String {
        switch self {
        case .endpointPlain: "the provider's address is neither https nor on this machine; nothing was sent. Give an https address."
        case .endpointMalformed: "the provider's address is malformed or ends with a slash; nothing was sent. Correct it."
        case .model: "the model's name is malformed; nothing was sent. Correct it."
        case .azureVersion: "the API version is malformed; nothing was sent. Give one such as 2024-10-21."
        case .keyMissing: "the provider needs a key and none is configured; nothing was sent. Name its file."
        case .authorities: "the file of certificate authorities cannot be read as PEM; nothing was sent. Correct it."
        }
    }
}
