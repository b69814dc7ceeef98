import Central
import Foundation
import Logging
import Model
import ServiceLifecycle
import UnixSignals

/// `martlet-central`: configuration from the file that MARTLET_CONFIG names and from MARTLET_… variables.
@main struct Main {
    private static let usage = """
        usage: martlet-central [--version]
        Runs Central until SIGTERM. MARTLET_CONFIG names its configuration file, and MARTLET_ variables win over it.
        Make its keys and database first: martlet central init
        """

    static func main() async {
        let words = CommandLine.arguments.dropFirst()
        if words == ["--help"] || words == ["-h"] {
            print(usage)
            exit(0)
        }
        if words == ["--version"] {
            print("martlet-central \(softwareVersion)")
            exit(0)
        }
        let faults: CentralFaults
        do {
            faults = try Self.faults(Array(words))
        } catch {
            FileHandle.standardError.write(Data("martlet-central: \(error)\n\(usage)\n".utf8))
            exit(64)
        }
        let environment = ProcessInfo.processInfo.environment
        let logger = Logger(label: "martlet-central", factory: { StreamLogHandler.standardError(label: $0) })
        do {
            let configuration = try CentralConfiguration(file: environment["MARTLET_CONFIG"], environment: environment)
            let process = try await CentralProcess.build(configuration, clock: .system, faults: faults, logger: logger)
            let notification = SystemdNotification(address: environment["NOTIFY_SOCKET"])
            let group = ServiceGroup(
                configuration: .init(services: process.run, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
            // Beside the group: where a listener cannot bind, nobody will ever be ready, and the group ends with the reason.
            let announcing = Task {
                let ports = await process.ports()
                logger.notice("central.ready", metadata: ["web": "\(ports.web)", "appliances": "\(ports.appliances)"])
                notification.ready()
            }
            try await group.run()
            announcing.cancel()
            notification.stopping()
        } catch {
            FileHandle.standardError.write(Data("martlet-central: \(CentralFailure.sentence(for: error))\n".utf8))
            exit(1)
        }
    }

    /// To run it takes no arguments, but in a debug build one for tests of what a sudden end leaves behind: `--crash-at STEP[:COUNT]`.
    private static func faults(_ words: [String]) throws(UsageError) -> CentralFaults {
        if words.isEmpty { return .none }
        #if DEBUG
        if words.count == 2, words[0] == "--crash-at", let faults = CentralFaults(killingAt: words[1]) { return faults }
        #endif
        throw UsageError(description: "there is no \"\(words.joined(separator: " "))\"; nothing was started.")
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
}
