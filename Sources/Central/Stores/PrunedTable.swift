import Compliance
import Database
import Model

/// What retention took from the beginning of each chain of a site.
enum PrunedTable {
    /// By appliance. Read from the archive's chunks, of which there is one for a thousand bundles.
    static func spans(of site: SiteID, in transaction: any SQLTransaction) throws -> [PrunedSpan] {
        try transaction.query(
            """
            SELECT appliance.id, opening.received_at, MAX(chunk.newest_received_at), MAX(chunk.last_sequence)
            FROM appliance
            JOIN archive_chunk AS chunk ON chunk.appliance_id = appliance.id AND chunk.pruned_at IS NOT NULL
            JOIN evidence AS opening ON opening.appliance_id = appliance.id AND opening.sequence = 0
            WHERE appliance.site_id = \(site.description)
            GROUP BY appliance.id, opening.received_at ORDER BY appliance.id
            """
        ).map { row in
            PrunedSpan(
                appliance: try row.parsed(0), from: try row.instant(1), until: try row.instant(2) + .milliseconds(1),
                lastSequence: try row.integer(3))
        }
    }

    /// What bundles that are gone expected and what still holds when the kept evidence begins; it is taken as in force from then on.
    ///
    /// Nothing proves it any more: it is what followed from the bundles when they were there.
    static func prior(_ spans: [PrunedSpan], of site: SiteID, in transaction: any SQLTransaction) throws -> [ExpectationLedger.Entry] {
        try spans.flatMap { span in
            try LedgerTable.deciding(at: span.until, of: site, in: transaction).entries.filter {
                $0.appliance == span.appliance && $0.sequence <= span.lastSequence
            }.map {
                ExpectationLedger.Entry(
                    appliance: $0.appliance, sequence: $0.sequence, host: $0.host, effective: span.until, expected: $0.expected)
            }
        }.sorted()
    }
}
