import Catalog
import Foundation
import Hosts
import Model

/// The machines of a practice. Real ones, booted by systemd-nspawn in network namespaces of their own; where
/// this machine refuses that, one plain sshd on loopback, which can show less.
struct PracticeHosts {
    struct Member {
        let id: HostID
        let address: SSHAddress
        let become: HostAccess.Become
        let host: SSHHost
    }

    let members: [Member]
    /// Real machines, on which everything can be broken and repaired.
    let areMachines: Bool
    /// Only where there are no machines.
    var loopbackServer: DemoProcess?

    subscript(_ id: HostID) -> Member { members.first { $0.id == id }! }

    /// Runs a command as root on the host, over SSH.
    func run(_ id: HostID, _ arguments: [String], input: String = "") async throws {
        let result = try await self[id].host.run(HostCommand(arguments, input: Array(input.utf8), deadline: .seconds(60)))
        guard result.succeeded else {
            throw DemoFailure("\(id): \(arguments.joined(separator: " ")): \(String(decoding: result.errorOutput, as: UTF8.self))")
        }
    }

    // MARK: Machines

    static let names: [HostID] = ["front-desk", "records"]

    /// nil where this machine cannot boot hosts, with the reason.
    static func whyImpossible(repository: String) async -> String? {
        let here = LocalHost(id: "here")
        guard let result = try? await here.run(HostCommand([repository + "/scripts/lab/hosts", "possible"], deadline: .seconds(600))) else {
            return "scripts/lab/hosts did not answer"
        }
        guard !result.succeeded else { return nil }
        return String(decoding: result.errorOutput, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? "refused"
    }

    /// Boots fresh hosts and brings them to the baseline.
    /// - Parameter instance: keeps this demo's hosts apart from those of tests.
    static func boot(
        _ names: [HostID] = PracticeHosts.names, repository: String, instance: Int, firewall: String, state: String
    ) async throws -> PracticeHosts {
        let here = LocalHost(id: "here")
        let script = ["/usr/bin/env", "LAB_INSTANCE=\(instance)", repository + "/scripts/lab/hosts"]
        _ = try await here.run(HostCommand(script + ["stop"], deadline: .seconds(60)))
        let started = try await here.run(HostCommand(script + ["start", "\(names.count)"], deadline: .seconds(1_200)))
        guard started.succeeded else { throw DemoFailure(String(decoding: started.errorOutput, as: UTF8.self)) }
        var settings: [String: String] = [:]
        for line in started.text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            if parts.count == 2 { settings[parts[0]] = parts[1] }
        }
        guard let key = settings["SSH_KEY"], let known = settings["SSH_KNOWN_HOSTS"] else {
            throw DemoFailure("scripts/lab/hosts named no key")
        }
        let knownHosts = try String(contentsOfFile: known, encoding: .utf8)
        let provision = try String(contentsOfFile: repository + "/Deploy/demo/provision.sh", encoding: .utf8)

        var members: [Member] = []
        for (number, name) in names.enumerated() {
            guard let address = settings["HOST\(number + 1)"],
                let hostKey = knownHosts.split(separator: "\n").first(where: { $0.hasPrefix(address + " ") })?.dropFirst(address.count + 1)
            else { throw DemoFailure("scripts/lab/hosts named no host \(number + 1)") }
            let asRoot = try SSHHost(
                id: name, address: SSHAddress(host: address, keyFile: key, hostKey: String(hostKey)), stateDirectory: state)
            for (command, input) in [
                (["tee", "/etc/nftables.conf"], "#!/usr/sbin/nft -f\nflush ruleset\n" + firewall), (["sh", "-s"], provision),
            ] {
                let result = try await asRoot.run(HostCommand(command, input: Array(input.utf8), deadline: .seconds(60)))
                guard result.succeeded else { throw DemoFailure("\(name): \(String(decoding: result.errorOutput, as: UTF8.self))") }
            }
            await asRoot.disconnect()
            let login = try SSHAddress(host: address, user: "martlet", keyFile: key, hostKey: String(hostKey))
            members.append(
                Member(
                    id: name, address: login, become: .sudo,
                    host: try SSHHost(id: name, address: login, become: .sudo, stateDirectory: state)))
        }
        return PracticeHosts(members: members, areMachines: true)
    }

    static func shutDown(repository: String, instance: Int) async {
        let here = LocalHost(id: "here")
        _ = try? await here.run(
            HostCommand(["/usr/bin/env", "LAB_INSTANCE=\(instance)", repository + "/scripts/lab/hosts", "stop"], deadline: .seconds(60)))
    }

