package import Model
import Seal

/// Everything that a kit has to account for: every required slot, and the bundles that a sample is drawn from. A kit's manifest commits
/// to the digest of its canonical bytes, so that neither can be made smaller afterwards.
package struct Population: Sendable {
    package static let schema = "martlet.population/v1"

    private let coverage: Coverage
    private let controls: ControlMap

    package init(_ coverage: Coverage, controls: ControlMap) {
        self.coverage = coverage
        self.controls = controls
    }

    /// Bundles, in the order in which they are numbered.
    package var bundles: [Coverage.Read] { coverage.read }

    package var canonicalBytes: [UInt8] {
        // Only texts and small integers.
        try! JSONValue.object([
            "bundles": .array(
                bundles.map {
                    ["appliance": .string($0.appliance.description), "first": .integer($0.first), "last": .integer($0.last)]
                }), "controls": .array(controls.controls.map { .object($0.json) }), "from": .string(coverage.period.from.description),
            "horizon": .string(coverage.period.horizon.description), "schema": .string(Self.schema),
            "site": .string(coverage.site.description),
            "slots": .array(
                coverage.pairs.flatMap { pair in
                    pair.slots.map { slots in
                        [
                            "check": .string(pair.subject.check.description), "host": .string(pair.subject.host.description),
                            "hours": .integer(Int64(slots.hours)),
                            "runs": .array(slots.runs.map { [.integer(Int64($0.lowerBound)), .integer(Int64($0.count))] }),
                        ]
                    }
                }), "until": .string(coverage.period.until.description),
        ]).canonicalBytes()
    }

    package var digest: Digest { Digest(of: canonicalBytes) }
}
