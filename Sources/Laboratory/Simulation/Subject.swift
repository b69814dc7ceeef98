import Detection
import Model

/// One check on one host: what is true, what the appliance knows of it, and what of the fault is to be counted.
struct Subject {
    private(set) var fault: Fault?
    /// Repaired, and not undone again yet.
    var isDormant = false
    /// Of the newest fault.
    private(set) var lastScenario = 0
    var incident: Incident?
    private(set) var openings: [Timestamp] = []
    var lastAttempt: Timestamp?
    var looked = SimulationSetup.start
    /// Ends of repairs that passed, of a day, oldest first.
    private(set) var repairs: [Timestamp] = []
    /// When the newest of all ended.
    private(set) var healed = Timestamp(milliseconds: 0)
    /// Comes back.
    var relapsing: Fault?
    var lookAt: Timestamp?
    var decideAt: Timestamp?

    /// What a person was told when the incident was handed over.
    var ticket: Code?

    // Of the fault, until it is over.
    var firstAnswer: Code?
    var handedOver: Code?
    var isMisjudged = false

    mutating func begin(_ fault: Fault) {
        self.fault = fault
        lastScenario = fault.scenario
        (firstAnswer, handedOver, isMisjudged, isDormant) = (nil, nil, false, false)
    }

    mutating func end() {
        fault = nil
        isDormant = false
    }

    mutating func open(_ incident: Incident, at now: Timestamp) {
        self.incident = incident
        openings.removeAll { now - $0 >= .seconds(3_600) }
        openings.append(now)
    }

    mutating func passed(at now: Timestamp) {
        healed = now
        repairs.removeAll { now - $0 >= .seconds(86_400) }
        repairs.append(now)
    }

    /// The first look at or after `instant`, as `Detector` orders them: at every interval, and once more soon after a repair.
    func nextLook(notBefore instant: Timestamp, interval: Duration) -> Timestamp {
        var last = looked
        let proof = healed + Detector.relapseAfter
        if last < proof, last >= healed {
            while last < proof {
                last = min(last + interval, proof)
                if last >= instant { return last }
            }
        }
        let whole = interval.wholeMilliseconds
        let passed = max((instant - last).wholeMilliseconds, 1)
        return last + .milliseconds((passed + whole - 1) / whole * whole)
    }
}
