package import Model

package enum ScenarioSubject: Sendable {}
/// Family and what happens: `firewall.flushed`.
package typealias ScenarioID = Name<ScenarioSubject>

/// Something that goes wrong on a host, and what must become of it: the same for simulated and for real hosts.
package struct Scenario: Sendable {
    package enum Family: String, Hashable, Sendable, CaseIterable {
        case firewall, service, ssh, session, permission, account, password, kernel, package, audit, disk, log, backup, certificate, time
        case network, encryption, integrity
    }

    /// What is right. Anything else that was done to the host is harm.
    package enum Ending: Hashable, Sendable {
        /// Repaired by a rule.
        case healed
        /// The gate's first answer is to wait, with this code; repaired when the reason is gone, and not before.
        case waits(Code)
        /// A person gets it, with this code, and the host stays as it is.
        case handedOver(Code)
        /// The check could not look: no verdict, nothing opened, nothing done.
        case unseen
        /// A person accepted it before: no drift, nothing done.
        case accepted

        package var text: String {
            switch self {
            case .healed: "healed"
            case .waits(let code): "waits (\(code)), then healed"
            case .handedOver(let code): "a person (\(code))"
            case .unseen: "unknown"
            case .accepted: "accepted"
            }
        }
    }

    /// Where and when it has to happen to be this scenario.
    package enum Place: String, Hashable, Sendable {
        case anywhere
        case clinicalDevice
        case outsideWindow
        /// The appliance's clock is wrong; where it has no time source, unknown.
        case clockOff
    }

    package let id: ScenarioID
    package let family: Family
    package let title: String
    /// The check that must see it.
    package let check: CheckID
    /// As what it must be seen; nil where it must not be drift.
    package let code: Code?
    package let ending: Ending
    package let place: Place
    /// Somebody undoes each repair so long after it, until a person finds out who; nil where nobody does.
    package let comesBackAfter: Duration?
    /// What of the host's facts differs from `SoundHost`; for the simulation.
    package let facts: [FactName: SimulatedFact]
    package let course: Course
    /// How it is done to a real host; nil where a practice host cannot have it.
    package let rehearsal: Rehearsal?

    package init(
        _ id: ScenarioID, _ family: Family, _ title: String, check: CheckID, code: Code?, _ ending: Ending, place: Place = .anywhere,
        comesBackAfter: Duration? = nil, facts: [FactName: SimulatedFact], course: Course = Course(), rehearsal: Rehearsal? = nil
    ) {
        self.id = id
        self.family = family
        self.title = title
        self.check = check
        self.code = code
        self.ending = ending
        self.place = place
        self.comesBackAfter = comesBackAfter
        self.facts = facts
        self.course = course
        self.rehearsal = rehearsal
    }

    package var isHealable: Bool {
        switch ending {
        case .healed, .waits: true
        case .handedOver, .unseen, .accepted: false
        }
    }

    package var keepsComingBack: Bool { comesBackAfter != nil }

    /// Whether a fault that somebody saw to went as it should have.
    /// - Parameters:
    ///   - firstAnswer: of the gate, or of what found no plan for it; nil where nothing was decided.
    ///   - handedOver: why a person got it.
    func isAsExpected(healed: Bool, firstAnswer: Code?, handedOver: Code?, isMisjudged: Bool) -> Bool {
        switch ending {
        case .healed: healed
        case .waits(let code): healed && firstAnswer == code
        // What keeps coming back may also come too slowly to be flapping; then it is the day that ends it.
        case .handedOver(let code): !healed && (handedOver == code || keepsComingBack && handedOver == "gate.daily")
        case .unseen, .accepted: !healed && firstAnswer == nil && !isMisjudged
        }
    }

    /// Its id, or its family's name.
    package func isNamed(_ name: String) -> Bool { id.description == name || family.rawValue == name }

    /// All, in the order of tables.
    package static let all: [Scenario] = access + services + files + accounts + system + data
}

/// A fact of a simulated host.
package enum SimulatedFact: Hashable, Sendable {
    case value(TypedValue)
    /// An instant so long before the look: what was fresh yesterday is a day older today.
    case ago(Duration)
    case absent
    case unreadable(Code)
}

/// How a scenario goes on simulated hosts. House values of the laboratory, not measured ones.
package struct Course: Hashable, Sendable {
    package var perHostYear = 3.0
    /// Of 1,000 attempts with the right runbook so many pass the re-check.
    package var worksPermille = 970
    /// From the first step to the re-check.
    package var seconds: ClosedRange<Int64> = 2...20
    /// Of 1,000 so many go away before anybody acts on them.
    package var alonePermille = 20
    /// Of 1,000 repairs that passed so many do not last.
    package var relapsePermille = 15
    /// The catalog's rule is left out of the simulation: the stand-in for L2 has to find the remedy, and learning to keep it.
    package var isLeftToL2 = false

    package init(
        perHostYear: Double = 3, worksPermille: Int = 970, seconds: ClosedRange<Int64> = 2...20, alonePermille: Int = 20,
        relapsePermille: Int = 15, isLeftToL2: Bool = false
    ) {
        self.perHostYear = perHostYear
        self.worksPermille = worksPermille
        self.seconds = seconds
        self.alonePermille = alonePermille
        self.relapsePermille = relapsePermille
        self.isLeftToL2 = isLeftToL2
    }
}

/// A scenario on a real practice host. Scripts are the test's hand: they run as root inside the host, past the box.
package struct Rehearsal: Hashable, Sendable {
    package let inject: String
    /// Prints what the box must leave as `inject` made it; for scenarios that it must not repair.
    package let state: String
    /// Puts back what the box must not.
    package let undo: String
    /// Beginnings of lines of `HostSnapshot` that may be others after a repair than before the drift: what the hand left behind and what
    /// the runbook is allowed to write.
    package let touches: [String]
    /// Takes the host away for a while: after all others on it.
    package let isLast: Bool

    package init(_ inject: String, state: String = "", undo: String = "", touches: [String] = [], isLast: Bool = false) {
        self.inject = inject
        self.state = state
        self.undo = undo
        self.touches = touches
        self.isLast = isLast
    }
}
