import Crypto
package import Healing
package import Model
package import Seal

/// Closes what a verb captured, so that the appliance can keep it and neither read nor change it.
///
/// What is put back is written to this machine by root, so whoever could write it could write anything; and what was read may be a file
/// that only root may read. The key never leaves this machine. A closed text is good for one step of one plan only, for `ageMax`.
package struct CaptureSeal: Sendable {
    /// After this long a machine has moved on, and putting back would itself be a drift.
    package static let ageMax: Duration = .seconds(7 * 86_400)
    private let key: SymmetricKey

    /// - Parameter key: 32 bytes.
    package init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    package init(loadOrCreateAt path: String) throws(PrivateFileError) {
        var fresh = [UInt8](repeating: 0, count: 32)
        do throws(PrivateFileError) {
            self.init(key: try PrivateFile.read(path, size: 32...32))
        } catch .missing {
            var random = SystemRandomNumberGenerator()
            for index in fresh.indices { fresh[index] = random.next() }
            try PrivateFile.create(path, fresh)
            self.init(key: fresh)
        }
    }

    package func close(_ captured: JSONValue, for step: StepMark, at now: Timestamp) throws(StepError) -> [UInt8] {
        let inside: JSONValue = ["at": .string(now.description), "captured": captured]
        do {
            let box = try ChaChaPoly.seal(try inside.canonicalBytes(), using: key, authenticating: try step.json.canonicalBytes())
            return Array(box.combined)
        } catch {
            throw StepError("step.capture_unwritable", "\(error)")
        }
    }

    package func open(_ bytes: [UInt8], for step: StepMark, at now: Timestamp) throws(HandsRefusal) -> JSONValue {
        guard let box = try? ChaChaPoly.SealedBox(combined: bytes), let mark = try? step.json.canonicalBytes(),
            let inside = try? ChaChaPoly.open(box, using: key, authenticating: mark),
            let value = try? JSONValue(parsing: Array(inside), limits: JSONLimits(bytesMax: HandsRequest.capturedBytesMax)),
            let captured = value["captured"], let made = value["at"]?.string.flatMap(Timestamp.init)
        else { throw .capturedForged }
        guard now - made <= Self.ageMax else { throw .capturedTooOld }
        return captured
    }
}

/// Names one step of one plan on one host, with all that it does.
package struct StepMark: Hashable, Sendable {
    package let host: HostID
    package let plan: PlanID
    package let number: Int
    package let verb: String
    package let arguments: [String: TypedValue]

    package init(host: HostID, plan: PlanID, number: Int, verb: String, arguments: [String: TypedValue]) {
        self.host = host
        self.plan = plan
        self.number = number
        self.verb = verb
        self.arguments = arguments
    }

    var json: JSONValue {
        [
            "host": .string(host.description), "plan": .string(plan.description), "step": .integer(Int64(number)),
            "verb": .string(verb), "arguments": .object(arguments.mapValues(\.json)),
        ]
    }
}
