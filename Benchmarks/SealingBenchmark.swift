import Crypto
import Evidence
import Model
import Seal
import TestSupport

/// One core: making a bundle against signing alone, checking one against checking its signature alone.
enum SealingBenchmark {
    static func run() throws -> [Line] {
        let key = SigningKey()
        let sealer = BundleSealer(key: key)
        let link = ChainLink(sequence: 7, previous: .genesis)
        let signed = try sealer.seal(Samples.bundle, at: link).signed
        let often = key.verifyingKey.forMany()
        let keys = [EnrolledKey(key: key.verifyingKey, validFrom: Samples.now - .seconds(60), validUntil: nil)]
        let bare = Curve25519.Signing.PrivateKey()
        let bareSignature = try bare.signature(for: signed.bytes)
        // Short rounds and many: what else runs on the machine then falls on both sides of a ratio.
        let (count, rounds) = (250, 40)
        var accepted = 0

        let figures = try measure(
            rounds: rounds,
            [
                Measurement("seal", operations: count) {
                    for sequence in 0..<count {
                        _ = try sealer.seal(Samples.bundle, at: ChainLink(sequence: Int64(sequence), previous: .genesis))
                    }
                },
                Measurement("bare sign", operations: count) {
                    for _ in 0..<count { _ = try bare.signature(for: signed.bytes) }
                },
                Measurement("verify", operations: count) {
                    for _ in 0..<count { accepted += try VerifiedBundle(signed, keys: keys).record.link.sequence == 7 ? 1 : 0 }
                },
                Measurement("bare verify", operations: count) {
                    for _ in 0..<count { accepted += bare.publicKey.isValidSignature(bareSignature, for: signed.bytes) ? 1 : 0 }
                },
                Measurement("verify, many by one key", operations: count) {
                    for _ in 0..<count { accepted += often.isValid(signed.signature, for: signed.bytes) ? 1 : 0 }
                },
            ])
        precondition(accepted == 3 * count * (rounds + 1), "a benchmark that verified nothing")
        return [
            Line(
                what: "bundle made and signed (\(signed.bytes.count) B), one core", value: "\(figures[0].rate.readable)/s",
                peer: "signing alone \(figures[1].rate.readable)/s", isReached: figures[0].rate >= 25_000),
            Line(
                what: "bundle verified in full, one core", value: "\(figures[2].rate.readable)/s",
                peer: "its signature alone \(figures[3].rate.readable)/s: \((figures[2].rate / figures[3].rate).readable)",
                isReached: figures[2].rate / figures[3].rate >= 0.8),
            Line(
                what: "signature verified, many by one key, one core", value: "\(figures[4].rate.readable)/s",
                peer: "singly \(figures[3].rate.readable)/s: \((figures[4].rate / figures[3].rate).readable)",
                isReached: figures[4].rate >= 32_000),
        ]
    }
}
