package import Catalog
package import Hosts
package import Model
import RootHands
import Synchronization

/// The machines of the site: how each is reached, what it is, and what it is held to.
package final class SiteHosts: Sendable {
    package struct Entry: Sendable {
        package let host: any Host
        package let baseline: String
    }

    package let entries: [HostID: Entry]
    /// As the newest look found them; a host that was never reached has none, and nothing is done to it.
    private let platforms = Mutex<[HostID: Set<String>]>([:])

    /// - Parameters:
    ///   - catalog: what `martlet-hands` has to hold too.
    ///   - isRoot: whether this process is; where it is not, this machine is reached through `martlet-hands` or hardly at all.
    package init(_ configuration: ApplianceConfiguration, catalog: ActiveCatalog, clock: WallClock, isRoot: Bool) throws {
        var entries: [HostID: Entry] = [:]
        for entry in configuration.hosts {
            let baseline = entry.baseline ?? configuration.baseline
            let host: any Host
            if case .local = entry.access.address, let socket = configuration.handsSocket {
                // Without a pack to show, the helper's own refusal stands, and its code is the verdict's.
                host = HandsHost(
                    id: entry.access.id, socket: socket, baseline: baseline,
                    catalog: .init(digest: { catalog.packDigest }, pack: { try? await catalog.signedPack() }))
            } else if case .local = entry.access.address, !isRoot, entry.access.become == .none {
                host = BareHost(id: entry.access.id, clock: clock)
            } else {
                host = try entry.access.host(stateDirectory: configuration.directory.connections)
            }
            entries[entry.access.id] = Entry(host: host, baseline: baseline)
        }
        self.entries = entries
    }

    package var ids: [HostID] { entries.keys.sorted() }

    package func platforms(of host: HostID) -> Set<String>? { platforms.withLock { $0[host] } }
    package func setPlatforms(_ names: Set<String>, of host: HostID) { platforms.withLock { $0[host] = names } }

    /// The values that a check is held to on this host.
    package func parameters(of check: CheckDefinition, on host: HostID, in catalog: CompiledCatalog) -> [String: TypedValue] {
        catalog.parameters(of: check, baseline: entries[host].flatMap { catalog.baselines[$0.baseline] })
    }

    package func documents(of host: HostID, in catalog: CompiledCatalog) -> [String: String] {
        entries[host].flatMap { catalog.baselines[$0.baseline]?.documents } ?? [:]
    }
}
