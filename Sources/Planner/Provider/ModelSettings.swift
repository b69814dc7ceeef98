package import Documents
import Model
import Seal

/// The keys of a configuration that say which model is asked and how much that may cost, typed: `planner.…` at Central, `l2.…` at an
/// appliance with a model of its own. Names of models and prices stand nowhere else.
package struct ModelSettings: Sendable {
    private let provider: Setting<ProviderConfiguration.Kind>
    private let address: Setting<String>
    private let model: Setting<String>
    private let keyFile: Setting<String>
    private let inputPrice: Setting<String>
    private let outputPrice: Setting<String>
    private let authorities: Setting<String>
    private let azureVersion: Setting<String>
    private let callsPerHour: Setting<Int64>
    private let dollarsPerDay: Setting<String>
    private let deadline: Setting<Duration>
    private let concurrency: Setting<Int64>
    private let answerTokens: Setting<Int64>

    /// - Parameter section: with its dot: `planner.`
    package init(section: String) {
        let limits = PlannerSettings()
        provider = .choice(
            section + "provider", .optional, manual: "Whose format the model speaks. Without it no model is asked anything.")
        address = .text(
            section + "address", .optional, bytesMax: 300,
            manual: "Where it is, https:// (http:// on this machine only): for anthropic the host, for azure-openai the resource, for the "
                + "others up to and with /v1.")
        model = .text(section + "model", .optional, bytesMax: 200, manual: "The model's name; for azure-openai the deployment's.")
        keyFile = .path(
            section + "keyFile", .optional, manual: "File that holds the provider's key and nothing else; mode 0600 and this user's.")
        inputPrice = .text(
            section + "price.input", .optional, bytesMax: 20, manual: "Dollars for a million tokens of a question, such as 3 or 0.25.")
        outputPrice = .text(
            section + "price.output", .optional, bytesMax: 20, manual: "Dollars for a million tokens of an answer.")
        authorities = .path(
            section + "ca", .optional, manual: "PEM file of a private authority that vouches for the provider, instead of the system's.")
        azureVersion = .text(
            section + "azureVersion", .default("2024-10-21"), bytesMax: 40, manual: "`api-version` of azure-openai.")
        callsPerHour = .integer(
            section + "callsPerHourMax", .default(Int64(limits.callsPerHourMax)), in: 1...1_000,
            manual: "Questions in any hour, for each site.")
        dollarsPerDay = .text(
            section + "dollarsPerDayMax", .default("5"), bytesMax: 20,
            manual: "Dollars in any 24 hours, for each site. A question counts as the most it can cost until it is answered.")
        deadline = .duration(
            section + "deadline", .default(limits.deadline), in: .seconds(1)...(.seconds(60)), manual: "How long an answer may take.")
        concurrency = .integer(
            section + "concurrency", .default(Int64(limits.inFlightMax)), in: 1...16, manual: "Questions under way at once, of all sites.")
        answerTokens = .integer(
            section + "answerTokensMax", .default(limits.answerTokensMax), in: 256...32_768,
            manual: "Tokens of an answer, with what a model thinks before it.")
    }

    package var declarations: [SettingDeclaration] {
        [
            provider.declaration, address.declaration, model.declaration, keyFile.declaration, inputPrice.declaration,
            outputPrice.declaration, authorities.declaration, azureVersion.declaration, callsPerHour.declaration,
            dollarsPerDay.declaration, deadline.declaration, concurrency.declaration, answerTokens.declaration,
        ]
    }

    /// Which model, and its limits.
    package struct Model: Sendable {
        package let provider: ProviderConfiguration
        package let limits: PlannerSettings

        package init(provider: ProviderConfiguration, limits: PlannerSettings = PlannerSettings()) {
            self.provider = provider
            self.limits = limits
        }
    }

    /// Reads the key's and the authorities' files too.
    /// - Returns: nil without a provider.
    /// - Throws: `Diagnostics`: every fault with its place; nothing was sent.
    package func read(_ settings: Settings) throws(Diagnostics) -> Model? {
        guard let kind = settings.optional(provider) else { return nil }
        let log = DiagnosticLog()
        func required<Value>(_ setting: Setting<Value>) -> Value? {
            if let value = settings.optional(setting) { return value }
            log.error(
                at: settings.origin(provider), code: "settings.missing",
                "\(setting.declaration.name) must be given with \(provider.declaration.name) (\(setting.declaration.accepts))")
            return nil
        }
        func dollars(_ setting: Setting<String>) -> Int64? {
            guard let text = required(setting) else { return nil }
            if let amount = Dollars.micros(text) { return amount }
            log.error(
                at: settings.origin(setting), code: "value.dollars",
                "\(setting.declaration.name) is \(quoted(text)); taken are dollars up to 1000 with at most six decimals, such as 0.25")
            return nil
        }
        var limits = PlannerSettings()
        limits.callsPerHourMax = Int(settings[callsPerHour])
        limits.costPerDayMax = dollars(dollarsPerDay) ?? 0
        limits.deadline = settings[deadline]
        limits.inFlightMax = Int(settings[concurrency])
        limits.answerTokensMax = settings[answerTokens]
        let (address, model) = (required(address), required(model))
        let (input, output) = (dollars(inputPrice), dollars(outputPrice))
        var key: APIKey?
        if let path = settings.optional(keyFile) {
            do { key = try APIKey(contentsOf: path) } catch {
                log.error(at: settings.origin(keyFile), code: "planner.key", "\(keyFile.declaration.name): \(error)")
            }
        }
        var pem: String?
        if let path = settings.optional(authorities) {
            do { pem = String(decoding: try YAMLReader.contents(path: path, bytesMax: 1 << 20), as: UTF8.self) } catch {
                log.error(at: settings.origin(authorities), code: "planner.authorities", "\(authorities.declaration.name): \(error)")
            }
        }
        guard let address, let model, let input, let output, let price = ProviderConfiguration.Price(input: input, output: output),
            log.errorCount == 0
        else {
            try log.throwIfErrors()
            return nil
        }
        do throws(ProviderConfigurationError) {
            let configuration = try ProviderConfiguration(
                kind: kind, endpoint: address, model: model, key: key, price: price, authorities: pem, azureVersion: settings[azureVersion])
            return Model(provider: configuration, limits: limits)
        } catch {
            log.error(at: settings.origin(provider), code: error.code, error.message)
            try log.throwIfErrors()
            return nil
        }
    }
}

