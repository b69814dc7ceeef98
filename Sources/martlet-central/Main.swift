import Central
import Foundation
import Logging
import Model
import ServiceLifecycle
import UnixSignals

/// `martlet-central`: configuration from the file that MARTLET_CONFIG names and from MARTLET_… variables.
@main struct Main {
    private static let usage = """
        usage: martlet-central [--config PATH]
               martlet-central --version
        Runs Central until SIGTERM. Without --config, MARTLET_CONFIG names its configuration file; MARTLET_ variables win over what stands there.
        Make its keys and database first: martlet central init
        """

    static func main() async {
        let words = Array(CommandLine.arguments.dropFirst())
        if words == ["--help"] || words == ["-h"] {
            print(usage)
            exit(0)
        }
        if words == ["--version"] {
            print("martlet-central \(softwareVersion)")
            exit(0)
        }
        let (path, faults): (String?, CentralFaults)
        do {
            (path, faults) = try Self.arguments(words)
        } catch {
            FileHandle.standardError.write(Data("martlet-central: \(error)\n\(usage)\n".utf8))
            exit(64)
        }
        let environment = ProcessInfo.processInfo.environment
        Self.raiseOpenFilesLimit()
        let logger = Logger(label: "martlet-central", factory: { StreamLogHandler.standardError(label: $0) })
        do {
            let configuration = try CentralConfiguration(file: path ?? environment["MARTLET_CONFIG"], environment: environment)
            let process = try await CentralProcess.build(configuration, clock: .system, faults: faults, logger: logger)
            let notification = SystemdNotification(address: environment["NOTIFY_SOCKET"])
            var stopping = ServiceGroupConfiguration(
                // Named by their type: the library would describe each with all that it holds, keys included.
                services: process.run.map { .init(service: $0, serviceName: "\(type(of: $0))") },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            // A connection that somebody keeps must not keep us: what was acknowledged is on disk, and the rest is sent again.
            stopping.maximumGracefulShutdownDuration = .seconds(10)
            let group = ServiceGroup(configuration: stopping)
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

    /// Each connection is an open file, and the soft limit of old is below `connections.max`. Where it cannot be raised, the kernel
    /// refuses connections earlier than we would.
    private static func raiseOpenFilesLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// In a debug build there is one more, for tests of what a sudden end leaves behind: `--crash-at STEP[:COUNT]`.
    private static func arguments(_ words: [String]) throws(UsageError) -> (path: String?, faults: CentralFaults) {
        var (path, faults, rest): (String?, CentralFaults?, ArraySlice<String>) = (nil, nil, words[...])
        while let word = rest.popFirst() {
            guard let value = rest.popFirst() else {
                throw UsageError(description: "there is no \"\(word)\" without a value; nothing was started.")
            }
            switch word {
            case "--config" where path == nil: path = value
            #if DEBUG
            case "--crash-at" where faults == nil && CentralFaults(killingAt: value) != nil: faults = CentralFaults(killingAt: value)
            #endif
            default: throw UsageError(description: "there is no \"\(word) \(value)\"; nothing was started.")
            }
        }
        return (path, faults ?? .none)
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
}
