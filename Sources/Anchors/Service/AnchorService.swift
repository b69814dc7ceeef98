package import Logging
package import Model

/// Anchors the log's newest checkpoint every interval, by each method on a lane of its own, so that a dead calendar does not
/// hold up an authority.
///
/// Stopped at any instant, it loses nothing but an answer on its way: the next start stamps or asks again.
package struct AnchorService: Sendable {
    private let lanes: [AnchorLane]
    private let clock: WallClock

    package static let intervalDefault: Duration = .seconds(3_600)

    package init(
        store: any AnchorStore, methods: [any AnchorMethod], interval: Duration = intervalDefault, clock: WallClock, logger: Logger
    ) {
        lanes = methods.map { AnchorLane(method: $0, store: store, interval: interval, logger: logger) }
        self.clock = clock
    }

    /// Until cancelled.
    package func run() async {
        await withTaskGroup { group in
            for lane in lanes {
                group.addTask { [clock] in
                    var lane = lane
                    while !Task.isCancelled {
                        let rest = await lane.pass(clock)
                        do { try await clock.sleep(rest) } catch { return }
                    }
                }
            }
        }
    }
}

/// One method's schedule and its effects.
package struct AnchorLane: Sendable {
    private let method: any AnchorMethod
    private let store: any AnchorStore
    private let interval: Duration
    private let logger: Logger
    /// nil at the start, and after the store failed: what it holds then is read anew.
    private var schedule: AnchorSchedule?

    package init(method: any AnchorMethod, store: any AnchorStore, interval: Duration, logger: Logger) {
        self.method = method
        self.store = store
        self.interval = interval
        var logger = logger
        logger[metadataKey: "anchor"] = "\(method.kind.rawValue)"
        self.logger = logger
    }

    /// Does what is due now.
    ///
    /// - Returns: how long nothing will be.
    package mutating func pass(_ clock: WallClock) async -> Duration {
        do {
            var schedule = try await loaded(clock)
            let newest = try await store.newestCheckpoint()
            // From here on until the commits, memory is ahead of the store: a failure throws the memory away.
            self.schedule = nil
            var actions = schedule.handle(.tick(newest), at: clock.now())[...]
            while let action = actions.popFirst() {
                try Task.checkCancellation()
                switch action {
                case .commit(let anchors, let heartbeat): try await store.commit(anchors, heartbeat: heartbeat, kind: method.kind)
                case .stamp(let target): actions += schedule.handle(await stamp(target, at: clock.now()), at: clock.now())
                case .redeem(let anchor):
                    let redeemed = await method.redeem(anchor)
                    if redeemed.state != anchor.state {
                        logger.notice("anchor moved on", metadata: ["digest": "\(anchor.target.digest)", "state": "\(redeemed.state)"])
                    }
                    actions += schedule.handle(.redeemed(redeemed), at: clock.now())
                }
            }
            self.schedule = schedule
            return schedule.rest(at: clock.now())
        } catch {
            if !(error is CancellationError) {
                logger.warning("anchors are not stored; the pass is repeated", metadata: ["error": "\(error)"])
            }
            return AnchorSchedule.tickMax
        }
    }

    private func loaded(_ clock: WallClock) async throws -> AnchorSchedule {
        if let schedule { return schedule }
        let stored = try await store.anchors(method.kind)
        return AnchorSchedule(interval: interval, heartbeat: stored.heartbeat, open: stored.open, at: clock.now())
    }

    private func stamp(_ target: AnchorTarget, at now: Timestamp) async -> AnchorSchedule.Event {
        do throws(AnchorFailure) {
            let anchor = try await method.stamp(target, at: now)
            logger.info("checkpoint anchored", metadata: ["size": "\(target.treeSize)", "state": "\(anchor.state)"])
            return .stamped(anchor)
        } catch {
            logger.warning("checkpoint not anchored", metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
            return .stampFailed(code: error.code)
        }
    }
}
