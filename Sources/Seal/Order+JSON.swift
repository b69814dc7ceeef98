package import Model

/// `martlet.order/v1`; every field is documented in `docs/formats/order.md`.
extension Order {
    package static let schema = "martlet.order/v1"

    package var json: JSONValue {
        [
            "appliance": .string(appliance.description),
            "approver": approver.map { .string($0) } ?? nil,
            "check": check.map { .string($0.description) } ?? nil,
            "expires": .string(expires.description),
            "host": .string(host?.description ?? "*"),
            "id": .string(id.description),
            "issued": .string(issued.description),
            "kind": .string(kind.rawValue),
            "nonce": .string(nonce),
            "parameters": .object(parameters.mapValues(\.json)),
            "reason": .string(reason),
            "requester": .string(requester),
            "runbook": runbook.map { .string($0.description) } ?? nil,
            "schema": .string(Self.schema),
            "sequence": .integer(sequence),
            "site": .string(site.description),
        ]
    }

    /// Unknown members are refused: one could be a condition that we would not keep.
    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        try reader.refuseUnknown(except: [
            "appliance", "approver", "check", "expires", "host", "id", "issued", "kind", "nonce", "parameters", "reason", "requester",
            "runbook", "schema", "sequence", "site",
        ])
        let host = try reader.string("host", bytesMax: 100)
        let kind = try reader.word("kind", as: Kind.self)
        let nonce = try reader.string("nonce", bytesMax: 32)
        guard let nonceBytes = [UInt8](hexadecimal: nonce), nonceBytes.count == 16 else {
            throw .outOfRange("nonce", expected: "32 lower-case hexadecimal digits")
        }
        guard let members = try reader.required("parameters").object else { throw .wrongType("parameters", expected: "an object") }
        guard members.count <= 64 else { throw .outOfRange("parameters", expected: "at most 64 parameters") }
        var parameters: [String: TypedValue] = [:]
        for (name, value) in members {
            guard (1...100).contains(name.utf8.count) else { throw .outOfRange("parameters", expected: "names of 1 to 100 bytes") }
            parameters[name] = try TypedValue(json: value, at: "parameters.\(name)")
        }
        let requester = try reader.string("requester", bytesMax: 200)
        guard !requester.isEmpty else { throw .outOfRange("requester", expected: "a name") }
        let runbook = try reader.optionalParsed("runbook", as: RunbookID.self)
        let check = try reader.optionalParsed("check", as: CheckID.self)
        if kind == .runbook {
            guard runbook != nil else { throw .missing("runbook") }
            guard check != nil else { throw .missing("check") }
        }
        self.init(
            id: try reader.parsed("id"), site: try reader.parsed("site"), appliance: try reader.parsed("appliance"),
            host: host == "*" ? nil : try reader.parsed("host"), kind: kind, runbook: runbook, check: check, parameters: parameters,
            issued: try reader.instant("issued"), expires: try reader.instant("expires"), nonce: nonce,
            sequence: try reader.integer("sequence", in: 1...JSONValue.greatestInteger), requester: requester,
            reason: try reader.string("reason", bytesMax: 2_000), approver: try reader.optionalString("approver", bytesMax: 200))
    }
}

/// An order in the form that travels. What comes from outside goes through `OrderAuthenticator` instead.
package struct SignedOrder: Hashable, Sendable {
    package let envelope: SignedEnvelope

    package init(signing order: Order, with key: SigningKey) throws(JSONError) {
        envelope = try SignedEnvelope(signing: order.json, with: key)
    }

    /// As it stands in a check-in reply.
    package var text: String { envelope.text }
}
