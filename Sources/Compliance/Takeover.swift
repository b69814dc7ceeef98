package import Model
package import Seal

/// An appliance that began to watch a host that another one watched.
package struct Takeover: Hashable, Sendable {
    /// Who is replaced sends what it still has and is still. One that goes on after this was not replaced.
    package static let quietMin: Duration = .seconds(3_600)

    package let appliance: ApplianceID
    package let before: ApplianceID
    package let host: HostID
    package let at: Timestamp

    /// For people.
    package var sentence: String { "\(host) by \(appliance) at \(at), where \(before) was and still sent: ask why" }

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description), "at": .string(at.description), "before": .string(before.description),
            "host": .string(host.description),
        ]
    }
}
