import Compliance
package import Model
package import Seal

/// `martlet.pruned/v1`: bundles of one appliance that are gone after their term. What is gone cannot be shown, but which it was is fixed:
/// the digest of the last is that which the first one left names as its predecessor, and the statement stands in the log.
package struct PrunedStatement: Hashable, Sendable {
    package static let schema = "martlet.pruned/v1"

    package let appliance: ApplianceID
    package let firstSequence: Int64
    package let lastSequence: Int64
    package let firstDigest: Digest
    package let lastDigest: Digest
    package let receivedFrom: Timestamp
    package let receivedUntil: Timestamp
    package let made: Timestamp
    /// Days for which evidence was kept; nil in statements from before it was said.
    package let retentionDays: Int64?

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        appliance = try reader.parsed("appliance")
        firstSequence = try reader.integer("firstSequence", in: 0...KitPath.sequenceMax)
        lastSequence = try reader.integer("lastSequence", in: firstSequence...KitPath.sequenceMax)
        firstDigest = try reader.parsed("firstDigest")
        lastDigest = try reader.parsed("lastDigest")
        receivedFrom = try reader.instant("receivedFrom")
        receivedUntil = try reader.instant("receivedUntil")
        made = try reader.instant("made")
        retentionDays = reader.optional("retentionDays") == nil ? nil : try reader.integer("retentionDays", in: 1...100_000)
    }
}

extension PrunedStatement {
    var listed: JSONValue {
        [
            "appliance": .string(appliance.description), "firstDigest": .string(firstDigest.description),
            "firstSequence": .integer(firstSequence), "lastDigest": .string(lastDigest.description),
            "lastSequence": .integer(lastSequence), "made": .string(made.description),
            "receivedFrom": .string(receivedFrom.description), "receivedUntil": .string(receivedUntil.description),
            "retentionDays": retentionDays.map { .integer($0) } ?? nil,
        ]
    }

    var sentence: String {
        let term = retentionDays.map { " after \($0) days" } ?? " after their term"
        return "\(appliance): bundles \(firstSequence) to \(lastSequence), received until \(receivedUntil), are gone\(term); the last was "
            + "\(lastDigest)"
    }
}

extension ContinuityStatement {
    /// As a kit has it: with what is gone.
    func json(pruned: [PrunedStatement]) -> JSONValue {
        guard !pruned.isEmpty, var members = json.object else { return json }
        members["pruned"] = .array(pruned.map(\.listed))
        return .object(members)
    }
}
