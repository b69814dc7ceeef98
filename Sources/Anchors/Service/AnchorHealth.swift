package import Model

/// Whether anchoring works, for an alert.
package enum AnchorHealth: Equatable, Sendable {
    case working
    /// Nothing that was due has been done for two intervals, or never since then; or the clock was turned back before the last
    /// success, and it cannot be told. The code says what failed last.
    case stalled(since: Timestamp, code: String)
    /// New checkpoints are anchored, but an old anchor's promise is not redeemed.
    case overdue(since: Timestamp)

    /// Calendars anchor within hours; two days without is a calendar that is gone.
    package static let promiseAgeMax: Duration = .seconds(48 * 3_600)
    /// A heartbeat may be this far in the future before the clock is suspected.
    package static let skewMax: Duration = .seconds(300)

    /// - Parameter heartbeat: nil when the lane never ran: it is stalled since `configured`.
    package init(_ heartbeat: AnchorHeartbeat?, interval: Duration, configured: Timestamp, at now: Timestamp) {
        let last = heartbeat?.lastSuccess ?? heartbeat?.since ?? configured
        if last > now + Self.skewMax {
            self = .stalled(since: now, code: "anchor.clock")
        } else if now - last > interval + interval {
            self = .stalled(since: last, code: heartbeat?.lastFailure ?? "anchor.silent")
        } else if let oldest = heartbeat?.oldestPending, now - oldest > Self.promiseAgeMax {
            self = .overdue(since: oldest)
        } else {
            self = .working
        }
    }
}
