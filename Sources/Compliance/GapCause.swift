package import Model

/// Why a slot was not seen, where an appliance or Central can say it. Other causes are the codes of `unknown` verdicts.
package enum GapCause: String, Hashable, Sendable, CaseIterable {
    /// The appliance did not run.
    case down = "gap.down"
    /// The host could not be reached.
    case network = "gap.network"
    /// The appliance's clock was wrong, so that its dates do not count.
    case clock = "gap.clock"
    /// Evidence could not be written.
    case disk = "gap.disk"
    case paused = "gap.paused"
    /// Central heard nothing.
    case silent = "gap.silent"
    case revoked = "gap.revoked"
    case unknown = "gap.unknown"

    package var code: Code { Code(rawValue)! }

    /// What a statement of Central may give as a cause; the others only the appliance knows.
    package var isOfCentral: Bool { self == .silent || self == .revoked || self == .unknown }

    /// For a person.
    package var sentence: String {
        switch self {
        case .down: "The appliance did not run."
        case .network: "The host could not be reached."
        case .clock: "The appliance's clock was wrong."
        case .disk: "Evidence could not be written to the appliance's disk."
        case .paused: "Looking was stopped by order."
        case .silent: "Central heard nothing of the appliance."
        case .revoked: "The appliance's keys were revoked."
        case .unknown: "Nothing says why."
        }
    }
}
