package import Model

/// When one kind of anchor is made, redeemed and tried again: takes an event, answers what to do. No clock, no network, no disk.
///
/// The wall clock may be set by hours either way. When it goes back, everything planned goes back with it, so nothing waits for
/// a time that was only imagined; when it goes forward, things are due early, which costs an anchor more.
package struct AnchorSchedule: Sendable {
    package enum Event: Sendable {
        /// Time has passed. With the newest published checkpoint.
        case tick(AnchorTarget?)
        case stamped(Anchor)
        case stampFailed(code: String)
        /// An anchor was asked after: what it is now, changed or not.
        case redeemed(Anchor)
    }

    package enum Action: Equatable, Sendable {
        case stamp(AnchorTarget)
        case redeem(Anchor)
        /// Store this; until it is durable, nothing of it has happened.
        case commit([Anchor], AnchorHeartbeat)
    }

    /// How many open anchors are kept in mind; with one an hour, more than half a year.
    package static let openMax = 4_096
    /// How many are asked after in one tick.
    package static let redeemedPerTickMax = 8
    /// How long a promise is asked after. Then it stays in the store as what it is: pending.
    package static let redeemAgeMax: Duration = .seconds(90 * 86_400)
    package static let redeemDelayMin: Duration = .seconds(600)
    package static let redeemDelayMax: Duration = .seconds(6 * 3_600)
    package static let retryDelayMin: Duration = .seconds(30)
    /// How long to sleep at most before the next tick, so that a clock that was set is noticed.
    package static let tickMax: Duration = .seconds(60)

    private struct Open: Sendable {
        var anchor: Anchor
        var attempts: Int
        var next: Timestamp
        var made: Timestamp
    }

    package let interval: Duration
    package private(set) var heartbeat: AnchorHeartbeat
    private var open: [Open]
    private var nextStamp: Timestamp
    private var failures = 0
    private var isStamping = false
    private var lastSeen: Timestamp
    private var mustCommit: Bool

    /// From what was committed last; `heartbeat` nil at the very first start. Open anchors are asked after at once.
    package init(interval: Duration, heartbeat: AnchorHeartbeat?, open: [Anchor], at now: Timestamp) {
        precondition(interval >= .seconds(60), "anchoring more often than once a minute helps nobody")
        self.interval = interval
        lastSeen = now
        mustCommit = heartbeat == nil
        self.heartbeat = heartbeat ?? AnchorHeartbeat(since: now)
        self.open = open.suffix(Self.openMax).map { Open(anchor: $0, attempts: 0, next: now, made: min($0.made, now)) }
        // What was written while the clock was wrong: the future is now.
        mustCommit = Self.clamp(&self.heartbeat, to: now) || mustCommit
        nextStamp = self.heartbeat.lastSuccess.map { $0 + interval } ?? now
    }

    package mutating func handle(_ event: Event, at now: Timestamp) -> [Action] {
        follow(now)
        switch event {
        case .tick(let newest): return tick(newest, at: now)
        case .stamped(let anchor):
            isStamping = false
            if anchor.isOpen {
                open.append(Open(anchor: anchor, attempts: 0, next: now + Self.redeemDelayMin, made: now))
                if open.count > Self.openMax { open.removeFirst() }
            }
            heartbeat.lastTarget = anchor.target
            succeed(at: now)
            return [commit([anchor])]
        case .stampFailed(let code):
            isStamping = false
            heartbeat.lastFailure = code
            // Several attempts within one interval, however often it fails.
            nextStamp = now + min(interval / 4, Self.retryDelayMin * (1 << min(failures, 10)))
            failures += 1
            return [commit([])]
        case .redeemed(let anchor): return redeemed(anchor, at: now)
        }
    }

    /// How long nothing will be due.
    package func rest(at now: Timestamp) -> Duration {
        let next = open.map(\.next).min().map { min($0, nextStamp) } ?? nextStamp
        return max(.seconds(1), min(Self.tickMax, next - now))
    }

    private mutating func tick(_ newest: AnchorTarget?, at now: Timestamp) -> [Action] {
        var actions: [Action] = []
        if nextStamp <= now, !isStamping {
            if let newest, newest != heartbeat.lastTarget {
                isStamping = true
                actions.append(.stamp(newest))
            } else {
                succeed(at: now)
                mustCommit = true
            }
        }
        let given = open.filter { now - $0.made > Self.redeemAgeMax }.map { $0.anchor.closed }
        open.removeAll { now - $0.made > Self.redeemAgeMax }
        let due = open.indices.filter { open[$0].next <= now }.sorted { open[$0].next < open[$1].next }.prefix(Self.redeemedPerTickMax)
        for index in due {
            open[index].next = now + Self.delay(after: open[index].attempts)
            open[index].attempts += 1
            actions.append(.redeem(open[index].anchor))
        }
        if mustCommit || !given.isEmpty { actions.insert(commit(given), at: 0) }
        return actions
    }

    private mutating func redeemed(_ anchor: Anchor, at now: Timestamp) -> [Action] {
        guard let index = open.firstIndex(where: { $0.anchor.target == anchor.target }), open[index].anchor != anchor else { return [] }
        open[index].anchor = anchor
        if !anchor.isOpen { open.remove(at: index) }
        return [commit([anchor])]
    }

    private mutating func succeed(at now: Timestamp) {
        heartbeat.lastSuccess = now
        heartbeat.lastFailure = nil
        failures = 0
        nextStamp = now + interval
    }

    private mutating func commit(_ anchors: [Anchor]) -> Action {
        mustCommit = false
        heartbeat.oldestPending = open.filter { if case .pending = $0.anchor.state { true } else { false } }.map(\.made).min()
        return .commit(anchors, heartbeat)
    }

    private static func delay(after attempts: Int) -> Duration { min(redeemDelayMax, redeemDelayMin * (1 << min(attempts, 10))) }

    /// Moves all that is planned back by as much as the clock went back.
    private mutating func follow(_ now: Timestamp) {
        defer { lastSeen = now }
        guard now < lastSeen else { return }
        let back = lastSeen - now
        nextStamp = nextStamp - back
        for index in open.indices {
            open[index].next = open[index].next - back
            open[index].made = min(open[index].made, now)
        }
        mustCommit = Self.clamp(&heartbeat, to: now) || mustCommit
    }

    private static func clamp(_ heartbeat: inout AnchorHeartbeat, to now: Timestamp) -> Bool {
        let before = heartbeat
        heartbeat.since = min(heartbeat.since, now)
        heartbeat.lastSuccess = heartbeat.lastSuccess.map { min($0, now) }
        heartbeat.oldestPending = heartbeat.oldestPending.map { min($0, now) }
        return heartbeat != before
    }
}

extension Anchor {
    fileprivate var closed: Anchor { Anchor(kind: kind, target: target, made: made, proof: proof, state: state, isOpen: false) }
}
