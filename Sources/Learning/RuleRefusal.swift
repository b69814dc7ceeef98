package import Model
import Seal

/// That an appliance's own lint left a learned rule out. Its site is not told the rule while that stands.
package struct RuleRefusal: Hashable, Sendable {
    /// Answers that are asked for again; after so many it stands for this version of the rule.
    package static let countMax = 10

    package let appliance: ApplianceID
    package let site: SiteID
    package internal(set) var basis: LintBasis
    package internal(set) var count = 1
    package internal(set) var stands = true
}

extension RuleRefusal {
    var stored: JSONValue {
        [
            "appliance": .string(appliance.description), "site": .string(site.description), "catalog": .integer(basis.catalog),
            "software": .string(basis.software), "policy": .string(basis.policy), "count": .integer(Int64(count)),
            "stands": .boolean(stands),
        ]
    }

    init(stored reader: ObjectReader) throws(FieldError) {
        (appliance, site) = (try reader.parsed("appliance"), try reader.parsed("site"))
        basis = LintBasis(
            catalog: try reader.integer("catalog"), software: try reader.string("software", bytesMax: 1_000),
            policyVersion: try reader.string("policy", bytesMax: 1_000))
        count = Int(try reader.integer("count", in: 1...Int64(Self.countMax)))
        stands = try reader.boolean("stands")
    }
}
