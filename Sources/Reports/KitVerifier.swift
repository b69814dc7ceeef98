import Compliance
import Model
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

/// Checks a kit offline: manifest, every digest, every signature on all cores, every chain, every receipt, every place in the log; and
/// computes what was seen again from the bundles. Needs some ten megabytes, and forty bytes for each bundle. `scripts/verify_kit.py` and
/// `verify.html` do the same without sharing code.
package struct KitVerifier: Sendable {
    private let trust: KitTrust
    private let log: NoteVerifier?
    private let sample: SampleRequest?
    private let workers: Int

    /// - Parameters:
    ///   - log: the key that the log must have; nil takes the one that the kit names.
    ///   - workers: how many cores to use.
    package init(trust: KitTrust, log: NoteVerifier? = nil, sample: SampleRequest? = nil, workers: Int) {
        self.trust = trust
        self.log = log
        self.sample = sample
        self.workers = max(workers, 1)
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
            var run = try KitVerification(path: path, trust: trust)
            return try await run.report(log: log, sample: sample, workers: workers)
        } catch {
            return .refused(error)
        }
    }
}
