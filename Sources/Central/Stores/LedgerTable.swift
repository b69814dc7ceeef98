import Compliance
import Database
import Model

/// What appliances said they look at, by site.
enum LedgerTable {
    /// The entries that decide what is expected of each host at an instant: no more than two for each.
    static func deciding(at instant: Timestamp, of site: SiteID, in transaction: any SQLTransaction) throws -> ExpectationLedger {
        struct Outline {
            let appliance: ApplianceID
            let sequence: Int64
            let host: HostID
            let effective: Timestamp
            let isEmpty: Bool
        }
        // Without what is expected, which is nearly all of it: there may be entries of years.
        let outlines = try transaction.query(
            """
            SELECT appliance_id, sequence, host, effective_at, checks FROM expectation
            WHERE site_id = \(site.description) AND effective_at <= \(instant.milliseconds)
            """
        ).map { row in
            Outline(
                appliance: try row.parsed(0), sequence: try row.integer(1), host: try row.parsed(2), effective: try row.instant(3),
                isEmpty: try row.integer(4) == 0)
        }.sorted { ($0.effective, $0.appliance, $0.sequence) < ($1.effective, $1.appliance, $1.sequence) }
        var standing: [HostID: Outline] = [:]
        for outline in outlines {
            if !outline.isEmpty {
                standing[outline.host] = outline
            } else if standing[outline.host]?.appliance == outline.appliance {
                standing[outline.host] = nil
            }
        }
        let entries = try standing.values.map { outline in
            let rows = try transaction.query(
                """
                SELECT expected FROM expectation
                WHERE appliance_id = \(outline.appliance.description) AND sequence = \(outline.sequence)
                """)
            return ExpectationLedger.Entry(
                appliance: outline.appliance, sequence: outline.sequence, host: outline.host, effective: outline.effective,
                expected: try RunTable.expected(rows[0].text(0)))
        }
        return ExpectationLedger(site: site, entries: entries)
    }
}
