import Compliance
import Evidence
import Model
import Seal
import TransparencyLog

/// Reads chunks of one appliance's bundles, and says of each bundle all that can be said without those before it.
struct KitChunkJudge: Sendable {
    let zip: ZipReader
    let files: [String: KitManifest.File]
    let keys: [EnrolledKey]
    /// Stands for when a bundle was received, until its receipt says it.
    let horizon: Timestamp
    let workers: Int

    typealias Chunk = (first: Int64, lines: ZipFormat.Entry, signatures: ZipFormat.Entry?)

    struct Judged: Sendable {
        let first: Int64
        var findings: [KitReport.Finding]
        let bundles: [Result<Genuine, BundleError>]
    }

    /// What is kept of a verified bundle; the record itself goes at once, where it was made. A class, because lists of it are built anew.
    final class Genuine: Sendable {
        let place: ChainPlace
        let leaf: LogHash
        let entry: ChainEntry
        let check: CheckID?
        let controls: [ControlCitation]
        let checkpoints: [SeenCheckpoint]

        init(_ bundle: VerifiedBundle, signer: Digest, received: Timestamp) {
            place = ChainPlace(bundle)
            leaf = LogEntry(document: bundle.digest, signerDigest: signer).leafHash
            entry = ChainEntry(bundle, received: received)
            check = bundle.record.check
            controls = bundle.record.controls
            checkpoints = bundle.record.checkpoints
        }
    }

    /// nil for nil.
    func judge(_ chunk: Chunk?) async -> Result<Judged, KitRefusal>? {
        guard let chunk else { return nil }
        do throws(KitRefusal) { return .success(try await judge(chunk)) } catch { return .failure(error) }
    }

    private func judge(_ chunk: Chunk) async throws(KitRefusal) -> Judged {
        let lines = try zip.read(chunk.lines)
        let signatures = if let signatures = chunk.signatures { try zip.read(signatures) } else { [UInt8]() }
        async let compared = Result { [self] () throws(KitRefusal) in try compare(chunk, lines, signatures) }
        let bundles = KitChunk.bundles(lines: lines, signatures: signatures)
        let signers = Dictionary(keys.map { ($0.key.id, Digest(of: $0.key.bytes)) }, uniquingKeysWith: { $1 })
        let judged = await BundleVerifier(workers: workers).judge(bundles ?? []) { bundle, memory in
            Result { () throws(BundleError) in
                let verified = try VerifiedBundle(bundle, keys: keys, memory: memory)
                return Genuine(verified, signer: signers[verified.key]!, received: horizon)
            }
        }
        var findings = try await compared.get()
        if bundles == nil {
            findings.append(
                KitReport.Finding(
                    code: "kit.chunk_malformed", subject: chunk.lines.name,
                    sentence: "has not a signature for each of its lines; none of its bundles was looked at."))
        }
        return Judged(first: chunk.first, findings: findings, bundles: judged)
    }

    private func compare(_ chunk: Chunk, _ lines: [UInt8], _ signatures: [UInt8]) throws(KitRefusal) -> [KitReport.Finding] {
        var findings = try KitVerification.compare(zip, chunk.lines, lines, files[chunk.lines.name])
        if let entry = chunk.signatures { findings += try KitVerification.compare(zip, entry, signatures, files[entry.name]) }
        return findings
    }
}
