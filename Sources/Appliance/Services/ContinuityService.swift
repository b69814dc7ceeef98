import Compliance
package import Database
import Evidence
import Healing
import Logging
package import Model

/// Says in evidence when the appliance could not look, once it can say so: it did not run, its disk was full, its clock was wrong.
///
/// Leaves a sign of life every few minutes, from which the next start sees since when it was off. (That a host could not be
/// reached is `ObservationRecorder`'s to say.)
package actor ContinuityService {
    package static let interval: Duration = .seconds(300)
    /// A turn that comes so late was not late by itself: the machine was suspended, or the clock was set.
    static let lateMax: Duration = .seconds(900)

    /// What the run before left, read before this one looks at anything: what was missed is judged by it.
    package struct Past: Sendable {
        let wasClean: String?
        let sign: Timestamp?
        let looks: [HostID: [CheckID: Timestamp]]

        package init(in transaction: any SQLTransaction) throws {
            wasClean = try SettingTable.read(.cleanStop, in: transaction)
            sign = try SettingTable.read(.signOfLife, in: transaction).flatMap { Timestamp($0) }
            looks = try Self.looks(in: transaction)
        }

        static func looks(in transaction: any SQLTransaction) throws -> [HostID: [CheckID: Timestamp]] {
            var looks: [HostID: [CheckID: Timestamp]] = [:]
            for seen in try ObservationTable.all(in: transaction) { looks[seen.host, default: [:]][seen.check] = seen.started }
            return looks
        }
    }

    private let context: ApplianceContext
    /// Until it is said what came of it.
    private var past: Past?
    private var isStarting = false
    /// The newest that is on disk.
    private var lastSign: Timestamp?
    private var failsSince: Timestamp?

    package init(_ context: ApplianceContext, past: Past) {
        self.context = context
        self.past = past
    }

    package func turn() async -> Duration {
        let now = context.clock.now()
        do {
            try await recordStart()
            let loaded = try await context.catalog.current()
            var gaps = try await pastGaps(at: now)
            let clock = try await clockState(at: now)
            gaps += clock.gaps
            let faults = context.faults
            try await context.expectations.append(gaps, loaded) { transaction in
                if clock.isOver { try OutageTable.end(.clock, in: transaction) }
            }
            try await context.database.write { transaction in
                if clock.isOver { try OutageTable.end(.clock, in: transaction) }
                if let since = clock.wrongSince { try OutageTable.begin(.clock, at: since, in: transaction) }
                if clock.isConfirmed { try SettingTable.write(.clockConfirmed, now.description, in: transaction) }
                try SettingTable.write(.signOfLife, now.description, in: transaction)
                faults.reached(.signBeforeWrite)
            }
            faults.reached(.signAfterWrite)
            lastSign = now
            failsSince = nil
        } catch {
            // Said when it is over; if the process dies before, the next start says that nothing ran.
            failsSince = failsSince ?? lastSign ?? now
            context.logger.warning("sign of life not written", metadata: ["error": "\(error)"])
        }
        return Self.interval
    }

    // MARK: Starting

    /// The first bundle of a run: that it started, what has to be looked at from now on, and what was missed since the last sign of life.
    package func start() async {
        do {
            try await recordStart()
        } catch {
            context.logger.error("start not recorded; tried again with the next turn", metadata: ["error": "\(error)"])
        }
    }

    private func recordStart() async throws {
        // The first turn may come while the start is being written.
        guard let past, !isStarting else { return }
        isStarting = true
        defer { isStarting = false }
        let now = context.clock.now()
        let loaded = try await context.catalog.current()
        let isFirst = await context.journal.end.sequence < 0
        let note =
            isFirst
            ? "First start after enrolment."
            : past.wasClean.map { "Started; the last run stopped in good order at \($0)." } ?? "Started after a crash or a power cut."
        var bundles = [context.drafts.system(.observed, note: note)]
        // Whichever says later that it ran.
        if let last = [past.sign, past.wasClean.flatMap { Timestamp($0) }].compactMap({ $0 }).filter({ $0 < now }).max() {
            bundles += try await gaps(.down, from: last, until: now, note: GapCause.down.sentence, looks: past.looks)
        }
        let faults = context.faults
        try await context.expectations.append(bundles, loaded) { transaction in
            try SettingTable.remove(.cleanStop, in: transaction)
            try SettingTable.write(.signOfLife, now.description, in: transaction)
            faults.reached(.startBeforeCommit)
        }
        faults.reached(.startAfterCommit)
        self.past = nil
        lastSign = now
    }

    // MARK: Gaps

    /// What kept this process from writing or turning until now.
    private func pastGaps(at now: Timestamp) async throws -> [Bundle] {
        if let since = failsSince, since < now {
            return try await gaps(.disk, from: since, until: now, note: GapCause.disk.sentence)
        }
        guard let lastSign, now - lastSign > Self.lateMax else { return [] }
        return try await gaps(.unknown, from: lastSign, until: now, note: "The machine was suspended, or its clock was set.")
    }

    private struct ClockFinding {
        var gaps: [Bundle] = []
        var wrongSince: Timestamp?
        var isOver = false
        var isConfirmed = false
    }

    private func clockState(at now: Timestamp) async throws -> ClockFinding {
        guard let offset = context.clockState.reading(at: now).offsetMilliseconds else { return ClockFinding() }
        let (since, confirmed) = try await context.database.read { transaction in
            (
                try OutageTable.since(.clock, in: transaction),
                try SettingTable.read(.clockConfirmed, in: transaction).flatMap { Timestamp($0) }
            )
        }
        var finding = ClockFinding()
        if offset.magnitude > DateTrust.offsetMax.wholeMilliseconds.magnitude {
            // What was dated since it was last known to be right does not count.
            finding.wrongSince = confirmed ?? Timestamp(milliseconds: now.milliseconds - offset)
        } else {
            finding.isConfirmed = true
            if let since {
                finding.isOver = true
                if since < now { finding.gaps = try await gaps(.clock, from: since, until: now, note: GapCause.clock.sentence) }
            }
        }
        return finding
    }

    /// A bundle for each host that missed a slot.
    /// - Parameter looks: when each check was last looked at; nil: what the state file says.
    private func gaps(
        _ cause: GapCause, from: Timestamp, until: Timestamp, note: String, looks: [HostID: [CheckID: Timestamp]]? = nil
    ) async throws -> [Bundle] {
        let (expected, stored) = try await context.database.read { transaction in
            (try ExpectationTable.all(in: transaction), try Past.looks(in: transaction))
        }
        return expected.values.sorted { $0.host < $1.host }.compactMap { entry in
            let seen = (looks ?? stored)[entry.host] ?? [:]
            guard MissedSlots.any(of: entry.expected, looks: seen, from: from, until: until) else { return nil }
            return context.drafts.gap(cause, host: entry.host, from: from, until: until, note: note)
        }
    }
}

extension BundleDrafts {
    /// A time in which nobody could look at a host.
    func gap(_ cause: GapCause, host: HostID, from: Timestamp, until: Timestamp, note: String) -> Bundle {
        var bundle = bundle(.gap, host: host, from: from, to: until, outcome: .alert(cause.code))
        bundle.note = note
        return bundle
    }
}
