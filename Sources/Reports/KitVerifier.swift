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

    /// - Parameter earlier: another kit of the same site, which this one must go on from: `KitComparison`. Nobody vouches for it but who
    ///   has kept it, so the pins are not held against it.
    package func verify(_ path: String, earlier: String? = nil) async -> KitReport {
        do throws(KitRefusal) {
            var run = try KitVerification(path: path, pins: pins, isTraced: earlier != nil)
            guard let earlier else { return try await run.report(sample: sample, workers: workers) }
            return try await run.report(sample: sample, workers: workers, earlier: await trace(earlier))
        } catch {
            return .refused(error)
        }
    }

    /// What an earlier kit holds.
    struct Earlier: Sendable {
        /// nil for what is no kit, or is not signed by the key that it names.
        let trace: KitTrace?
        let isVerified: Bool
    }

    private func trace(_ path: String) async -> Earlier {
        do throws(KitRefusal) {
            var run = try KitVerification(path: path, pins: KitPins(), isTraced: true)
            let report = try await run.report(sample: nil, workers: workers)
            return Earlier(trace: report.trust == .none ? nil : run.trace, isVerified: report.exitCode == 0)
        } catch {
            return Earlier(trace: nil, isVerified: false)
        }
    }
}
