import Catalog
import Conditions
import Foundation
import Healing
import Hosts
import Model
import Planner
import PlannerDouble
import Redaction
import Seal
import TestSupport

/// The shipped catalog with three runbooks more for one check, so that every kind of parameter and every flag is there.
enum Desk {
    static let now = Timestamp("2026-01-15T12:00:00.000Z")!
    static let site = SiteID(at: now)
    static let scrubber = Scrubber(key: PseudonymKey(secret: [UInt8](repeating: 7, count: 32))!)
    static let platforms: Set<String> = ["linux", "debian"]

    static let catalog: CompiledCatalog = {
        let shipped = try! CatalogLoader.load(directory: repositoryRoot + "/Catalog", schema: .code(), version: 1)
        var (runbooks, digests) = (shipped.runbooks, shipped.runbookDigests)
        for runbook in [
            extra("linux.host.reboot", needsReboot: true),
            extra(
                "linux.limit.set", needsApproval: true,
                [
                    "limit": ParameterDefinition(type: .integer, summary: "", minimum: 1, maximum: 10),
                    "persist": ParameterDefinition(type: .boolean, summary: ""),
                    "scope": ParameterDefinition(type: .string, summary: "", allowed: ["user", "service"]),
                ]),
        ] {
            runbooks[runbook.id] = runbook
            digests[runbook.id] = Digest(of: Array(runbook.id.description.utf8))
        }
        return CompiledCatalog(
            version: 1, digest: shipped.digest, checks: shipped.checks, rules: shipped.rules, runbooks: runbooks, runbookDigests: digests,
            baselines: shipped.baselines)
    }()

    private static func extra(
        _ id: RunbookID, needsReboot: Bool = false, needsApproval: Bool = false, _ parameters: [String: ParameterDefinition] = [:]
    ) -> RunbookDefinition {
        RunbookDefinition(
            id: id, title: "Extra", checks: ["host.services.critical"], platforms: ["linux"], parameters: parameters, steps: [],
            isDisruptive: false, needsReboot: needsReboot, needsApproval: needsApproval, needsWindow: false, timeout: .seconds(60),
            retries: 0)
    }

    static func facts(notRunning: [String] = ["cron.service"], failed: [String] = ["ssh.service"], first: String = "cron.service") -> Facts
    {
        Facts([
            "services.not_running": .strings(notRunning), "services.not_enabled": .strings([]), "services.failed": .strings(failed),
            "services.first_not_running": .string(first),
        ])
    }

    static func request(
        _ check: CheckID = "host.services.critical", _ code: Code = "services.stopped", facts: Facts = facts(),
        platforms: Set<String> = platforms, at now: Timestamp = now
    ) -> PlannerRequest {
        let incident = Incident(
            id: IncidentID(at: now), host: "front-desk-7", check: check, code: code, severity: .high, opened: now, lastSeen: now,
            facts: facts)
        let definition = catalog.checks[check]!
        return PlannerRequest(
            incident, catalog: catalog, platforms: platforms,
            parameters: catalog.parameters(of: definition, baseline: catalog.baselines["default"]), scrubber: scrubber, at: now)!
    }

    static func configuration(_ kind: ProviderConfiguration.Kind, _ address: String) throws -> ProviderConfiguration {
        let endpoint = kind == .anthropic || kind == .azureOpenAI ? address : address + "/v1"
        return try ProviderConfiguration(
            kind: kind, endpoint: endpoint, model: "model-1", key: kind == .ollama ? nil : APIKey("secret-key-1")!,
            price: ProviderConfiguration.Price(input: 1_000_000, output: 5_000_000)!)
    }

    /// Runs `body` with a planner that asks the double.
    static func with<Result: Sendable>(
        _ kind: ProviderConfiguration.Kind, _ double: ModelDouble, clock: TestClock = TestClock(at: now),
        settings: PlannerSettings = generous, isOff: @escaping @Sendable () -> Bool = { false },
        _ body: (L2Planner) async throws -> Result
    ) async throws -> Result {
        let planner = try L2Planner(
            configuration: configuration(kind, double.address), settings: settings, clock: clock.clock, isOff: { _ in isOff() })
        do {
            let result = try await body(planner)
            await planner.close()
            return result
        } catch {
            await planner.close()
            throw error
        }
    }

    static let generous: PlannerSettings = {
        var settings = PlannerSettings()
        settings.callsPerHourMax = 100_000
        settings.costPerDayMax = 1_000_000_000_000
        settings.cacheEntriesMax = 0
        settings.breaker = CircuitBreaker(failuresMax: 1_000_000)
        return settings
    }()

    static func fixture(_ name: String) throws -> [JSONValue] {
        let bytes = try Data(contentsOf: URL(filePath: #filePath).deletingLastPathComponent().appending(path: name))
        return try JSONValue(parsing: Array(bytes), limits: JSONLimits(bytesMax: 1 << 20)).array!
    }

    static func input(_ parameters: [String: JSONValue] = [:], confidence: JSONValue = 1) -> JSONValue {
        .object(parameters.merging(["confidence": confidence, "reason": "it fits"]) { $1 })
    }
    /// `value-1` is what `linux.service.restart` may be given.
    static let start = input(["units": ["value-2"]])
}

extension PlannerExchange {
    var refusal: PlannerRefusal? {
        guard case .refused(let refusal) = outcome else { return nil }
        return refusal
    }
    var choice: PlanChoice? {
        guard case .choice(let choice) = outcome else { return nil }
        return choice
    }
}
