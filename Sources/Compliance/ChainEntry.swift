package import Evidence
package import Model

/// What coverage and verdict runs need to know of one verified bundle. Which bundle counts, and as what: `docs/formats/coverage.md`.
package struct ChainEntry: Hashable, Sendable {
    /// One look of one check at one host.
    package struct Look: Hashable, Sendable {
        package let subject: WatchedCheck
        package let instant: Timestamp
        package let verdict: Verdict

        package init(_ subject: WatchedCheck, at instant: Timestamp, _ verdict: Verdict) {
            self.subject = subject
            self.instant = instant
            self.verdict = verdict
        }
    }

    package enum Content: Hashable, Sendable {
        /// Empty for a bundle that observes nothing.
        case looks([Look])
        case expectation([ExpectedCheck])
        /// From `started` to `ended`; nil: every check of the host.
        case gap(check: CheckID?, code: Code)
    }

    package let appliance: ApplianceID
    package let sequence: Int64
    /// When Central received it; without a receipt, the instant up to which is judged.
    package var received: Timestamp
    /// Nothing that the appliance says can be from before it.
    package let enrolled: Timestamp
    package let host: HostID
    package let observed: Timestamp
    package let started: Timestamp
    package let ended: Timestamp
    package let clockOffsetMilliseconds: Int64?
    package let content: Content

    package init(
        appliance: ApplianceID, sequence: Int64, received: Timestamp, enrolled: Timestamp, host: HostID, observed: Timestamp,
        started: Timestamp, ended: Timestamp, clockOffsetMilliseconds: Int64?, content: Content
    ) {
        self.appliance = appliance
        self.sequence = sequence
        self.received = received
        self.enrolled = enrolled
        self.host = host
        self.observed = observed
        self.started = started
        self.ended = ended
        self.clockOffsetMilliseconds = clockOffsetMilliseconds
        self.content = content
    }
}

/// One check on one host of the site.
package struct WatchedCheck: Hashable, Comparable, Sendable {
    package let host: HostID
    package let check: CheckID

    package init(host: HostID, check: CheckID) {
        self.host = host
        self.check = check
    }

    package static func < (left: WatchedCheck, right: WatchedCheck) -> Bool {
        left.host == right.host ? left.check < right.check : left.host < right.host
    }
}

extension ChainEntry {
    package init(_ bundle: VerifiedBundle, received: Timestamp) {
        self.init(bundle.record, received: received, enrolled: bundle.enrolled)
    }

    /// - Parameter enrolled: of the key that signed it, `VerifiedBundle.enrolled`.
    package init(_ record: BundleRecord, received: Timestamp, enrolled: Timestamp) {
        self.init(
            appliance: record.origin.appliance, sequence: record.link.sequence, received: received, enrolled: enrolled, host: record.host,
            observed: record.observed, started: record.started, ended: record.ended,
            clockOffsetMilliseconds: record.clock.offsetMilliseconds, content: Self.content(record))
    }

    private static func content(_ record: BundleRecord) -> Content {
        switch record.kind {
        case .expectation: .expectation(record.expected)
        // A gap's outcome is an alert, and that has a code: reading it made sure.
        case .gap: .gap(check: record.check, code: record.outcome.code ?? GapCause.unknown.code)
        case .verdict, .attestation, .healing, .decision, .order, .system: .looks(looks(record))
        }
    }

    private static func looks(_ record: BundleRecord) -> [Look] {
        switch record.kind {
        case .verdict:
            guard let check = record.check, let verdict = record.verdict else { return [] }
            return [Look(WatchedCheck(host: record.host, check: check), at: record.observed, verdict)]
        case .attestation:
            return record.attested.map { Look(WatchedCheck(host: record.host, check: $0.check), at: $0.observed, $0.verdict) }
        case .healing:
            if let recheck = record.outcome.recheck {
                return [Look(WatchedCheck(host: recheck.host, check: recheck.check), at: recheck.started, .compliant)]
            }
            guard let check = record.check, let verdict = record.verdict else { return [] }
            return [Look(WatchedCheck(host: record.host, check: check), at: record.ended, verdict)]
        case .decision, .order, .system, .expectation, .gap:
            return []
        }
    }
}
