package import Database
package import Model
import Seal
package import TransparencyLog
import Wire

/// Who cosigned which checkpoint, and which disputes witnesses have told of. Nothing here is believed: cosignatures are verified
/// before they are stored, and of disputes only those that this log cannot refute.
package struct WitnessStore: Sendable {
    /// Keys of one appliance: a box that was set up anew has another one.
    private static let keysMax = 8
    private static let disputesMax: Int64 = 100
    /// Beside the log's own signature; a note takes `NoteLimits.signaturesMax`.
    private static let cosignaturesMax = NoteLimits.signaturesMax - 10

    private let database: any SQLDatabase

    package init(_ database: any SQLDatabase) { self.database = database }

    // MARK: Appliances

    /// Takes what an appliance says as a witness. A key under another name than its own, or a cosignature that does not verify, is
    /// left aside: it only means that there is one witness less.
    /// - Parameter trust: of our own log.
    /// - Returns: whether there was a new cosignature.
    static func hear(
        _ report: WitnessReport, from credential: ApplianceCredential, trust: LogTrust, at now: Timestamp,
        in transaction: any SQLTransaction
    ) throws -> Bool {
        if let dispute = report.dispute {
            try record(dispute, source: "\(credential.appliance)", trust: trust, at: now, in: transaction)
        }
        guard let key = try? NoteVerifier(report.key), key.algorithm == .cosignature, key.name == "\(credential.appliance)/witness" else {
            return false
        }
        let known = try transaction.query("SELECT vkey FROM log_witness WHERE appliance_id = \(credential.appliance.description)")
        guard try known.contains(where: { try $0.text(0) == key.text }) || known.count < keysMax else { return false }
        try see(key, appliance: credential.appliance, size: report.size, at: now, in: transaction)
        guard let line = report.cosignature else { return false }
        return try add(line: line, by: key, size: report.size, at: now, in: transaction)
    }

    // MARK: Cosignatures

    /// - Parameter size: what it has cosigned by its own word; -1 for nothing.
    static func see(
        _ key: NoteVerifier, appliance: ApplianceID?, size: Int64, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO log_witness (vkey, name, appliance_id, size, seen_at)
            VALUES (\(key.text), \(key.name), \(appliance?.description), \(size), \(now.milliseconds))
            ON CONFLICT (vkey) DO UPDATE SET size = excluded.size, seen_at = excluded.seen_at
            """)
    }

    /// Verifies it over the checkpoint of that size that we signed.
    /// - Returns: false, with nothing stored, when it was there or does not verify.
    static func add(
        line: String, by key: NoteVerifier, size: Int64, at now: Timestamp, in transaction: any SQLTransaction
    ) throws -> Bool {
        guard let row = try transaction.query("SELECT note FROM log_checkpoint WHERE size = \(size)").first,
            try transaction.query("SELECT 1 FROM log_cosignature WHERE size = \(size) AND vkey = \(key.text)").isEmpty,
            let lines = try? NoteSignature.parse(lines: Array(line.utf8)),
            let note = try? SignedNote(Array(row.text(0).utf8)), let cosigned = try? note.adding(lines, by: [key]),
            let signature = cosigned.signatures.last
        else { return false }
        try transaction.execute(
            """
            INSERT INTO log_cosignature (size, vkey, line, received_at)
            VALUES (\(size), \(key.text), \(signature.line), \(now.milliseconds))
            """)
        return true
    }

    /// A checkpoint with the cosignatures that it has: configured witnesses first, then appliances, as many as a note takes.
    static func cosigned(_ state: WitnessState, in transaction: any SQLTransaction) throws -> SignedNote {
        let lines = try transaction.query(
            """
            SELECT c.line FROM log_cosignature c JOIN log_witness w ON w.vkey = c.vkey
            WHERE c.size = \(state.checkpoint.size)
            ORDER BY CASE WHEN w.appliance_id IS NULL THEN 0 ELSE 1 END, c.received_at, c.vkey LIMIT \(cosignaturesMax)
            """
        ).flatMap { try NoteSignature.parse(lines: Array($0.text(0).utf8)) }
        return lines.isEmpty ? state.note : try state.note.adding(lines)
    }

    static func newest(
        cosignedBy witnesses: [NoteVerifier], from size: Int64, in transaction: any SQLTransaction
    ) throws -> SignedNote? {
        var newest: Int64?
        for witness in witnesses {
            let row = try transaction.query(
                "SELECT max(size) FROM log_cosignature WHERE vkey = \(witness.text) AND size >= \(size)")[0]
            if let found = try row.optionalInteger(0) { newest = max(newest ?? found, found) }
        }
        guard let newest else { return nil }
        guard let row = try transaction.query("SELECT note FROM log_checkpoint WHERE size = \(newest)").first else { return nil }
        return try cosigned(try WitnessState(stored: Array(row.text(0).utf8)), in: transaction)
    }

    /// The sizes from `size` on, ascending, of checkpoints that as many witnesses of the policy have cosigned as it wants.
    static func sizes(
        witnessedAs policy: WitnessPolicy, from size: Int64, limit: Int, in transaction: any SQLTransaction
    ) throws -> [Int64] {
        var counts: [Int64: Int] = [:]
        for witness in policy.witnesses {
            let rows = try transaction.query(
                "SELECT size FROM log_cosignature WHERE vkey = \(witness.text) AND size >= \(size) ORDER BY size LIMIT \(limit)")
            for row in rows { counts[try row.integer(0), default: 0] += 1 }
        }
        return counts.filter { $0.value >= policy.quorum }.keys.sorted()
    }

    /// The size that a witness is taken to have cosigned; nil before it was ever asked.
    static func size(of key: NoteVerifier, in transaction: any SQLTransaction) throws -> Int64? {
        try transaction.query("SELECT size FROM log_witness WHERE vkey = \(key.text)").first?.integer(0)
    }

    // MARK: Disputes

    /// Keeps what convicts or may convict this log, and leaves aside what any box could make up: notes that its key has not signed,
    /// and two checkpoints that both stand in the history that we have.
    private static func record(
        _ report: DisputeReport, source: String, trust: LogTrust, at now: Timestamp, in transaction: any SQLTransaction
    ) throws {
        guard let kind = LogDispute.Kind(rawValue: report.kind), let cosigned = signed(report.cosigned, trust),
            let refused = signed(report.refused, trust)
        else { return }
        // That an older checkpoint was shown as the newest cannot be refuted: both are ours.
        let isRefuted = try kind != .shrunk && isOurs(cosigned, in: transaction) && isOurs(refused, in: transaction)
        guard !isRefuted else { return }
        let digest = Digest(of: Array("\(report.kind)\n\(report.cosigned)\n\(report.refused)".utf8))
        let count = try transaction.query("SELECT count(*) FROM log_dispute WHERE source = \(source)")[0].integer(0)
        guard count < disputesMax else { return }
        try transaction.execute(
            """
            INSERT INTO log_dispute (source, digest, kind, cosigned, refused, seen_at, received_at)
            VALUES (\(source), \(digest.bytes), \(report.kind), \(report.cosigned), \(report.refused), \(report.seen.milliseconds),
                \(now.milliseconds))
            ON CONFLICT (source, digest) DO NOTHING
            """)
    }

    /// nil for what is no checkpoint of this log: it says nothing about it, whoever brings it.
    private static func signed(_ text: String, _ trust: LogTrust) -> VerifiedCheckpoint? {
        guard let note = try? SignedNote(Array(text.utf8)) else { return nil }
        return try? VerifiedCheckpoint(note, trust: trust)
    }

    private static func isOurs(_ checkpoint: VerifiedCheckpoint, in transaction: any SQLTransaction) throws -> Bool {
        guard let row = try transaction.query("SELECT note FROM log_checkpoint WHERE size = \(checkpoint.size)").first else { return false }
        return try WitnessState(stored: Array(row.text(0).utf8)).checkpoint.root == checkpoint.root
    }

    // MARK: For people

    /// How long a witness's word is shown that notes alone do not prove.
    private static let wordLasts: Duration = .seconds(7 * 86_400)

    /// What witnesses hold against the log. Two signed histories do not become one again: that stands for ever. That an older checkpoint
    /// was shown as the newest is the witness's word, and shown for a week.
    static func alerts(at now: Timestamp, in transaction: any SQLTransaction) throws -> [CentralAlert] {
        let disputes = try transaction.query(
            """
            SELECT source, count(*), min(seen_at) FROM log_dispute
            WHERE kind <> 'shrunk' OR received_at > \((now - wordLasts).milliseconds) GROUP BY source
            """
        ).map { row in
            CentralAlert(
                code: "log.inconsistent", subject: try row.text(0), since: try row.instant(2),
                sentence: "\(try row.text(0)) refused \(try row.integer(1)) checkpoints of the log and kept them as proof. Run: martlet "
                    + "central log")
        }
        let ahead = try transaction.query(
            """
            SELECT w.name, w.size, w.seen_at FROM log_witness w LEFT JOIN appliance a ON a.id = w.appliance_id
            WHERE w.size > (SELECT coalesce(max(size), -1) FROM log_checkpoint) AND a.revoked_at IS NULL ORDER BY w.name
            """
        ).map { row in
            CentralAlert(
                code: "log.rolled_back", subject: try row.text(0), since: try row.instant(2),
                sentence: "\(try row.text(0)) says that it has cosigned size \(try row.integer(1)), which this log does not have. Was "
                    + "the database restored from a backup? If not, look at that machine.")
        }
        return disputes + ahead
    }

    package struct WitnessLine: Hashable, Sendable {
        package let name: String
        package let key: String
        package let appliance: ApplianceID?
        /// -1: none.
        package let size: Int64
        package let seen: Timestamp
        /// When the last cosignature of it arrived that verified.
        package let cosigned: Timestamp?
    }

    package struct DisputeLine: Hashable, Sendable {
        package let source: String
        package let kind: String
        package let cosigned: String
        package let refused: String
        package let seen: Timestamp
    }

    package struct Overview: Sendable {
        package let origin: String?
        /// How many entries have an index.
        package let sequenced: Int64
        package let newest: (checkpoint: Checkpoint, signed: Timestamp)?
        package let witnesses: [WitnessLine]
        package let disputes: [DisputeLine]
        /// The oldest checkpoint that is older than the limit while neither it nor a later one has its quorum.
        package let unwitnessed: (size: Int64, signed: Timestamp)?
    }

    /// - Parameters:
    ///   - policy: whose cosignatures count.
    ///   - signedBefore: a checkpoint that is younger may still get them.
    package func overview(_ policy: WitnessPolicy, signedBefore limit: Timestamp) async throws -> Overview {
        try await database.read { transaction in
            let newest = try transaction.query("SELECT note, signed_at FROM log_checkpoint ORDER BY size DESC LIMIT 1").first.map {
                (try WitnessState(stored: Array($0.text(0).utf8)).checkpoint, try $0.instant(1))
            }
            let witnesses = try transaction.query(
                """
                SELECT w.name, w.vkey, w.appliance_id, w.size, w.seen_at,
                    (SELECT max(c.received_at) FROM log_cosignature c WHERE c.vkey = w.vkey)
                FROM log_witness w ORDER BY CASE WHEN w.appliance_id IS NULL THEN 0 ELSE 1 END, w.name, w.vkey
                """
            ).map { row in
                WitnessLine(
                    name: try row.text(0), key: try row.text(1), appliance: try row.optionalText(2).flatMap { ApplianceID($0) },
                    size: try row.integer(3), seen: try row.instant(4),
                    cosigned: try row.optionalInteger(5).map { Timestamp(milliseconds: $0) })
            }
            let disputes = try transaction.query(
                "SELECT source, kind, cosigned, refused, seen_at FROM log_dispute ORDER BY received_at, source, digest"
            ).map { row in
                DisputeLine(
                    source: try row.text(0), kind: try row.text(1), cosigned: try row.text(2), refused: try row.text(3),
                    seen: try row.instant(4))
            }
            return Overview(
                origin: try LogStore.origin(in: transaction), sequenced: try LogSequence.size(in: transaction), newest: newest,
                witnesses: witnesses, disputes: disputes,
                unwitnessed: try Self.unwitnessed(policy, before: limit, in: transaction))
        }
    }

    /// A checkpoint that has its quorum vouches for all before it.
    static func unwitnessed(
        _ policy: WitnessPolicy, before limit: Timestamp, in transaction: any SQLTransaction
    ) throws -> (size: Int64, signed: Timestamp)? {
        guard policy.quorum > 0 else { return nil }
        var counts: [Int64: Int] = [:]
        for witness in policy.witnesses {
            for row in try transaction.query("SELECT size FROM log_cosignature WHERE vkey = \(witness.text) ORDER BY size DESC LIMIT 1000")
            {
                counts[try row.integer(0), default: 0] += 1
            }
        }
        let covered = counts.filter { $0.value >= policy.quorum }.keys.max() ?? -1
        return try transaction.query(
            """
            SELECT size, signed_at FROM log_checkpoint WHERE size > \(covered) AND signed_at < \(limit.milliseconds)
            ORDER BY size LIMIT 1
            """
        ).first.map { (try $0.integer(0), try $0.instant(1)) }
    }
}
