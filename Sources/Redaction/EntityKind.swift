/// What the scrubber takes out. The raw value is the word in the tag that takes its place.
package enum EntityKind: String, Hashable, Sendable, CaseIterable {
    case ssn, mrn, patient, phone, email, card, dob, date, address, zip, plan, account, mbi, licence, name

    /// Of values whose digits alone say who is meant, however they are grouped.
    var isNumeric: Bool {
        switch self {
        case .ssn, .phone, .card, .zip, .dob, .date: true
        default: false
        }
    }
}

/// A stretch of text that must not leave.
struct Match {
    var start: Int
    var end: Int
    var kind: EntityKind
    /// Stands where JSON has a number, and so becomes one.
    var isNumber = false
}
