package import Model
package import Seal

/// One check that an appliance has to look at on a host, and how often: an item of a bundle's `expected`.
package struct ExpectedCheck: Hashable, Sendable {
    package static let countMax = 1_024
    /// For both numbers; 366 days.
    package static let seconds: ClosedRange<Int64> = 1...31_622_400

    package let check: CheckID
    package let intervalSeconds: Int64
    package let staleAfterSeconds: Int64

    /// Limits both numbers to `seconds`.
    package init(check: CheckID, intervalSeconds: Int64, staleAfterSeconds: Int64) {
        self.check = check
        self.intervalSeconds = min(max(intervalSeconds, Self.seconds.lowerBound), Self.seconds.upperBound)
        self.staleAfterSeconds = min(max(staleAfterSeconds, Self.seconds.lowerBound), Self.seconds.upperBound)
    }
}

extension ExpectedCheck {
    package var json: JSONValue {
        [
            "check": .string(check.description), "intervalSeconds": .integer(intervalSeconds),
            "staleAfterSeconds": .integer(staleAfterSeconds),
        ]
    }

    package init(reading reader: ObjectReader) throws(FieldError) {
        self.init(
            check: try reader.parsed("check"), intervalSeconds: try reader.integer("intervalSeconds", in: Self.seconds),
            staleAfterSeconds: try reader.integer("staleAfterSeconds", in: Self.seconds))
    }
}
