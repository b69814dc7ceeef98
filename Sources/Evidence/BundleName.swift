package import Model

/// How a person names one bundle: by its id, or by its place in a chain, as `posture --proof` shows it.
package enum BundleName: Hashable, Sendable {
    case id(BundleID)
    case place(ApplianceID, sequence: Int64)

    /// `bndl_…`, or `appl_…/42`.
    package init?(_ text: String) {
        if let id = BundleID(text) {
            self = .id(id)
            return
        }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let appliance = ApplianceID(String(parts[0])), let sequence = Int64(parts[1]), sequence >= 0 else {
            return nil
        }
        self = .place(appliance, sequence: sequence)
    }
}
