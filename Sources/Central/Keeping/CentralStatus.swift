package import Anchors
package import Database
package import Model
import TransparencyLog

/// Something at Central that needs a person.
package struct CentralAlert: Hashable, Sendable {
    /// Stable across releases.
    package let code: String
    /// What it is about: a kind of anchor, a work, a tile; with the code it names the alert.
    package let subject: String
    package let since: Timestamp
    package let sentence: String
}

/// What needs a person, judged from what is stored: the server and the command line see the same, also when the server is dead.
package struct CentralStatus: Sendable {
    /// A drill each month, and four days for whoever repairs what kept it from running.
    package static let drillAgeMax: Duration = .seconds(35 * 86_400)
    /// How long entries may wait for a checkpoint before it is an alert; receipts promise ten seconds.
    package static let mergeDelayMax: Duration = .seconds(300)

    /// What a clock may be put back by without anybody being told: what a reader of a kit lets pass.
    package static let clockBackMax: Duration = .seconds(310)

    private let database: any SQLDatabase
    private let configuration: AnchorsConfiguration
    private let policy: WitnessPolicy
    private let clock: WallClock

    init(_ database: any SQLDatabase, _ configuration: AnchorsConfiguration, _ policy: WitnessPolicy, clock: WallClock) {
        self.database = database
        self.configuration = configuration
        self.policy = policy
        self.clock = clock
    }

    /// The same, judged by another clock.
    package func moved(to clock: WallClock) -> CentralStatus { CentralStatus(database, configuration, policy, clock: clock) }

    /// Ordered by code and subject; empty: nothing needs a person.
    package func alerts() async throws -> [CentralAlert] {
        let (now, anchors, policy) = (clock.now(), configuration, policy)
        return try await database.read { transaction in
            let works = try WorkTable.list(in: transaction)
            var alerts = works.compactMap { Self.alert(about: $0, at: now) }
            alerts += try anchors.kinds.compactMap { kind in
                let heartbeat = try AnchorTable.heartbeat(kind, in: transaction)
                // Before the first turn of any work this Central has never run.
                let since = works.map(\.since).min() ?? now
                return Self.alert(about: kind, AnchorHealth(heartbeat, interval: anchors.interval, configured: since, at: now))
            }
            var drills = try DrillTable.latest(in: transaction)
            if drills.isEmpty, let since = works.first(where: { $0.name == WorkName.drill.rawValue })?.since {
                drills = [DrillTable.Latest(store: "central", at: since, failedCode: nil)]
            }
            alerts += drills.compactMap { Self.alert(about: $0, at: now) }
            alerts += try Self.waits(in: transaction)
            alerts += try DeliveryTable.alerts(in: transaction)
            alerts += try LogFaultTable.open(in: transaction).map {
                CentralAlert(
                    code: $0.code, subject: $0.path, since: $0.since,
                    sentence: "\($0.path) of the log is damaged and could not be repaired; it is not served. Restore it from a backup.")
            }
            alerts += try WitnessStore.alerts(at: now, in: transaction)
            if let missing = try WitnessStore.unwitnessed(policy, before: now - Self.mergeDelayMax, in: transaction) {
                alerts.append(
                    CentralAlert(
                        code: "log.quorum", subject: "log", since: missing.signed,
                        sentence:
                            "fewer than \(policy.quorum) of log.witnesses have cosigned what was signed at \(missing.signed) or later, "
                            + "and kits say so. Look after the witnesses: martlet central log names them."))
            }
            if let newest = try LogSequence.newest(in: transaction), newest - now > Self.clockBackMax {
                alerts.append(
                    CentralAlert(
                        code: "log.clock", subject: "log", since: newest,
                        sentence: "this machine's clock is behind \(newest), which the log bears already: until then receipts and "
                            + "statements bear that date. Was the clock put back, or ahead before? Put it right."))
            }
            if let since = try Self.uncovered(at: now, in: transaction) {
                alerts.append(
                    CentralAlert(
                        code: "log.stalled", subject: "log", since: since,
                        sentence: "accepted evidence is not covered by a checkpoint since \(since). Central's log has the reason."))
            }
            return alerts.sorted { ($0.code, $0.subject) < ($1.code, $1.subject) }
        }
    }

    private static func alert(about work: WorkTable.State, at now: Timestamp) -> CentralAlert? {
        guard let name = WorkName(rawValue: work.name) else { return nil }
        let last = work.lastSuccess ?? work.since
        // A minute for turns that take their time.
        guard now - last > name.interval + name.interval + .seconds(60) else { return nil }
        guard let failure = work.failure else {
            return CentralAlert(
                code: "work.silent", subject: work.name, since: last,
                sentence: "nothing was heard of \(work.name) since \(last). Start martlet-central; its last log lines say why it ended.")
        }
        return CentralAlert(
            code: "\(work.name).stalled", subject: work.name, since: failure.since,
            sentence: "\(work.name) fails since \(failure.since) (\(failure.code)): \(failure.sentence)")
    }

    private static func alert(about kind: AnchorKind, _ health: AnchorHealth) -> CentralAlert? {
        switch health {
        case .working: nil
        case .stalled(let since, let code):
            CentralAlert(
                code: "anchor.stalled", subject: kind.rawValue, since: since,
                sentence: "no checkpoint was anchored by \(kind.rawValue) since \(since) (\(code)). Look at the addresses in anchors.")
        case .overdue(let since):
            CentralAlert(
                code: "anchor.overdue", subject: kind.rawValue, since: since,
                sentence: "a calendar's promise of \(since) was not kept. Ask its operator, or configure others.")
        }
    }

    private static func alert(about drill: DrillTable.Latest, at now: Timestamp) -> CentralAlert? {
        if now - drill.at > drillAgeMax {
            return CentralAlert(
                code: "drill.missing", subject: drill.store, since: drill.at,
                sentence: "the retention of \(drill.store) was not tried since \(drill.at). Run: martlet central drill.")
        }
        guard let code = drill.failedCode else { return nil }
        return CentralAlert(
            code: code, subject: drill.store, since: drill.at,
            sentence: "the drill of \(drill.store) at \(drill.at) did not pass. See its statement; run martlet central drill again.")
    }

    /// Plans that wait for a second person. That repair is paused somewhere is meant, and is listed apart.
    private static func waits(in transaction: any SQLTransaction) throws -> [CentralAlert] {
        try transaction.query(
            "SELECT appliance_id, min(heard_at), count(*) FROM approval_request GROUP BY appliance_id ORDER BY appliance_id"
        ).map { row in
            let (appliance, since, count) = (try row.text(0), try row.instant(1), try row.integer(2))
            return CentralAlert(
                code: "approval.waiting", subject: appliance, since: since,
                sentence: "\(count) plan\(count == 1 ? " waits" : "s wait") for a second person since \(since). "
                    + "See: martlet central approvals.")
        }
    }

    /// Since when the oldest entry without a checkpoint waits, where that is too long.
    private static func uncovered(at now: Timestamp, in transaction: any SQLTransaction) throws -> Timestamp? {
        let covered = try LogStore.newest(in: transaction)?.checkpoint.size ?? 0
        guard try LogSequence.size(in: transaction) > covered else { return nil }
        let waiting = try [
            transaction.query("SELECT min(received_at) FROM evidence WHERE log_index >= \(covered)")[0].optionalInstant(0),
            transaction.query("SELECT min(made_at) FROM statement WHERE log_index >= \(covered)")[0].optionalInstant(0),
        ].compactMap(\.self).min()
        guard let waiting, now - waiting > mergeDelayMax else { return nil }
        return waiting
    }
}
