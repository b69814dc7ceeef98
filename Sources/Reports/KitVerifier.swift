import Compliance
package import Model
package import Seal
package import TransparencyLog

/// What a person brings along to judge who signed a kit.
package enum KitTrust: Hashable, Sendable {
    case none
    case keyID(KeyID)
    case keys([VerifyingKey])

    func includes(_ id: KeyID, _ key: VerifyingKey?) -> Bool {
        switch self {
        case .none: true
        case .keyID(let pinned): pinned == id
        case .keys(let pinned): key.map(pinned.contains) ?? false
        }
    }
}

/// What a reader knows from elsewhere, instead of what a kit says of itself.
package struct KitPins: Sendable {
    let trust: KitTrust
    let log: NoteVerifier?
    let appliances: [ApplianceID: KeyID]
    let witnesses: [NoteVerifier]
    let quorum: Int

    /// - Parameters:
    ///   - log: the key that the log must have; nil takes the one that the kit names.
    ///   - appliances: boxes that must be in the kit, and the one key of each.
    ///   - witnesses: whose cosignatures count; empty for those that the kit names, with its quorum.
    ///   - quorum: how many of these are wanted; nil for all.
    package init(
        trust: KitTrust = .none, log: NoteVerifier? = nil, appliances: [ApplianceID: KeyID] = [:], witnesses: [NoteVerifier] = [],
        quorum: Int? = nil
    ) {
        self.trust = trust
        self.log = log
        self.appliances = appliances
        self.witnesses = witnesses
        self.quorum = quorum ?? witnesses.count
    }
}

/// Checks a kit offline: manifest, every digest, every signature on all cores, every chain, every receipt, every place in the log; and
/// computes what was seen again from the bundles. Needs some ten megabytes, and forty bytes for each bundle. `scripts/verify_kit.py` and
/// `verify.html` do the same without sharing code.
package struct KitVerifier: Sendable {
    private let pins: KitPins
    private let sample: SampleRequest?
    private let workers: Int

    /// - Parameter workers: how many cores to use.
    package init(_ pins: KitPins, sample: SampleRequest? = nil, workers: Int) {
        self.pins = pins
        self.sample = sample
        self.workers = max(workers, 1)
    }

    package init(trust: KitTrust, log: NoteVerifier? = nil, sample: SampleRequest? = nil, workers: Int) {
        self.init(KitPins(trust: trust, log: log), sample: sample, workers: workers)
    }

    /// How many bundles to draw, by which text of 16 to 200 bytes.
    package struct SampleRequest: Hashable, Sendable {
        let count: Int
        let nonce: String

        package init?(count: Int, nonce: String) {
            guard count > 0, Sample.nonceBytes.contains(nonce.utf8.count) else { return nil }
            self.count = count
            self.nonce = nonce
        }
    }

    package func verify(_ path: String) async -> KitReport {
        do throws(KitRefusal) {
            var run = try KitVerification(path: path, pins: pins)
            return try await run.report(sample: sample, workers: workers)
        } catch {
            return .refused(error)
        }
    }
}
