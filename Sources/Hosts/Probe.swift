package import Model

/// Reads one group of facts from a host: fixed commands, one parser.
///
/// A probe looks and does not judge. Its parser is a pure function of the recorded outputs, so that it is tested on
/// recordings of several distributions and an auditor can run it again.
package protocol Probe: Sendable {
    var id: ProbeID { get }
    /// Every fact that the parser can produce, with its type; conditions are checked against this when the catalog loads.
    var facts: [FactName: ValueType] { get }
    /// What to run, in order. `parameters` are the check's, from its definition and the site's baseline: names of
    /// services, paths to watch.
    func commands(_ parameters: [String: TypedValue]) -> [HostCommand]
    /// - Parameter results: one per command, in order.
    func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts
    /// Whether only root sees everything that the commands ask for. Where it is so, somebody else's half answer must not be judged.
    var needsRoot: Bool { get }
}

extension Probe {
    /// Unless a probe knows better: what is held back from others often looks like something that is not there.
    package var needsRoot: Bool { true }
}

/// Why a look at a host gave no facts at all.
package struct ProbeError: Error, Hashable, Sendable {
    /// `probe.unparseable`, `probe.truncated`, or a host error's code.
    package let code: Code
    /// For the log; may quote host output and therefore never leaves the site unscrubbed.
    package let detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}
