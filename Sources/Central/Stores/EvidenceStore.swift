import Database
package import Evidence
package import Model
import Seal
package import TransparencyLog
import Wire

/// The evidence of every appliance. Rows are added and never removed; after its term what a row says is pruned (`EvidenceRetention`),
/// and its digest, link and place in the log stay.
package struct EvidenceStore: Sendable {
    private let database: any SQLDatabase

    init(_ database: any SQLDatabase) { self.database = database }

    /// Where an appliance's chain stands.
    struct Head: Sendable {
        let sequence: Int64
        let digest: Digest
    }

    /// What one submission came to.
    struct Appended: Sendable {
        /// Of the chain as it is held now; nil when it is empty.
        var head: Head?
        /// Accepted, also those that were there already; nil when none.
        var accepted: ClosedRange<Int64>?
        /// Of the bundle at `accepted.upperBound`.
        var acceptedHead: Digest?
        var added = 0
        /// Where `accepted` stands in the log.
        var logged: [LogRun] = []
        /// The first that was not taken; nothing after it was looked at.
        var refusal: (bundle: VerifiedBundle, fault: ChainFault)?
    }

    static func head(of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> Head? {
        let rows = try transaction.query(
            """
            SELECT sequence, digest FROM evidence WHERE appliance_id = \(appliance.description) ORDER BY sequence DESC LIMIT 1
            """)
        return try rows.first.map { Head(sequence: try $0.integer(0), digest: try $0.digest(1)) }
    }

    /// Appends what continues the chain, in order, up to the first that does not.
    ///
    /// An identical duplicate is accepted again and changes nothing; a different one, a gap and a fork are refused.
    /// - Parameter bundles: of this appliance and its site, which the caller has compared.
    static func append(
        _ bundles: [VerifiedBundle], of credential: ApplianceCredential, at now: Timestamp, in transaction: any SQLTransaction
    ) throws -> Appended {
        let held = try head(of: credential.appliance, in: transaction)
        var result = Appended(head: held)
        var rows: [[SQLValue]] = []
        var entries: [LogEntry] = []
        for bundle in bundles {
            let number = bundle.record.link.sequence
            if let last = result.accepted?.upperBound, number != last + 1 {
                result.refusal = (bundle, number <= last ? .reordered : .gap(from: last + 1, through: number - 1))
                break
            }
            if number <= held?.sequence ?? -1 {
                guard try digest(of: number, credential.appliance, in: transaction) == bundle.digest else {
                    result.refusal = (bundle, .fork)
                    break
                }
            } else {
                let next = (result.head?.sequence ?? -1) + 1
                guard number == next else {
                    result.refusal = (bundle, .gap(from: next, through: number - 1))
                    break
                }
                guard bundle.record.link.previous == result.head?.digest ?? .genesis else {
                    result.refusal = (bundle, .wrongPrevious)
                    break
                }
                result.head = Head(sequence: number, digest: bundle.digest)
                entries.append(LogEntry(document: bundle.digest, signerDigest: credential.signer(bundle.key)))
                rows.append([
                    .text(credential.appliance.description), .integer(number), .text(credential.site.description),
                    .text(credential.organization.description), .text(bundle.record.id.description), .blob(bundle.digest.bytes),
                    .blob(bundle.record.link.previous.bytes), .blob(bundle.signed.bytes), .blob(bundle.signed.signature),
                    .integer(now.milliseconds),
                ])
            }
            result.accepted = (result.accepted?.lowerBound ?? number)...number
            result.acceptedHead = bundle.digest
        }
        if !rows.isEmpty {
            let first = try LogSequence.append(entries, in: transaction)
            for index in rows.indices { rows[index].append(.integer(first + Int64(index))) }
        }
        try transaction.insert(
            into: "evidence",
            columns:
                "appliance_id, sequence, site_id, organization_id, bundle_id, digest, previous, bytes, signature, received_at, log_index",
            rows: rows)
        result.added = rows.count
        if let accepted = result.accepted {
            result.logged = try logged(accepted, of: credential.appliance, in: transaction)
            let hosts = Set(bundles.filter { accepted.contains($0.record.link.sequence) }.compactMap(\.host))
            try note(hosts, of: credential.appliance, at: now, in: transaction)
        }
        return result
    }

    /// Where these bundles stand in the log, in as few runs as there are.
    static func logged(
        _ sequences: ClosedRange<Int64>, of appliance: ApplianceID, in transaction: any SQLTransaction
    ) throws -> [LogRun] {
        var runs: [LogRun] = []
        let rows = try transaction.query(
            """
            SELECT sequence, log_index FROM evidence
            WHERE appliance_id = \(appliance.description) AND sequence >= \(sequences.lowerBound) AND sequence <= \(sequences.upperBound)
            ORDER BY sequence
            """)
        for row in rows {
            let (sequence, index) = (try row.integer(0), try row.integer(1))
            if let last = runs.last, last.sequence + last.count == sequence, last.index + last.count == index {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(LogRun(sequence: sequence, index: index, count: 1))
            }
        }
        return runs
    }

    /// The hosts that an appliance looks at, as its evidence names them.
    private static func note(_ hosts: Set<HostID>, of appliance: ApplianceID, at now: Timestamp, in transaction: any SQLTransaction) throws
    {
        for host in hosts.sorted(by: { $0.description < $1.description }) {
            try transaction.execute(
                """
                INSERT INTO appliance_host (appliance_id, host, last_seen_at)
                VALUES (\(appliance.description), \(host.description), \(now.milliseconds))
                ON CONFLICT (appliance_id, host) DO UPDATE SET last_seen_at = excluded.last_seen_at
                """)
        }
    }

    /// Hosts of which evidence has come; empty where Central cannot know them.
    package func hosts(of appliance: ApplianceID, in scope: TenantScope) async throws -> [HostID] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance_host.host FROM appliance_host JOIN appliance ON appliance.id = appliance_host.appliance_id
                WHERE appliance.id = \(appliance.description) AND appliance.organization_id = \(scope.organization.description)
                ORDER BY appliance_host.host
                """
            ).map { try $0.parsed(0) }
        }
    }

    static func keep(
        _ receipt: String, _ accepted: ClosedRange<Int64>, of appliance: ApplianceID, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO receipt (appliance_id, first_sequence, last_sequence, envelope, received_at)
            VALUES (\(appliance.description), \(accepted.lowerBound), \(accepted.upperBound), \(receipt), \(now.milliseconds))
            """)
    }

    private static func digest(of sequence: Int64, _ appliance: ApplianceID, in transaction: any SQLTransaction) throws -> Digest? {
        try transaction.query(
            "SELECT digest FROM evidence WHERE appliance_id = \(appliance.description) AND sequence = \(sequence)"
        ).first?.digest(0)
    }

    /// One bundle of whatever site, with where it stands in the log; nil where it was never received.
    ///
    /// - Parameter named: by its id every row is read, by its place in a chain only one.
    package func find(_ named: BundleName, for credential: OperatorCredential) async throws -> FoundBundle? {
        try await database.read { transaction in
            let columns: StaticString = """
                SELECT evidence.appliance_id, evidence.sequence, evidence.digest, evidence.log_index, appliance.evidence_key
                FROM evidence JOIN appliance ON appliance.id = evidence.appliance_id
                """
            let rows =
                switch named {
                case .id(let id): try transaction.query("\(raw: columns) WHERE evidence.bundle_id = \(id.description)")
                case .place(let appliance, let sequence):
                    try transaction.query(
                        """
                        \(raw: columns) WHERE evidence.appliance_id = \(appliance.description) AND evidence.sequence = \(sequence)
                        """)
                }
            return try rows.first.map { row in
                guard let key = VerifyingKey(bytes: try row.blob(4)) else { throw DatabaseError.corrupt("an evidence key is no key") }
                return FoundBundle(
                    appliance: try row.parsed(0), sequence: try row.integer(1), logIndex: try row.integer(3),
                    entry: LogEntry(document: try row.digest(2), signer: key))
            }
        }
    }

    package struct FoundBundle: Hashable, Sendable {
        package let appliance: ApplianceID
        package let sequence: Int64
        package let logIndex: Int64
        /// What the log has of it.
        package let entry: LogEntry
    }

    /// One page of a site's evidence, in the order of appliance and sequence, without what was pruned.
    package func page(
        of site: SiteID, in scope: TenantScope, after: (appliance: String, sequence: Int64) = ("", -1), limit: Int
    ) async throws -> [StoredBundle] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance_id, sequence, bytes, signature, received_at, log_index FROM evidence
                WHERE site_id = \(site.description) AND organization_id = \(scope.organization.description)
                    AND (appliance_id, sequence) > (\(after.appliance), \(after.sequence)) AND pruned_at IS NULL
                ORDER BY appliance_id, sequence LIMIT \(limit)
                """
            ).map { row in
                StoredBundle(
                    appliance: try row.parsed(0), sequence: try row.integer(1),
                    bundle: SignedBundle(bytes: try row.blob(2), signature: try row.blob(3)), received: try row.instant(4),
                    logIndex: try row.integer(5))
            }
        }
    }

    /// Where a site's bundles of a time stand in the log, for each appliance that sent some then.
    ///
    /// Each chain is cut at both ends only, whatever Central's clock did: from its first bundle received then up to the one before the
    /// first that was received later.
    func places(
        of site: SiteID, in scope: TenantScope, received: ClosedRange<Timestamp>
    ) async throws -> [ApplianceID: EvidencePlaces] {
        var places: [ApplianceID: EvidencePlaces] = [:]
        var ended: ApplianceID?
        var after: (appliance: String, sequence: Int64) = ("", -1)
        let limit = 10_000
        while true {
            let (from, start) = after
            let rows = try await database.read { transaction in
                try transaction.query(
                    """
                    SELECT appliance_id, sequence, received_at, log_index FROM evidence
                    WHERE site_id = \(site.description) AND organization_id = \(scope.organization.description)
                        AND (appliance_id, sequence) > (\(from), \(start)) AND pruned_at IS NULL
                    ORDER BY appliance_id, sequence LIMIT \(limit)
                    """
                ).map { row -> (ApplianceID, Int64, Timestamp, Int64) in
                    (try row.parsed(0), try row.integer(1), try row.instant(2), try row.integer(3))
                }
            }
            for (appliance, sequence, instant, index) in rows where ended != appliance {
                if instant > received.upperBound {
                    ended = appliance
                } else if instant >= received.lowerBound || places[appliance] != nil {
                    places[appliance, default: EvidencePlaces(sequence)].add(sequence, index, instant)
                }
            }
            guard let last = rows.last, rows.count == limit else { return places }
            after = (last.0.description, last.1)
        }
    }

    /// Bundles of a site that are gone because their term was over.
    package struct Pruned: Hashable, Sendable {
        package let appliance: ApplianceID
        package let sequences: ClosedRange<Int64>
    }

    /// What was pruned of a site: each chain's beginning.
    package func pruned(of site: SiteID, in scope: TenantScope) async throws -> [Pruned] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT appliance_id, MIN(sequence), MAX(sequence) FROM evidence
                WHERE site_id = \(site.description) AND organization_id = \(scope.organization.description) AND pruned_at IS NOT NULL
                GROUP BY appliance_id ORDER BY appliance_id
                """
            ).map { Pruned(appliance: try $0.parsed(0), sequences: try $0.integer(1)...$0.integer(2)) }
        }
    }

    /// When the first and the newest bundle of a site were received; nil when there is none.
    func span(of site: SiteID, in scope: TenantScope) async throws -> ClosedRange<Timestamp>? {
        try await database.read { transaction in
            let row = try transaction.query(
                """
                SELECT MIN(received_at), MAX(received_at) FROM evidence
                WHERE site_id = \(site.description) AND organization_id = \(scope.organization.description) AND pruned_at IS NULL
                """)[0]
            guard let first = try row.optionalInstant(0), let last = try row.optionalInstant(1) else { return nil }
            return first...last
        }
    }

    package struct StoredReceipt: Hashable, Sendable {
        package let appliance: ApplianceID
        /// `SignedEnvelope` text.
        package let envelope: String
        package let received: Timestamp
    }

    /// Receipts of a site's appliances, each appliance's oldest first.
    package func receipts(of site: SiteID, in scope: TenantScope) async throws -> [StoredReceipt] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT receipt.appliance_id, receipt.envelope, receipt.received_at
                FROM receipt JOIN appliance ON appliance.id = receipt.appliance_id
                WHERE appliance.site_id = \(site.description) AND appliance.organization_id = \(scope.organization.description)
                ORDER BY receipt.appliance_id, receipt.last_sequence
                """
            ).map { StoredReceipt(appliance: try $0.parsed(0), envelope: try $0.text(1), received: try $0.instant(2)) }
        }
    }

    /// An appliance of a site with the raw key that signs its evidence.
    package struct StoredKey: Hashable, Sendable {
        package let appliance: ApplianceID
        package let key: [UInt8]
        package let enrolled: Timestamp
        package let revoked: Timestamp?
    }

    /// Every appliance that was ever enrolled at a site, whether it sent something or not.
    package func keys(of site: SiteID, in scope: TenantScope) async throws -> [StoredKey] {
        try await database.read { transaction in
            try transaction.query(
                """
                SELECT id, evidence_key, enrolled_at, revoked_at FROM appliance
                WHERE site_id = \(site.description) AND organization_id = \(scope.organization.description) ORDER BY id
                """
            ).map {
                StoredKey(
                    appliance: try $0.parsed(0), key: try $0.blob(1), enrolled: try $0.instant(2), revoked: try $0.optionalInstant(3))
            }
        }
    }
}

/// Bundles of one appliance that follow one another, and where they stand in the log.
struct EvidencePlaces: Sendable {
    private let first: Int64
    private(set) var runs: [LogRun] = []
    /// When the newest of them was received.
    private(set) var newest = Timestamp(milliseconds: .min)

    init(_ first: Int64) { self.first = first }

    /// Whether there are bundles before them.
    var isCut: Bool { first > 0 }
    var sequences: Range<Int64> { first..<(runs.last.map { $0.sequence + $0.count } ?? first) }

    mutating func add(_ sequence: Int64, _ index: Int64, _ received: Timestamp) {
        newest = max(newest, received)
        if let last = runs.last, last.sequence + last.count == sequence, last.index + last.count == index {
            runs[runs.count - 1].count += 1
        } else {
            runs.append(LogRun(sequence: sequence, index: index, count: 1))
        }
    }
}

package struct StoredBundle: Hashable, Sendable {
    package let appliance: ApplianceID
    package let sequence: Int64
    package let bundle: SignedBundle
    package let received: Timestamp
    package let logIndex: Int64
}

extension VerifiedBundle {
    /// The host that was looked at; nil where the bundle is about the appliance itself.
    fileprivate var host: HostID? {
        switch record.kind {
        case .verdict, .attestation, .healing, .decision, .expectation, .gap: record.host
        case .order, .system: nil
        }
    }
}
