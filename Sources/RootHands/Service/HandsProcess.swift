import Glibc
package import Healing
package import Model
import Seal

/// `martlet-hands`, put together: the same for `main` and for tests.
package struct HandsProcess: Sendable {
    private let listener: HandsListener

    /// Refuses (throws) where going on would be wrong: a key file that others can write, no such user, a socket that is in use.
    ///
    /// - Parameter environment: only systemd's socket activation is read.
    package static func build(
        _ configuration: HandsConfiguration, environment: [String: String], verbs: VerbRegistry = VerbRegistry(),
        clock: WallClock = .system, log: @escaping @Sendable (String) -> Void
    ) throws -> HandsProcess {
        let peer = try configuration.peer()
        let keys = try configuration.catalogKeys()
        if mkdir(configuration.stateDirectory, 0o700) != 0, errno != EEXIST {
            throw HandsStartError.file(configuration.stateDirectory, String(cString: strerror(errno)))
        }
        let service = HandsService(
            configuration, keeper: CatalogKeeper(keys: keys, path: configuration.stateDirectory + "/catalog.json"),
            seal: try CaptureSeal(loadOrCreateAt: configuration.stateDirectory + "/capture.key"), verbs: verbs, clock: clock, log: log)
        let descriptor =
            if let passed = try HandsSocket.passed(environment) { passed } else {
                try HandsSocket.bind(configuration.socket, group: peer.group)
            }
        return HandsProcess(listener: HandsListener(descriptor: descriptor, users: [0, peer.user], service: service, log: log))
    }

    /// Answers for ever. Blocks the thread it is called on.
    package func run() { listener.run() }

    /// Ends `run`; what is at work comes to its end.
    package func stop() { listener.stop() }
}
