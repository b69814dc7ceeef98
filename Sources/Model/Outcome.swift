/// How something ended; one word in every bundle.
package enum Outcome: Hashable, Sendable {
    /// Done and the re-check passed. There is no other way to say it.
    case success(PassingRecheck)
    /// Tried; the check does not pass and nothing could be, or had to be, undone.
    case failed(Code)
    /// Tried, did not hold, and the state before was restored.
    case reverted(Code)
    /// Not now: will be tried at this instant.
    case deferred(until: Timestamp, Code)
    /// A person must act: nothing was changed.
    case alert(Code)
    /// Refused: nothing was changed.
    case rejected(Code)
    /// An order past its time: nothing was changed.
    case expired
    /// Only looked.
    case observed

    package var word: String {
        switch self {
        case .success: "success"
        case .failed: "failed"
        case .reverted: "reverted"
        case .deferred: "deferred"
        case .alert: "alert"
        case .rejected: "rejected"
        case .expired: "expired"
        case .observed: "observed"
        }
    }

    /// All words, for readers of evidence.
    package static let words: Set<String> = [
        "success", "failed", "reverted", "deferred", "alert", "rejected", "expired", "observed",
    ]

    /// Why; nil for `success` and `observed`.
    package var code: Code? {
        switch self {
        case .success, .observed: nil
        case .failed(let code), .reverted(let code), .alert(let code), .rejected(let code), .deferred(_, let code): code
        case .expired: "order.expired"
        }
    }
}

/// One step that was carried out, or tried.
package struct ActionRecord: Hashable, Sendable {
    /// From 1, in the order they ran.
    package let step: Int
    /// A verb of the fixed set (`service.start`, `sshd.set_option`).
    package let verb: String
    /// What it was done to, as a person would say it: a unit, a path, an option. Scrubbed before it is signed.
    package let target: String
    /// Exit status of the host's command; nil where no command ran to its end.
    package let exitStatus: Int?
    package let durationMilliseconds: Int64
    /// `done`, `unchanged`, `failed`, `rolled_back`, `rollback_failed`, `timed_out`, `interrupted`.
    package let result: String

    package init(step: Int, verb: String, target: String, exitStatus: Int?, durationMilliseconds: Int64, result: String) {
        self.step = step
        self.verb = verb
        self.target = target
        self.exitStatus = exitStatus
        self.durationMilliseconds = durationMilliseconds
        self.result = result
    }
}

/// `reseller` mirrors every event to the partner as well; `direct` does not.
package enum DeploymentMode: String, Hashable, Sendable, CaseIterable { case reseller, direct }

/// How far the appliance's clock was from others when something happened.
package struct ClockReading: Hashable, Sendable {
    /// Local minus reference; nil where no source could be reached, which is not the same as zero.
    package let offsetMilliseconds: Int64?
    /// `ntp:3 sources`, `central`, `none`.
    package let source: String

    package init(offsetMilliseconds: Int64?, source: String) {
        self.offsetMilliseconds = offsetMilliseconds
        self.source = source
    }

    package static let unknown = ClockReading(offsetMilliseconds: nil, source: "none")
}
