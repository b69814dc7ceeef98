import Evidence
import Model
import Seal
import TestSupport

@testable import Reports

/// What insiders can do, one step at a time.
extension KitParts {
    mutating func edit(_ name: String, _ edit: (inout [String: JSONValue]) throws -> Void) throws {
        var members = try JSONValue(parsing: self[name]!, limits: JSONLimits(bytesMax: 1 << 24)).object!
        try edit(&members)
        self[name] = try JSONValue.object(members).canonicalBytes()
    }

    mutating func editAppliance(_ index: Int, with key: SigningKey, _ edit: (inout [String: JSONValue]) -> Void) throws {
        try relist(with: key) {
            var appliances = $0["appliances"]!.array!
            var appliance = appliances[index].object!
            edit(&appliance)
            appliances[index] = .object(appliance)
            $0["appliances"] = .array(appliances)
        }
    }

    /// An envelope's payload, changed and signed again.
    mutating func reseal(_ name: String, with key: SigningKey, _ edit: (inout [String: JSONValue]) -> Void) throws {
        let limits = JSONLimits(bytesMax: 1 << 20)
        var members = try JSONValue(parsing: SignedEnvelope(parsing: self[name]!, limits: limits).payload, limits: limits).object!
        edit(&members)
        self[name] = Array(try SignedEnvelope(signing: .object(members), with: key).text.utf8)
    }

    /// Changes one bundle of the first chain, and signs everything after it, its receipts and the manifest again.
    mutating func rechain(from place: Int, of sample: KitSample, _ edit: (inout [String: JSONValue]) -> Void) throws {
        let names = Array(bundleNames[..<12])
        for index in place..<12 {
            var members = try JSONValue(parsing: self[names[index]]!, limits: JSONLimits(bytesMax: 1 << 20)).object!
            if index == place { edit(&members) } else { members["previous"] = .string(Digest(of: self[names[index - 1]]!).description) }
            let bytes = try JSONValue.object(members).canonicalBytes()
            self[names[index]] = bytes
            self[names[index].replacing("bundle.json", with: "bundle.sig")] = sample.evidenceKey.sign(bytes)
        }
        for name in receiptNames where name.contains(sample.appliances[0].description) {
            let heads = names.map { Digest(of: self[$0]!).description }
            try reseal(name, with: sample.receiptKey) { $0["head"] = .string(heads[Int($0["lastSequence"]!.integer!)]) }
        }
        let head = Digest(of: self[names[11]]!).description
        try relist(with: sample.central) {
            var appliances = $0["appliances"]!.array!
            var first = appliances[0].object!
            first["head"] = .string(head)
            appliances[0] = .object(first)
            $0["appliances"] = .array(appliances)
        }
    }
}