/// Amounts of money as people write them.
package enum Dollars {
    /// Millionths of a dollar: digits, and at most six decimals after a dot; 0 to 1000.
    package static func micros(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first, (1...4).contains(whole.utf8.count),
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let dollars = Int64(whole)
        else { return nil }
        let decimals = parts.count == 2 ? parts[1] : ""
        guard decimals.utf8.count <= 6, let micros = Int64(decimals + String(repeating: "0", count: 6 - decimals.utf8.count)) else {
            return nil
        }
        let amount = dollars * 1_000_000 + micros
        return amount <= 1_000_000_000 ? amount : nil
    }

    /// `0.0125`: without zeros that say nothing.
    package static func text(_ micros: Int64) -> String {
        let (dollars, rest) = micros.quotientAndRemainder(dividingBy: 1_000_000)
        guard rest != 0 else { return "\(dollars)" }
        var digits = String(String(1_000_000 + rest).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(dollars).\(digits)"
    }
}

extension APIKey {
    /// Of a file that only this process's user can read; an end of line after the key is not part of it.
    package init(contentsOf path: String) throws {
        let bytes = try PrivateFile.read(path, size: 1...1_024)
        let text = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard text.count == 1, let key = APIKey(String(text[0])) else { throw APIKeyError() }
        self = key
    }
}

/// The file holds something else than one key.
package struct APIKeyError: Error, CustomStringConvertible {
    package var description: String { "the file must hold one key of 1 to 512 printable characters and nothing else; nothing was sent" }
}
