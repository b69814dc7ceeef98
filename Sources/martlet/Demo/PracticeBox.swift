import Foundation
import Hosts
import Model
import Wire

/// The practice's appliance: its configuration, its enrolment, its process.
struct PracticeBox {
    struct Settings {
        /// `HH:MM-HH:MM`, in UTC.
        var window: String
        /// Looked at, and touched by nobody.
        var clinical: Set<HostID> = []
        /// Further lines of the configuration.
        var more = ""
    }

    let directory: String
    let binaries: String
    let process: DemoProcess

    init(directory: String, binaries: String) {
        self.directory = directory
        self.binaries = binaries
        process = DemoProcess(
            binaries + "/martlet-appliance", ["run"], environment: ["MARTLET_CONFIG": directory + "/appliance.yaml"],
            log: directory + "/appliance.log")
    }

    /// A window that is not now.
    static func closedWindow(at now: Timestamp) -> String {
        let hour = (Int(now.milliseconds / 3_600_000) + 6) % 24
        return String(format: "%02d:00-%02d:00", hour, (hour + 2) % 24)
    }

    /// Takes effect with the next start.
    func configure(_ settings: Settings, _ members: [PracticeHosts.Member]) throws {
        var text = """
            stateDirectory: "\(directory)/appliance"
            mode: reseller
            reseller: demo-msp
            poll: {interval: 10s}
            window: {hours: "\(settings.window)", timeZone: UTC}
            clock: {servers: []}
            \(settings.more)
            hosts:

            """
        for member in members {
            text += """
                  - id: \(member.id)
                    address: \(member.address.host)
                    port: \(member.address.port)
                    user: \(member.address.user)
                    keyFile: "\(member.address.keyFile)"
                    hostKey: "\(member.address.hostKey ?? "")"
                    become: \(member.become.rawValue)
                    clinical: \(settings.clinical.contains(member.id))

                """
        }
        let file = directory + "/appliance.yaml"
        guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]) else {
            throw DemoFailure("cannot write \(file)")
        }
    }

    func enrol(at url: String, with code: ClaimCode) async throws {
        let enrolled = try await LocalHost(id: "here").run(
            HostCommand(
                [
                    "/usr/bin/env", "MARTLET_CONFIG=\(directory)/appliance.yaml", binaries + "/martlet-appliance", "enroll", "--central",
                    url, "--code", code.text,
                ], deadline: .seconds(30)))
        guard enrolled.succeeded else { throw DemoFailure("enrolment: " + String(decoding: enrolled.errorOutput, as: UTF8.self)) }
    }
}
