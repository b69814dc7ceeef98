import Glibc
import Hosts
import Model
import Testing

/// The lab's hosts: real Debian systems with their own systemd and network, started by `scripts/lab/hosts`.
struct PracticeHosts: Sendable {
    let instance: Int
    let settings: [String: String]
    private let stateDirectory: String

    /// Why this machine cannot run them; nil if it can.
    static func obstacle(instance: Int) async -> String? {
        let result = try? await script(["possible"], instance: instance)
        guard let result, !result.succeeded else { return nil }
        return String(decoding: result.errorOutput, as: UTF8.self)
    }

    static func start(_ count: Int, instance: Int) async throws -> PracticeHosts {
        let result = try await script(["start", "\(count)"], instance: instance)
        try #require(result.succeeded, "\(String(decoding: result.errorOutput, as: UTF8.self))")
        return PracticeHosts(instance: instance, text: result.text)
    }

    static func settings(instance: Int) async throws -> PracticeHosts {
        PracticeHosts(instance: instance, text: try await script(["status"], instance: instance).text)
    }

    private init(instance: Int, text: String) {
        self.instance = instance
        let pairs = text.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }.filter { $0.count == 2 }
        settings = Dictionary(pairs.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        stateDirectory = "/tmp/mlt-lab-\(instance)-\(getpid())"
    }

    func host(_ number: Int) throws -> SSHHost {
        let address = try #require(settings["HOST\(number)"])
        let known = try TextFile.read(try #require(settings["SSH_KNOWN_HOSTS"]))
        let line = try #require(known.split(separator: "\n").last { $0.hasPrefix("\(address) ") })
        let id = try #require(HostID("practice-\(number)"))
        return try SSHHost(
            id: id,
            address: SSHAddress(
                host: address, keyFile: try #require(settings["SSH_KEY"]), hostKey: String(line.dropFirst(address.utf8.count + 1))),
            stateDirectory: stateDirectory)
    }

    @discardableResult func lab(_ arguments: String...) async throws -> CommandResult {
        try await Self.script(arguments, instance: instance)
    }

    func stop() async { _ = try? await Self.script(["stop"], instance: instance) }

    private static func script(_ arguments: [String], instance: Int) async throws -> CommandResult {
        try await LocalHost(id: "here").run(
            HostCommand(
                ["env", "LAB_INSTANCE=\(instance)", "\(ShippedCatalog.repository)/scripts/lab/hosts"] + arguments,
                deadline: .seconds(600)))
    }
}
