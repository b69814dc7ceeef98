package import Model
package import Seal
import Synchronization
package import TransparencyLog

/// A log whose key signs whatever a test wants, with tiles from which proofs follow: histories are the same up to an entry, and then not.
package struct TwoFacedLog: Sendable {
    package let signer: NoteSigner
    package var verifier: NoteVerifier { signer.verifier }
    package var trust: LogTrust { LogTrust(logKeys: [signer.verifier]) }

    package init(_ origin: String = "log.example/1", key: SigningKey = SigningKey()) throws {
        signer = try NoteSigner(name: origin, key: key)
    }

    /// The first `size` entries of a history.
    package struct Face: Sendable {
        package let size: Int64
        package let root: LogHash
        fileprivate let tiles: Tiles
        package var reader: TileReader { TileReader(size: size, root: root, source: tiles) }
    }

    /// - Parameters:
    ///   - history: any name.
    ///   - fork: the first entry at which a history other than "" differs.
    package static func face(_ size: Int, history: String = "", from fork: Int = 0) -> Face {
        var builder = LogBuilder()
        let batch = builder.batch(
            (0..<size).map { number in
                LogEntry(
                    document: Digest(of: Array("\(number >= fork ? history : "") \(number)".utf8)), signerDigest: Digest(of: [1]))
            })
        return Face(size: batch.size, root: batch.root, tiles: Tiles(batch.resources))
    }

    package func note(_ face: Face, origin: String? = nil, by other: NoteSigner? = nil) throws -> SignedNote {
        try SignedNote(
            text: Checkpoint(origin: origin ?? signer.verifier.name, size: face.size, root: face.root).text, signers: [other ?? signer],
            at: Timestamp(milliseconds: 0))
    }

    /// As an honest log brings it to a witness.
    package func request(_ face: Face, from old: Int) async throws -> WitnessRequest {
        WitnessRequest(
            oldSize: Int64(old), proof: try await face.reader.consistencyProof(from: min(Int64(old), face.size)), note: try note(face))
    }

    fileprivate final class Tiles: TileSource {
        struct Missing: Error {}
        private let tiles: Mutex<[TilePath: [UInt8]]>

        init(_ resources: [LogResource]) {
            tiles = Mutex(Dictionary(resources.map { ($0.path, $0.bytes) }, uniquingKeysWith: { $1 }))
        }

        func tile(_ path: TilePath) async throws -> [UInt8] {
            guard let bytes = tiles.withLock({ $0[path] }) else { throw Missing() }
            return bytes
        }
    }
}
