import Appliance
import Documents
import Glibc
import Healing
import Hosts
import Model
import Planner
import Seal
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    private func read(_ text: String, environment: [String: String] = [:]) throws -> ApplianceConfiguration {
        let node = try YAMLReader.read(Array(text.utf8), file: "appliance.yaml")
        return try ApplianceConfiguration(file: node, environment: environment)
    }

    private func codes(_ text: String, environment: [String: String] = [:]) -> Set<String> {
        do {
            _ = try read(text, environment: environment)
            return []
        } catch let error as Diagnostics {
            return Set(error.all.map(\.code))
        } catch let error as Diagnostic {
            return [error.code]
        } catch {
            return ["\(error)"]
        }
    }

    private let host =
        "hosts: [{id: front-desk, address: 10.0.0.5, keyFile: /k, hostKey: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBsh5mJ2c0q5g1XoGm3l2D8h0mZQ1vE0aB7m0w2C9dXy, become: sudo, clinical: true}]"

    @Test("A local model needs all that says which, where and at what price, and a key file that nobody else can read")
    func localModel() throws {
        let directory = try TemporaryDirectory()
        let key = directory.file("key")
        try PrivateFile.create(key, Array("secret-key-1\n".utf8))
        let model = "provider: openai, address: \"https://models.example/v1\", model: m-1, keyFile: \(key)"
        let whole = try read("l2: {mode: local, \(model), price: {input: 0.25, output: 2}, dollarsPerDayMax: 1.5}")
        #expect(whole.plannerMode == .local && whole.planner?.provider.model == "m-1")
        #expect(whole.planner?.provider.price == ProviderConfiguration.Price(input: 250_000, output: 2_000_000))
        #expect(whole.planner?.limits.costPerDayMax == 1_500_000 && whole.planner?.limits.callsPerHourMax == 30)
        #expect(try read("l2: {mode: off}").plannerMode == .off)
        #expect(try read(host).plannerMode == .central && read(host).planner == nil)
        #expect(codes("l2: {mode: local}") == ["settings.missing"])
        #expect(codes("l2: {mode: local, \(model)}") == ["settings.missing"])
        #expect(codes("l2: {\(model), price: {input: 1e3, output: 2}}") == ["value.dollars"])
        #expect(codes("l2: {\(model.replacing("https", with: "http")), price: {input: 1, output: 2}}") == ["planner.endpoint_plain"])
        chmod(key, 0o644)
        #expect(codes("l2: {\(model), price: {input: 1, output: 2}}") == ["planner.key"])
    }

    @Test("A whole file is read into types, and the environment wins")
    func reads() throws {
        let configuration = try read(
            """
            stateDirectory: /var/lib/m
            mode: direct
            poll: {interval: 10s}
            window: {hours: 22:00-04:00, days: [sat], timeZone: America/Chicago}
            healing: {mode: dryRun, cooldown: 20m}
            clock: {servers: [time.example, "10.0.0.1:1123", "[::1]:123"]}
            \(host)
            """, environment: ["MARTLET_POLL_INTERVAL": "30s", "PATH": "/bin"])
        #expect(configuration.directory.path == "/var/lib/m")
        #expect(configuration.pollInterval == .seconds(30))
        #expect(configuration.policy.mode == .dryRun)
        #expect(configuration.policy.needsApprovalForDisruptive)
        #expect(configuration.policy.cooldown == .seconds(1_200))
        #expect(configuration.policy.window?.days == [.saturday])
        #expect(configuration.policy.clinicalHosts == ["front-desk"])
        #expect(
            configuration.timeServers == [
                .init(host: "time.example"), .init(host: "10.0.0.1", port: 1_123), .init(host: "::1", port: 123),
            ])
        #expect(configuration.hosts[0].access.become == .sudo)
    }

    @Test("Nothing at all is a configuration: every key has a default or is optional")
    func defaults() throws {
        let configuration = try ApplianceConfiguration(file: nil, environment: [:])
        #expect(configuration.pollInterval == .seconds(60) && configuration.keepDays == 90 && configuration.keepNewest == 200)
        #expect(configuration.policy.mode == .on && configuration.hosts.isEmpty && configuration.timeServers.count == 3)
    }

    @Test(
        "What is out of range, unknown or misspelt is refused by its code",
        arguments: [
            ("poll: {interval: 9s}", "value.range"), ("poll: {interval: 3601s}", "value.range"),
            ("pole: {interval: 60s}", "settings.unknown_key"),
            ("evidence: {keepNewest: 199}", "value.range"), ("evidence: {keepDays: 89}", "value.range"),
            ("window: {hours: 22-04}", "window.hours_malformed"),
            ("window: {hours: 22:00-04:00, timeZone: Mars/Base}", "window.zone_unknown"),
            ("window: {hours: 22:00-04:00, days: [funday]}", "window.day_unknown"), ("central: {url: http://central}", "value.url"),
            ("clock: {servers: [\"a:0\"]}", "value.form"), ("hosts: [{id: a, address: 10.0.0.5}]", "settings.missing"),
            ("hosts: [{id: a, address: -oProxyCommand, keyFile: /k}]", "host.bad_address"),
            ("hosts: [{id: a, address: local}, {id: a, address: local}]", "hosts.duplicate"), ("mode: [", "yaml.syntax"),
        ])
    func refuses(text: String, code: String) {
        #expect(codes(text).contains(code), "\(codes(text))")
    }

    @Test("An unknown variable of ours is refused, others are nobody's business")
    func refusesVariables() {
        #expect(codes("mode: direct", environment: ["MARTLET_POLE_INTERVAL": "60s"]) == ["settings.unknown_variable"])
        #expect(codes("mode: direct", environment: ["MARTLET_CONFIG": "/x", "HOME": "/root"]).isEmpty)
    }
}
