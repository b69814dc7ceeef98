package import Catalog
import Conditions
package import Hosts
package import Model

/// Looks at hosts: runs the probes that checks need and judges what they read.
///
/// All commands of a host's pass go to it at once, each once, however many probes and checks share it. Each host is
/// looked at by a task of its own with a deadline of its own: a slow or dead one delays nobody.
package struct Scanner: Sendable {
    /// One host and the checks to run on it.
    package struct Request: Sendable {
        package let host: any Host
        package let checks: [CheckDefinition]

        package init(host: any Host, checks: [CheckDefinition]) {
            self.host = host
            self.checks = checks
        }
    }

    private let probes: [ProbeID: any Probe]
    private let parameters: @Sendable (CheckDefinition) -> [String: TypedValue]
    private let clock: WallClock
    private let hostsMax: Int
    private let passDeadline: Duration

    /// - Parameters:
    ///   - parameters: a check's values at this site (`CompiledCatalog.parameters(of:baseline:)`).
    ///   - hostsMax: hosts that are looked at at the same time; one session each.
    ///   - passDeadline: for everything that is asked of one host in one pass.
    package init(
        probes: [any Probe] = ProbeRegistry.all, parameters: @escaping @Sendable (CheckDefinition) -> [String: TypedValue],
        clock: WallClock, hostsMax: Int = 16, passDeadline: Duration = .seconds(300)
    ) {
        self.probes = Dictionary(probes.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        self.parameters = parameters
        self.clock = clock
        self.hostsMax = hostsMax
        self.passDeadline = passDeadline
    }

    /// Looks at every host and hands each one's observations over as soon as it is done.
    package func scan(_ requests: [Request], each: @escaping @Sendable ([Observation]) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            var waiting = requests[...]
            for _ in 0..<min(hostsMax, requests.count) {
                let request = waiting.removeFirst()
                group.addTask { await each(scan(request)) }
            }
            while await group.next() != nil {
                guard let request = waiting.popFirst() else { continue }
                group.addTask { await each(scan(request)) }
            }
        }
    }

    /// One observation per check, in the order asked. Never throws: a host that cannot be asked makes every check `unknown`.
    package func scan(_ request: Request) async -> [Observation] {
        let started = clock.now()
        let results: [Result<Facts, ProbeError>]
        if let host = request.host as? any FactHost {
            results = await ask(host, request.checks)
        } else {
            let pass = Pass(request.checks, probes: probes, parameters: parameters)
            let outputs = await withDeadline(passDeadline, commands: pass.commands, on: request.host)
            let ended = clock.now()
            results = request.checks.map { pass.facts(for: $0, results: outputs, at: ended) }
        }
        let ended = clock.now()
        return zip(request.checks, results).map { check, result in
            var facts = Facts()
            let verdict: Verdict
            switch result {
            case .success(let read):
                facts = read.keeping(check.facts)
                verdict = check.judge(facts, parameters: parameters(check), at: ended)
            case .failure(let failure):
                verdict = .unknown(failure.code)
            }
            return Observation(host: request.host.id, check: check.id, verdict: verdict, facts: facts, started: started, ended: ended)
        }
    }

    /// A host that looks by itself.
    private func ask(_ host: any FactHost, _ checks: [CheckDefinition]) async -> [Result<Facts, ProbeError>] {
        let requests = checks.map { ProbeRequest(check: $0.id, probe: $0.probe, parameters: parameters($0)) }
        if requests.isEmpty { return [] }
        let results = await within(passDeadline) { await host.facts(requests) }
        if let results, results.count == requests.count { return results }
        return requests.map { _ in .failure(ProbeError(HostError.timedOut.code, "the whole look")) }
    }

    /// The host keeps a deadline for each command; this is the one for all of them together. Cancelling ends the commands.
    private func withDeadline(
        _ deadline: Duration, commands: [HostCommand], on host: any Host
    ) async -> [Result<CommandResult, HostError>] {
        if commands.isEmpty { return [] }
        return await within(deadline) { await host.run(commands) } ?? Array(repeating: .failure(.timedOut), count: commands.count)
    }

    /// Real processes are waited for, so it is real time, whatever `clock` says.
    private func within<Value: Sendable>(_ deadline: Duration, _ work: @escaping @Sendable () async -> Value) async -> Value? {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await work() }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }
}

/// One pass over one host: each probe once per set of parameters, each command once.
private struct Pass {
    private(set) var commands: [HostCommand] = []
    private var places: [HostCommand: Int] = [:]
    private var readings: [CheckID: Reading] = [:]

    private struct Reading {
        let probe: any Probe
        let parameters: [String: TypedValue]
        /// Where each of the probe's commands stands among all.
        let places: [Int]
    }

    init(_ checks: [CheckDefinition], probes: [ProbeID: any Probe], parameters: (CheckDefinition) -> [String: TypedValue]) {
        for check in checks {
            guard let probe = probes[check.probe] else { continue }
            let values = parameters(check)
            let asked = probe.commands(values).map { command in
                if let place = places[command] { return place }
                places[command] = commands.count
                commands.append(command)
                return commands.count - 1
            }
            readings[check.id] = Reading(probe: probe, parameters: values, places: asked)
        }
    }

    func facts(
        for check: CheckDefinition, results: [Result<CommandResult, HostError>], at now: Timestamp
    ) -> Result<Facts, ProbeError> {
        guard let reading = readings[check.id] else { return .failure(ProbeError("probe.missing", "\(check.probe)")) }
        let own = reading.places.map { results[$0] }
        // A host that did not answer at all is reported as that, not as many facts that could not be read.
        if let first = own.first, case .failure(let failure) = first, failure.isOfWholeHost, own.allSatisfy({ $0 == first }) {
            return .failure(ProbeError(failure.code, "\(failure)"))
        }
        return Result { () throws(ProbeError) in try reading.probe.parse(own, reading.parameters, at: now) }
    }
}

extension HostError {
    fileprivate var isOfWholeHost: Bool {
        switch self {
        case .unreachable, .hostKeyChanged, .hostKeyUnknown, .authenticationFailed, .timedOut, .connectionLost: true
        case .notPermitted(let what): what == "sudo" || what == "the log-in shell"
        case .outputLimit, .commandMissing: false
        }
    }
}

extension CheckDefinition {
    /// Every fact that its clauses name or that it requires: what an observation keeps.
    package var facts: Set<FactName> {
        (notApplicable + drift).reduce(into: Set(requires)) { $0.formUnion($1.condition.facts) }
    }
}

extension Facts {
    fileprivate func keeping(_ names: Set<FactName>) -> Facts {
        Facts(values.filter { names.contains($0.key) }, unknowns: unknowns.filter { names.contains($0.key) })
    }
}