    // MARK: One sshd on loopback

    /// This machine behind an sshd of our own. Nothing of the machine may be changed by a demo, so only the
    /// mode of a file that the demo made is broken and repaired; the catalog that is published has no other rule.
    static func loopback(directory: String) async throws -> PracticeHosts {
        let home = directory + "/loopback"
        try FileManager.default.createDirectory(atPath: home, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard getuid() == 0 else { throw DemoFailure("the demo looks at accounts, modes and firewalls: run it as root") }
        // Where sshd gives up its rights; the package's own service would make it.
        try FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
        let here = LocalHost(id: "here")
        for (name, comment) in [("key", "demo"), ("host_key", "loopback")] {
            let made = try await here.run(
                HostCommand(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", "\(home)/\(name)"]))
            guard made.succeeded else { throw DemoFailure("ssh-keygen: \(String(decoding: made.errorOutput, as: UTF8.self))") }
        }
        let port = try DemoProcess.freePort()
        let settings = """
            ListenAddress 127.0.0.1:\(port)
            HostKey \(home)/host_key
            AuthorizedKeysFile \(home)/key.pub
            PidFile none
            PasswordAuthentication no
            StrictModes no
            UsePAM no

            """
        try settings.write(toFile: home + "/sshd_config", atomically: true, encoding: .utf8)
        let records = home + "/records.txt"
        guard FileManager.default.createFile(atPath: records, contents: Data("appointments\n".utf8), attributes: [.posixPermissions: 0o600])
        else { throw DemoFailure("cannot write \(records)") }
        let server = DemoProcess("/usr/sbin/sshd", ["-D", "-e", "-f", home + "/sshd_config"], environment: [:], log: home + "/sshd.log")
        try server.start()
        let address = try SSHAddress(
            host: "127.0.0.1", port: UInt16(port), user: NSUserName(), keyFile: home + "/key",
            hostKey: String(contentsOfFile: home + "/host_key.pub", encoding: .utf8).trimmingCharacters(in: .newlines))
        let host = try SSHHost(id: "front-desk", address: address, stateDirectory: directory + "/ssh")
        try await eventually("sshd on loopback", within: .seconds(10)) {
            (try? await host.run(HostCommand(["true"])))?.succeeded == true
        }
        return PracticeHosts(
            members: [Member(id: "front-desk", address: address, become: .none, host: host)], areMachines: false, loopbackServer: server)
    }
}

extension CompiledCatalog {
    /// The practice names the account by which the appliance comes, as one that needs no password for sudo.
    func naming(_ account: String) -> CompiledCatalog {
        guard let baseline = baselines["default"] else { return self }
        var parameters = baseline.parameters
        parameters["linux.accounts.privileged", default: [:]]["nopasswdAllowed"] = .strings([account])
        var baselines = baselines
        baselines["default"] = BaselineDefinition(
            id: baseline.id, title: baseline.title, parameters: parameters, documents: baseline.documents)
        return CompiledCatalog(
            version: version, digest: digest, checks: checks, rules: rules, runbooks: runbooks, runbookDigests: runbookDigests,
            baselines: baselines)
    }

    /// Looks at everything, repairs nothing but the mode of `file`.
    func repairingOnly(_ file: String) -> CompiledCatalog {
        let check: CheckID = "linux.files.permissions"
        var baselines = baselines
        if let baseline = baselines["default"] {
            var parameters = baseline.parameters
            parameters[check, default: [:]]["files"] = .strings(["\(file) 0600 \(NSUserName()) \(NSUserName())"])
            baselines["default"] = BaselineDefinition(
                id: baseline.id, title: baseline.title, parameters: parameters, documents: baseline.documents)
        }
        var checks = checks
        if let whole = checks[check] {
            checks[check] = CheckDefinition(
                id: whole.id, title: whole.title, probe: whole.probe, platforms: whole.platforms, severity: whole.severity,
                interval: whole.interval, staleAfter: whole.staleAfter, phiRisk: whole.phiRisk, parameters: whole.parameters,
                notApplicable: whole.notApplicable, drift: whole.drift.filter { $0.code == "files.wrong_permissions" },
                requires: whole.requires, controls: whole.controls)
        }
        return CompiledCatalog(
            version: version, digest: digest, checks: checks,
            rules: rules.filter { $0.check == check && $0.codes == ["files.wrong_permissions"] }, runbooks: runbooks,
            runbookDigests: runbookDigests, baselines: baselines)
    }
}
