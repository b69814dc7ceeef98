package import Model

/// Which dates of one appliance's bundles count, in chain order. `docs/formats/coverage.md`, "Which dates count".
package struct DateTrust: Hashable, Sendable {
    /// How far a bundle may be dated after the time at which Central received it.
    package static let aheadMax: Duration = .seconds(300)
    /// How far a clock may be off, or go back, before its dates are in doubt. Slots are hours: minutes do not matter.
    package static let offsetMax: Duration = .seconds(900)
    /// How long before its bundle's end a look may have been made if its check was spoken of since. Each look is listed before the next
    /// one of another hour is written down, and a host is attested after its scan: this is how long a scan may take.
    package static let listedMax: Duration = .seconds(7_200)
    /// As `listedMax`, where only the appliance's newest date is known: its longest heartbeat, and an hour.
    package static let runListedMax: Duration = .seconds(90_000)
    /// How long before Central heard of it that may take effect what asks for less than before.
    package static let toldMax: Duration = .seconds(3_600)

    /// Newest date that counted.
    package private(set) var newest: Timestamp?
    /// Newest date that a reading of the clock confirmed.
    package private(set) var confirmed: Timestamp?
    /// Looks dated before it that were not listed earlier are not believed any more.
    package private(set) var floor: Timestamp?

    package init(newest: Timestamp? = nil, confirmed: Timestamp? = nil, floor: Timestamp? = nil) {
        self.newest = newest
        self.confirmed = confirmed
        self.floor = floor
    }

    package enum Withdrawal: Hashable, Sendable {
        case everything
        case after(Timestamp)
    }

    package struct Judgement: Hashable, Sendable {
        package var counts: Bool
        /// What was counted before and no longer is.
        package var withdrawal: Withdrawal?
        /// The instant by which all before it must have happened; nil where nothing says it.
        package var latest: Timestamp?
        /// The bundle's own instant.
        package var instant: Timestamp
        /// The newest date that counted before this bundle.
        package var before: Timestamp?
    }

    package mutating func judge(_ entry: ChainEntry) -> Judgement {
        let limit = Self.offsetMax.wholeMilliseconds
        let offset = entry.clockOffsetMilliseconds
        let isWrong = offset.map { $0.magnitude > limit.magnitude } ?? false
        let correction = isWrong ? offset ?? 0 : 0
        let ended = entry.ended
        let trueEnd = Self.limited(ended.milliseconds - correction, entry)
        var judgement = Judgement(
            counts: false, instant: Self.limited(min(entry.received.milliseconds, entry.observed.milliseconds - correction), entry),
            before: newest)
        if ended > entry.received + Self.aheadMax { return judgement }
        let wentBack = newest.map { ended < $0 - Self.offsetMax } ?? false
        if isWrong {
            judgement.withdrawal = confirmed.map { .after($0) } ?? .everything
            judgement.latest = trueEnd
            newest = confirmed
            floor = trueEnd
            return judgement
        }
        if offset == nil {
            judgement.counts = !wentBack
        } else {
            judgement.counts = true
            judgement.latest = trueEnd
            if wentBack {
                judgement.withdrawal = .after(ended)
                (newest, confirmed, floor) = (ended, ended, trueEnd)
            }
        }
        guard judgement.counts else { return judgement }
        newest = newest.map { max($0, ended) } ?? ended
        if offset != nil { confirmed = confirmed.map { max($0, ended) } ?? ended }
        return judgement
    }

    /// Whether a look that such a bundle lists was made when it says.
    package func believes(_ instant: Timestamp, in entry: ChainEntry) -> Bool {
        instant >= entry.enrolled && instant <= entry.ended && (floor.map { instant >= $0 } ?? true)
    }

    /// Not before the appliance was enrolled, and in the years 1970 to 9999.
    private static func limited(_ milliseconds: Int64, _ entry: ChainEntry) -> Timestamp {
        Timestamp(milliseconds: min(max(milliseconds, entry.enrolled.milliseconds, 0), 253_402_300_799_999))
    }
}
