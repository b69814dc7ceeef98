/// What an appliance's lint of a learned rule rests on, as its bundles name it. The number of its site policy is not in it: leaving a rule
/// out of that document changes the number.
package struct LintBasis: Hashable, Sendable {
    package let catalog: Int64
    package let software: String
    /// As the site's configuration has it.
    package let policy: String

    /// - Parameter policyVersion: `1+7` of a written policy 1 under document 7.
    package init(catalog: Int64, software: String, policyVersion: String) {
        self.catalog = catalog
        self.software = software
        policy = String(policyVersion.prefix { $0 != "+" })
    }

    /// Whether another answer may come now. Bundles that were begun under the catalog before come after it too.
    func isNewer(than other: LintBasis) -> Bool {
        catalog > other.catalog || software != other.software || policy != other.policy
    }
}
