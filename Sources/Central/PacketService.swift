import Anchors
import Catalog
import Compliance
import Database
import Evidence
import Logging
package import Model
import Objects
import Reports
package import Seal
import TransparencyLog
import Wire

/// Writes what is held about a site and a time into one archive that a stranger can check.
package struct PacketService: Sendable {
    private let services: CentralServices
    private let configuration: CentralConfiguration

    package init(_ services: CentralServices, _ configuration: CentralConfiguration) {
        self.services = services
        self.configuration = configuration
    }

    /// Which days; nil: from the first enrolment, or up to the newest evidence.
    package struct Days: Hashable, Sendable {
        /// How long after its end a period's evidence may come in: longer than any slot can be late.
        static let tail: Duration = .seconds(8 * 86_400)

        package let from: Timestamp?
        package let until: Timestamp?
        package static let all = Days(from: nil, until: nil)!

        /// nil unless both are midnights, in order, at most 366 days apart.
        package init?(from: Timestamp?, until: Timestamp?) {
            for day in [from, until] {
                guard let day else { continue }
                guard CoveragePeriod(from: day, until: day + .seconds(86_400), horizon: day) != nil else { return nil }
            }
            if let from, let until { guard CoveragePeriod(from: from, until: until, horizon: until) != nil else { return nil } }
            self.from = from
            self.until = until
        }
    }

    package struct Summary: Hashable, Sendable {
        package let site: Site
        package let bundles: Int
        package let from: Timestamp
        package let until: Timestamp
        package let manifestKey: KeyID
        /// Of the log, as a vkey.
        package let logKey: String
        /// SHA-256 of the file, for whoever receives it to compare.
        package let digest: Digest
    }

    /// The same evidence gives the same bytes. There is no file at `path` before the archive is whole. What is in it stands in a signed
    /// checkpoint of the log, made here if it is not there yet: the first one that covers all of it and has enough witnesses, or better one
    /// whose age others attest.
    ///
    /// - Throws: `CentralError` when the site is not known or nothing was received from it in that time, `KitWriteError`, `DatabaseError`,
    ///   `ObjectError`, `TileError`; `BundleError` when what is held is not what was received: the database was changed behind our back.
    package func write(
        _ site: SiteID, days: Days = .all, to path: String, for credential: OperatorCredential
    ) async throws -> Summary {
        let held = try await SiteEvidence(of: site, services: services, for: credential)
        // A silence that lasts is in the packet up to now.
        try await services.silences.turn(site: site, isWanted: true)
        let cut = min(days.until.map { $0 + Days.tail } ?? held.span.upperBound, held.span.upperBound)
        let begin = days.from ?? held.span.lowerBound
        guard begin <= cut else { throw CentralError.noEvidence }
        let places = try await services.evidence.places(of: site, in: held.scope, received: begin...cut)
        guard let newest = places.values.map(\.newest).max() else { throw CentralError.noEvidence }
        let statements = try await services.statements.list(of: site, in: held.scope).filter { statement in
            // That something is gone is said long after its time.
            statement.kind == .pruned || days.until.map { statement.made <= $0 + Days.tail } ?? true
        }
        var receipts: [SignedReceipt] = []
        let receiptKeys = [services.keys.receipts.verifyingKey]
        for entry in try await services.evidence.receipts(of: site, in: held.scope) {
            receipts.append(try SignedReceipt(opening: entry.envelope, keys: receiptKeys))
        }
        let leaves = KitLeaves(runs: places.mapValues(\.runs), statements: statements.map(\.logIndex))
        let (log, anchors) = try await log(leaves)
        let stated = statements.filter { $0.kind != .pruned }.map(\.made)
        let period = try period(days, held, newest: ([newest] + stated + [cosigned(log)].compactMap { $0 }).max()!)
        let prior = try await prior(held, places, receipts.map(\.receipt), period, begin: begin)
        let subject = KitSubject(
            site: site, organization: held.site.organization, organizationName: held.site.organizationName, period: period,
            keys: held.keys,
            receipts: receipts.map(\.receipt).enumerated().filter { places[$1.appliance]?.sequences.contains($1.lastSequence) ?? false }
                .map { receipts[$0.offset] },
            receiptKeys: receiptKeys, statements: statements.map { KitStatement(envelope: $0.envelope, logIndex: $0.logIndex) },
            controls: try await controls(at: period.horizon), prior: prior.entries, priorBundles: prior.bundles, log: log,
            anchors: anchors)
        let writer = try KitWriter(path: path, subject: subject, key: services.keys.kits)
        var count = 0
        try await held.forEach { item in
            let record = item.bundle.record
            guard places[record.origin.appliance]?.sequences.contains(record.link.sequence) ?? false else { return }
            try writer.add(item.bundle)
            count += 1
        }
        let digest = try writer.finish(seen: try await seen(writer.seen, leaves, in: log))
        return Summary(
            site: held.site, bundles: count, from: period.from, until: period.until, manifestKey: services.keys.kits.id,
            logKey: subject.log.key.text, digest: digest)
    }

    /// What ties the checkpoints that the boxes were shown to the one of the kit; nil where there is nothing to tie.
    private func seen(_ sizes: Set<Int64>, _ leaves: KitLeaves, in log: KitLog) async throws -> KitSeen? {
        let checkpoint = try Checkpoint(text: log.checkpoint.text)
        let own = leaves.indices
        let places = KitSeen.places(sizes, besides: own, size: checkpoint.size)
        guard !places.isEmpty else { return nil }
        let reader = services.log(services.logRepair(Logger(label: "packet", factory: { _ in SwiftLogNoOpLogHandler() })))
        let found = try await reader.seen(places, besides: own, in: checkpoint)
        return KitSeen(leaves: found.leaves, nodes: found.nodes)
    }

    /// A kit is judged up to when its checkpoint was cosigned, less an hour for what was on its way then: an earlier horizon would leave
    /// out what was missing by that time, and verifiers do not count a cosignature that is later.
    private func cosigned(_ log: KitLog) throws -> Timestamp? {
        let trust = LogTrust(logKeys: [log.key], witnesses: log.witnesses)
        let checkpoint = try VerifiedCheckpoint(log.checkpoint, trust: trust)
        let now = services.clock.now()
        // A witness whose clock is ahead moves nothing.
        return checkpoint.cosignatures.compactMap(\.seconds).filter { $0 <= now.milliseconds / 1_000 }.max()
            .map { Timestamp(milliseconds: $0 * 1_000) - .seconds(3_600) }
    }

    /// - Parameter newest: of the evidence and statements.
    private func period(_ days: Days, _ held: SiteEvidence, newest: Timestamp) throws -> CoveragePeriod {
        let day: Int64 = 86_400_000
        var horizon = newest
        if let until = days.until, until <= services.clock.now() { horizon = max(horizon, until) }
        let until = days.until ?? Timestamp(milliseconds: (horizon.milliseconds / day + 1) * day)
        let enrolled = held.keys.values.joined().map(\.validFrom).min() ?? held.span.lowerBound
        let earliest = until.milliseconds - Int64(CoveragePeriod.daysMax) * day
        let first = min(enrolled, held.span.lowerBound).milliseconds / day * day
        let from = days.from ?? Timestamp(milliseconds: max(min(first, until.milliseconds - day), earliest))
        guard let period = CoveragePeriod(from: from, until: until, horizon: horizon) else {
            throw CentralError.value("a packet is of at most \(CoveragePeriod.daysMax) days, and its end comes after its begin")
        }
        return period
    }

    /// What the bundles that are left out at the start expected, and those that were pruned, so that the others are judged by it; and of an
    /// appliance that sent nothing in the time what it had expected before, so that its silence is seen.
    private func prior(
        _ held: SiteEvidence, _ places: [ApplianceID: EvidencePlaces], _ receipts: [Receipt], _ period: CoveragePeriod, begin: Timestamp
    ) async throws -> (entries: [ExpectationLedger.Entry], bundles: [VerifiedBundle]) {
        let isSilent = begin > held.span.lowerBound && held.keys.keys.contains { places[$0] == nil }
        guard isSilent || places.values.contains(where: { $0.isCut }) else { return ([], []) }
        let site = held.site.id
        let pruned = try await services.database.read { transaction in
            let spans = try PrunedTable.spans(of: site, in: transaction).filter { places[$0.appliance] != nil }
            return try PrunedTable.prior(spans, of: site, in: transaction)
        }
        var builder = CoverageBuilder(site: site, period: period, prior: pruned)
        var bundles: [VerifiedBundle] = []
        var times: (appliance: ApplianceID, times: ReceiptTimes)?
        try await held.forEach { item in
            let (appliance, sequence) = (item.bundle.record.origin.appliance, item.bundle.record.link.sequence)
            guard places[appliance].map({ sequence < $0.sequences.lowerBound }) ?? (item.received < begin) else { return }
            if item.bundle.record.kind == .expectation { bundles.append(item.bundle) }
            if times?.appliance != appliance { times = (appliance, ReceiptTimes(receipts.filter { $0.appliance == appliance })) }
            let received = times?.times.received(sequence) ?? item.received
            try builder.add(ChainEntry(item.bundle, received: received))
        }
        return (builder.finish().ledger.entries, bundles)
    }

    /// Of the catalog that was the newest at that time.
    private func controls(at instant: Timestamp) async throws -> [CheckID: [ControlCitation]] {
        guard let version = try await services.catalogs.version(at: instant) else { return [:] }
        let pack = try await services.catalogs.pack(version)
        let catalog = try CatalogPack.open(pack, keys: [services.keys.catalog], schema: nil)
        return catalog.checks.mapValues(\.controls)
    }

    /// A checkpoint that covers all of these places, the proof below it, and who attests its age, by the names of their files.
    private func log(_ leaves: KitLeaves) async throws -> (log: KitLog, anchors: [String: [UInt8]]) {
        let signer = try await services.logSigner(configuration)
        let logger = Logger(label: "packet", factory: { _ in SwiftLogNoOpLogHandler() })
        let repair = services.logRepair(logger)
        let reader = services.log(repair)
        let indices = leaves.indices
        let size = (indices.last ?? -1) + 1
        if try await reader.first(covering: size) == nil {
            let integrator = LogIntegrator(
                database: services.database, objects: services.logObjects, repair: repair, signer: signer, clock: services.clock,
                faults: .none, logger: logger)
            while try await integrator.integrate() {}
        }
        let aged = try await services.anchors.list().filter { $0.anchor.target.treeSize >= size }
        let policy = configuration.witnessPolicy
        var note: SignedNote?
        let limit = services.clock.now() + Receipt.mergeDelay + Receipt.mergeDelay
        while true {
            note = try await reader.witnessed(as: policy, covering: size, anchored: aged.map(\.anchor.target.treeSize))
            // Witnesses are brought a new checkpoint within a second or two. If they do not answer, the kit says that they are missing.
            guard note == nil, policy.quorum > 0, services.clock.now() < limit else { break }
            try await services.clock.sleep(.milliseconds(250))
        }
        if note == nil { note = try await reader.first(covering: size) }
        guard let note else { throw CentralError.notFound("checkpoint of the log") }
        let checkpoint = try Checkpoint(text: note.text)
        let log = KitLog(
            checkpoint: note, key: signer.verifier, witnesses: policy.witnesses, quorum: policy.quorum, leaves: leaves,
            nodes: try await reader.nodes(for: indices, in: checkpoint))
        let anchors = aged.filter { $0.anchor.target.treeSize == checkpoint.size }.map {
            ("checkpoint.\($0.anchor.kind.rawValue)", $0.anchor.proof)
        }
        return (log, Dictionary(uniqueKeysWithValues: anchors))
    }
}
