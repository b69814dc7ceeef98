package import Model
import Seal

/// The packet filter as the kernel has it, and the service that loads it at boot.
package struct FirewallProbe: Probe {
    package let id: ProbeID = "firewall"
    package let facts: [FactName: ValueType] = [
        "nft.ruleset_digest": .string, "nft.rules": .integer, "nft.input_policy": .string, "firewall.service_active": .boolean,
        "firewall.service_enabled": .boolean,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        [HostCommand(["nft", "-j", "list", "ruleset"], outputBytesMax: 4 << 20), ServiceStates.command([service(parameters)])]
    }

    private func service(_ parameters: [String: TypedValue]) -> String { parameters.string("service") ?? "nftables.service" }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        var facts = Facts()
        facts.read("nft.ruleset_digest", "nft.rules", "nft.input_policy") { () throws(ProbeError) in
            let ruleset = try NftRuleset(outputs.json(0))
            return [
                "nft.ruleset_digest": .string(ruleset.digest.description), "nft.rules": .integer(Int64(ruleset.rules)),
                "nft.input_policy": .string(ruleset.inputPolicy),
            ]
        }
        facts.read("firewall.service_active", "firewall.service_enabled") { () throws(ProbeError) in
            let state = try ServiceStates.read(outputs, 1, asked: [service(parameters)])[0]
            return ["firewall.service_active": .boolean(state.isActive), "firewall.service_enabled": .boolean(state.isEnabled)]
        }
        return facts
    }
}

/// The meaning of an nftables ruleset without what changes by itself: handles, counters, elements' time-outs and the
/// version of the tool. The order of rules is meaning and is kept.
struct NftRuleset {
    /// SHA-256 of the canonical JSON of what is left.
    let digest: Digest
    let rules: Int
    /// `drop`, `accept`, or `none` where nothing is hooked to input. The strictest of several: each can drop.
    let inputPolicy: String

    init(_ listing: JSONValue) throws(ProbeError) {
        guard let entries = listing["nftables"]?.array else { throw ProbeError("probe.unparseable", "no nftables listing") }
        let kept = entries.filter { $0["metainfo"] == nil }.map(Self.stripped)
        do {
            digest = Digest(of: try JSONValue.array(kept).canonicalBytes())
        } catch {
            throw ProbeError("probe.unparseable", error.message)
        }
        rules = kept.count { $0["rule"] != nil }
        let policies = kept.compactMap { $0["chain"] }.filter { $0["hook"]?.string == "input" && $0["type"]?.string == "filter" }
            .map { $0["policy"]?.string ?? "accept" }
        inputPolicy = policies.contains("drop") ? "drop" : policies.first ?? "none"
    }

    private static func stripped(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(var members):
            members["handle"] = nil
            members["index"] = nil
            // A counter in a rule stays a counter; what it has counted goes. A named counter likewise.
            if members["packets"] != nil, members["bytes"] != nil {
                members["packets"] = nil
                members["bytes"] = nil
            }
            members["expires"] = nil
            if members.keys.contains("counter"), members["counter"] != .null, members.count == 1, members["counter"]?.object?["name"] == nil
            {
                return ["counter": .null]
            }
            return .object(members.mapValues(stripped))
        case .array(let items): return .array(items.map(stripped))
        default: return value
        }
    }
}
