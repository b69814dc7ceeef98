import Catalog
package import Database
import Detection
package import Evidence
package import Model

/// Says in evidence what has to be looked at on each host, whenever that changes, in the transaction that makes it so.
///
/// Without it nobody could tell a day on which nothing was wrong from one on which nobody looked.
package struct ExpectationRecorder: Sendable {
    private let database: any SQLDatabase
    private let journal: EvidenceJournal
    private let drafts: BundleDrafts
    private let hosts: SiteHosts

    package init(database: any SQLDatabase, journal: EvidenceJournal, drafts: BundleDrafts, hosts: SiteHosts) {
        self.database = database
        self.journal = journal
        self.drafts = drafts
        self.hosts = hosts
    }

    /// What has to be written for one host, decided before anything is.
    package struct Change: Sendable {
        let entry: ExpectationTable.Entry
        /// On which it was decided; a write that finds another one starts over.
        let previous: ExpectationTable.Entry?
        /// nil where only the catalog has another number.
        package let bundle: Bundle?
    }

    /// Another write came between; decide again.
    struct Overtaken: Error {}
    static let triesMax = 5

    /// What differs from what was last said.
    ///
    /// A host whose kind could not be asked yet keeps what was said under the same catalog, but for what was switched off or on since;
    /// under another one, and where nothing was said, every check is expected of it: a host that was never reached must not vanish from
    /// the figures.
    package func changes(_ loaded: ActiveCatalog.Loaded) async throws -> [Change] {
        let said = try await database.read { try ExpectationTable.all(in: $0) }
        let version = loaded.catalog.version
        var changes: [Change] = []
        for host in hosts.ids {
            let (before, platforms) = (said[host], hosts.platforms(of: host))
            var all: [ExpectedCheck]
            if platforms == nil, let before, before.catalog == version, !(before.expected + before.switchedOff).isEmpty {
                all = before.expected + before.switchedOff
            } else {
                let target = Detector.Target(host: host, platforms: platforms)
                all = Detector(checks: Array(loaded.catalog.checks.values)).checks(for: target).map {
                    ExpectedCheck(
                        check: $0.id, intervalSeconds: $0.interval.wholeSeconds, staleAfterSeconds: $0.staleAfter.wholeSeconds)
                }
            }
            all.sort { $0.check < $1.check }
            let entry = ExpectationTable.Entry(
                host: host, expected: all.filter { !loaded.isDisabled($0.check) }, switchedOff: all.filter { loaded.isDisabled($0.check) },
                catalog: version)
            if before != entry { changes.append(change(entry, before, loaded)) }
        }
        let watched = Set(hosts.ids)
        for before in said.values.sorted(by: { $0.host < $1.host }) where !watched.contains(before.host) && !before.expected.isEmpty {
            let entry = ExpectationTable.Entry(host: before.host, expected: [], switchedOff: [], catalog: version)
            changes.append(change(entry, before, loaded))
        }
        return changes
    }

    private func change(
        _ entry: ExpectationTable.Entry, _ before: ExpectationTable.Entry?, _ loaded: ActiveCatalog.Loaded
    ) -> Change {
        var bundle: Bundle?
        if (before?.expected ?? []) != entry.expected {
            let now = drafts.now
            // Under what comes into force with it, which others do not name before.
            var draft = drafts.bundle(.expectation, host: entry.host, from: now, to: now, outcome: .observed, stamp: loaded.stamp)
            draft.expected = entry.expected
            bundle = draft
        }
        return Change(entry: entry, previous: before, bundle: bundle)
    }

    static func put(_ changes: [Change], in transaction: any SQLTransaction) throws {
        guard !changes.isEmpty else { return }
        let said = try ExpectationTable.all(in: transaction)
        for change in changes {
            guard said[change.entry.host] == change.previous else { throw Overtaken() }
            try ExpectationTable.put(change.entry, in: transaction)
        }
    }

    /// Appends `bundles` and what became expected with `loaded`, all in one transaction.
    @discardableResult
    package func append(
        _ bundles: [Bundle] = [], _ loaded: ActiveCatalog.Loaded?,
        with accompaniment: @escaping @Sendable (any SQLTransaction) throws -> Void = { _ in }
    ) async throws -> [EvidenceJournal.Place] {
        for _ in 0..<Self.triesMax {
            var changes: [Change] = []
            if let loaded { changes = try await self.changes(loaded) }
            let decided = changes
            let all = bundles + changes.compactMap(\.bundle)
            do {
                guard !all.isEmpty else {
                    if !changes.isEmpty { try await database.write { try Self.put(decided, in: $0) } }
                    return []
                }
                return try await journal.append(all) { transaction, _ in
                    try Self.put(decided, in: transaction)
                    try accompaniment(transaction)
                }
            } catch is Overtaken {
                continue
            }
        }
        throw Overtaken()
    }
}
