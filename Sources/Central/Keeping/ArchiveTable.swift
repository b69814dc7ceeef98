import Database
package import Model

/// A run of one appliance's bundles that is archived as two objects: the lines and their signatures, as in a kit.
package struct ArchiveChunk: Hashable, Sendable {
    package let organization: OrganizationID
    package let appliance: ApplianceID
    package let sequences: ClosedRange<Int64>
    /// When the newest of its bundles was received: from here its term counts.
    package let newest: Timestamp
    /// Until when the objects are kept; nil: not archived yet.
    package let retainedUntil: Timestamp?
    package let isHeld: Bool
    package let pruned: Timestamp?
}

/// Which bundles are archived where. A chunk is written down before its objects are made, so that a crash in between, and another
/// node, make the same objects again.
enum ArchiveTable {
    struct Progress: Sendable {
        let appliance: ApplianceID
        let organization: OrganizationID
        /// The first sequence that belongs to no chunk.
        let next: Int64
    }

    /// Appliances with evidence that belongs to no chunk.
    static func waiting(in transaction: any SQLTransaction) throws -> [Progress] {
        try transaction.query(
            """
            SELECT appliance.id, appliance.organization_id, COALESCE(chunk.next, 0)
            FROM appliance LEFT JOIN (SELECT appliance_id, MAX(last_sequence) + 1 AS next FROM archive_chunk GROUP BY appliance_id) chunk
                ON chunk.appliance_id = appliance.id
            WHERE EXISTS (SELECT 1 FROM evidence WHERE evidence.appliance_id = appliance.id AND sequence >= COALESCE(chunk.next, 0))
            ORDER BY appliance.organization_id, appliance.id
            """
        ).map { Progress(appliance: try $0.parsed(0), organization: try $0.parsed(1), next: try $0.integer(2)) }
    }

    /// - Returns: false where another node has planned one meanwhile.
    static func plan(
        _ progress: Progress, through last: Int64, newest: Timestamp, at now: Timestamp, in transaction: any SQLTransaction
    ) throws -> Bool {
        let appliance = progress.appliance.description
        let known = try transaction.query(
            "SELECT COALESCE(MAX(last_sequence) + 1, 0) FROM archive_chunk WHERE appliance_id = \(appliance)")[0].integer(0)
        guard known == progress.next else { return false }
        try transaction.execute(
            """
            INSERT INTO archive_chunk (appliance_id, organization_id, first_sequence, last_sequence, newest_received_at, planned_at)
            VALUES (\(appliance), \(progress.organization.description), \(progress.next), \(last), \(newest.milliseconds),
                \(now.milliseconds))
            """)
        return true
    }

    /// Planned and not known to be stored, oldest first.
    static func unstored(limit: Int, in transaction: any SQLTransaction) throws -> [ArchiveChunk] {
        try transaction.query(
            "\(raw: columns) WHERE retained_until IS NULL ORDER BY organization_id, appliance_id, first_sequence LIMIT \(limit)"
        ).map(chunk)
    }

    /// Stored for a shorter time than their organization's evidence is kept now, or held otherwise than it is.
    static func outOfDate(daysMin: Int64, limit: Int, in transaction: any SQLTransaction) throws -> [ArchiveChunk] {
        try transaction.query(
            """
            \(raw: columns) WHERE retained_until IS NOT NULL AND pruned_at IS NULL AND (
                retained_until < newest_received_at + 86400000 * (SELECT CASE WHEN retention_days > \(daysMin) THEN retention_days
                    ELSE \(daysMin) END FROM organization WHERE organization.id = archive_chunk.organization_id)
                OR is_held <> COALESCE((SELECT is_set FROM legal_hold WHERE legal_hold.organization_id = archive_chunk.organization_id
                    ORDER BY number DESC LIMIT 1), 0))
            ORDER BY organization_id, appliance_id, first_sequence LIMIT \(limit)
            """
        ).map(chunk)
    }

    /// Appliances with evidence whose term is over.
    static func prunable(daysMin: Int64, at now: Timestamp, in transaction: any SQLTransaction) throws -> [ApplianceID] {
        try transaction.query(
            """
            SELECT DISTINCT appliance_id FROM archive_chunk WHERE pruned_at IS NULL AND retained_until <= \(now.milliseconds)
                AND newest_received_at + 86400000 * (SELECT CASE WHEN retention_days > \(daysMin) THEN retention_days
                    ELSE \(daysMin) END FROM organization WHERE organization.id = archive_chunk.organization_id) <= \(now.milliseconds)
            ORDER BY appliance_id
            """
        ).map { try $0.parsed(0) }
    }

    /// The oldest chunk of an appliance that is not pruned.
    static func oldest(of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> ArchiveChunk? {
        try transaction.query(
            """
            \(raw: columns) WHERE appliance_id = \(appliance.description) AND pruned_at IS NULL ORDER BY first_sequence LIMIT 1
            """
        ).first.map(chunk)
    }

    /// Pruned, and their objects not known to be gone.
    static func unremoved(limit: Int, in transaction: any SQLTransaction) throws -> [ArchiveChunk] {
        try transaction.query(
            "\(raw: columns) WHERE pruned_at IS NOT NULL AND removed_at IS NULL ORDER BY appliance_id, first_sequence LIMIT \(limit)"
        ).map(chunk)
    }

    static func list(of appliance: ApplianceID, in transaction: any SQLTransaction) throws -> [ArchiveChunk] {
        try transaction.query("\(raw: columns) WHERE appliance_id = \(appliance.description) ORDER BY first_sequence").map(chunk)
    }

    static func stored(_ chunk: ArchiveChunk, until end: Timestamp, isHeld: Bool, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            UPDATE archive_chunk SET retained_until = \(end.milliseconds), is_held = \(isHeld)
            WHERE appliance_id = \(chunk.appliance.description) AND first_sequence = \(chunk.sequences.lowerBound)
            """)
    }

    static func removed(_ chunk: ArchiveChunk, at now: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            UPDATE archive_chunk SET removed_at = \(now.milliseconds)
            WHERE appliance_id = \(chunk.appliance.description) AND first_sequence = \(chunk.sequences.lowerBound)
            """)
    }

    private static let columns: StaticString =
        """
        SELECT organization_id, appliance_id, first_sequence, last_sequence, newest_received_at, retained_until, is_held, pruned_at
        FROM archive_chunk
        """

    private static func chunk(_ row: Row) throws -> ArchiveChunk {
        ArchiveChunk(
            organization: try row.parsed(0), appliance: try row.parsed(1), sequences: try row.integer(2)...row.integer(3),
            newest: try row.instant(4), retainedUntil: try row.optionalInstant(5), isHeld: try row.integer(6) != 0,
            pruned: try row.optionalInstant(7))
    }
}
