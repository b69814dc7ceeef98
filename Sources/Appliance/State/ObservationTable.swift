package import Catalog
package import Database
package import Evidence
package import Model
import Seal

/// The newest look of each check at each host. What is not there was never looked at: it must not be taken for anything else.
package enum ObservationTable {
    package struct Entry: Hashable, Sendable {
        package let host: HostID
        package let check: CheckID
        package let verdict: Verdict
        package let factsDigest: Digest
        package let started: Timestamp
        package let ended: Timestamp
    }

    package static func all(in transaction: any SQLTransaction) throws -> [Entry] {
        try transaction.query(
            "SELECT host, check_id, verdict, code, facts_digest, started, ended FROM observation ORDER BY host, check_id"
        ).map(entry)
    }

    package static func find(host: HostID, check: CheckID, in transaction: any SQLTransaction) throws -> Entry? {
        try transaction.query(
            """
            SELECT host, check_id, verdict, code, facts_digest, started, ended FROM observation
            WHERE host = \(host.description) AND check_id = \(check.description)
            """
        ).first.map(entry)
    }

    /// Keeps the newer one: a look that began before the stored one says nothing new.
    package static func put(_ observation: Observation, in transaction: any SQLTransaction) throws {
        let digest = try observation.facts.digest
        try transaction.execute(
            """
            INSERT INTO observation (host, check_id, verdict, code, facts_digest, started, ended)
            VALUES (\(observation.host.description), \(observation.check.description), \(observation.verdict.word),
                \(observation.verdict.code?.description), \(digest.bytes), \(observation.started.milliseconds),
                \(observation.ended.milliseconds))
            ON CONFLICT (host, check_id) DO UPDATE SET verdict = excluded.verdict, code = excluded.code,
                facts_digest = excluded.facts_digest, started = excluded.started, ended = excluded.ended
                WHERE excluded.started >= observation.started
            """)
    }

    /// Forgets hosts and checks that are no longer configured, so that nothing is attested that nobody looks at.
    package static func keep(_ pairs: Set<HostCheck>, in transaction: any SQLTransaction) throws {
        for entry in try all(in: transaction) where !pairs.contains(HostCheck(host: entry.host, check: entry.check)) {
            try transaction.execute(
                "DELETE FROM observation WHERE host = \(entry.host.description) AND check_id = \(entry.check.description)")
        }
    }

    /// Forgets what was seen of checks that are switched off, so that switching one on again begins with a look.
    package static func forget(_ checks: Set<CheckID>, in transaction: any SQLTransaction) throws {
        for check in checks { try transaction.execute("DELETE FROM observation WHERE check_id = \(check.description)") }
    }

    package static func attested(in transaction: any SQLTransaction) throws -> [HostID: Timestamp] {
        var instants: [HostID: Timestamp] = [:]
        for row in try transaction.query("SELECT host, attested FROM attestation") {
            guard let host = HostID(try row.text(0)) else { throw StateError("attestation", try row.text(0)) }
            instants[host] = Timestamp(milliseconds: try row.integer(1))
        }
        return instants
    }

    /// What an attestation says of one check: its newest verdict while that counts, and otherwise that nothing is known.
    ///
    /// - Parameter catalogSince: when the catalog came into force that the bundle will name. What an earlier one concluded may
    ///   not be said in its name: the check may ask for more now. One of the future says that the clock was put back.
    package static func attested(
        _ check: CheckDefinition, _ entry: Entry?, catalogSince: Timestamp?, at now: Timestamp
    ) -> Bundle.Attested {
        // A check that was never run has the digest of no facts.
        guard let entry else {
            return Bundle.Attested(check: check.id, verdict: .unknown("observation.none"), observed: now, factsDigest: .genesis)
        }
        let counts =
            entry.started <= now && now - entry.started <= check.staleAfter
            && (catalogSince.map { entry.started >= $0 || $0 > now } ?? true)
        return Bundle.Attested(
            check: check.id, verdict: counts ? entry.verdict : .unknown("observation.stale"), observed: entry.started,
            factsDigest: entry.factsDigest)
    }

    package static func setAttested(_ host: HostID, at instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            """
            INSERT INTO attestation (host, attested) VALUES (\(host.description), \(instant.milliseconds))
            ON CONFLICT (host) DO UPDATE SET attested = excluded.attested
            """)
    }

    private static func entry(_ row: Row) throws -> Entry {
        let key = "\(try row.text(0)) \(try row.text(1))"
        guard let host = HostID(try row.text(0)), let check = CheckID(try row.text(1)),
            let verdict = Verdict(word: try row.text(2), code: try row.optionalText(3).flatMap { Code($0) }),
            let digest = Digest(bytes: try row.blob(4))
        else { throw StateError("observation", key) }
        return Entry(
            host: host, check: check, verdict: verdict, factsDigest: digest, started: Timestamp(milliseconds: try row.integer(5)),
            ended: Timestamp(milliseconds: try row.integer(6)))
    }
}

package struct HostCheck: Hashable, Sendable {
    package let host: HostID
    package let check: CheckID

    package init(host: HostID, check: CheckID) {
        self.host = host
        self.check = check
    }
}

extension Facts {
    /// SHA-256 of the canonical JSON: what an attestation names.
    package var digest: Digest { get throws { Digest(of: try json.canonicalBytes()) } }
}
