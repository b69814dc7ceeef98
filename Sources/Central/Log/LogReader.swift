import Database
package import Model
import Objects
package import TransparencyLog

/// Answers about the log from what is stored: the newest checkpoint, and proofs that follow from tiles. Nothing here signs.
package struct LogReader: Sendable {
    private let database: any SQLDatabase
    private let objects: LogObjects
    private let repair: LogRepair

    init(database: any SQLDatabase, objects: LogObjects, repair: LogRepair) {
        self.database = database
        self.objects = objects
        self.repair = repair
    }

    /// Every checkpoint that was ever signed, oldest first.
    package func history() async throws -> [SignedNote] { try await database.read { try LogStore.history(in: $0) } }

    /// The newest signed checkpoint with the cosignatures that it has; nil before the first.
    package func newest() async throws -> SignedNote? {
        try await database.read { transaction in
            try LogStore.newest(in: transaction).map { try WitnessStore.cosigned($0, in: transaction) }
        }
    }

    /// The newest checkpoint of at least `size` entries that one of these witnesses has cosigned, with all its cosignatures; nil where
    /// there is none. For a kit: the newest of all is seconds old, and an appliance cosigns with its next check-in.
    package func newest(cosignedBy witnesses: [NoteVerifier], from size: Int64 = 0) async throws -> SignedNote? {
        try await database.read { try WitnessStore.newest(cosignedBy: witnesses, from: size, in: $0) }
    }

    /// That entry `index` is in the log, as text that verifies by itself, with all cosignatures that its checkpoint has: the newest one, or,
    /// where witnesses are wanted, the first that they have cosigned, if there is one yet.
    /// - Throws: `CentralError.notFound` when no checkpoint covers it yet; `TileError`, `ObjectError`, `DatabaseError`.
    package func proof(of index: Int64, witnessedAs policy: WitnessPolicy = .none) async throws -> LogProof {
        var note = policy.quorum > 0 ? try await witnessed(as: policy, covering: index + 1, anchored: []) : nil
        if note == nil { note = try await newest() }
        let checkpoint = try note.map { try Checkpoint(text: $0.text) }
        guard let note, let checkpoint, (0..<checkpoint.size).contains(index) else {
            throw CentralError.notFound("entry in a checkpoint of the log")
        }
        let proof = try await repair.mending { try await tree(checkpoint).inclusionProof(of: index) }
        return LogProof(index: index, proof: proof, note: note)
    }

    /// That the newest checkpoint continues the log's first `old` entries.
    /// - Throws: as `proof`.
    package func consistency(from old: Int64) async throws -> WitnessRequest {
        let state = try await database.read { try LogStore.newest(in: $0) }
        guard let state, (0...state.checkpoint.size).contains(old) else { throw CentralError.notFound("checkpoint of the log") }
        let proof = try await repair.mending { try await tree(state.checkpoint).consistencyProof(from: old) }
        return WitnessRequest(oldSize: old, proof: proof, note: state.note)
    }

    /// The smallest signed checkpoint of at least `size` entries; nil while there is none.
    func first(covering size: Int64) async throws -> SignedNote? {
        try await database.read { transaction in
            try LogStore.first(covering: size, in: transaction).map {
                try WitnessStore.cosigned(WitnessState(stored: $0.bytes), in: transaction)
            }
        }
    }

    /// What a kit shows: of the signed checkpoints of at least `size` entries that the policy's witnesses have cosigned, the smallest whose
    /// age others attest, or else the smallest; nil while there is none.
    func witnessed(as policy: WitnessPolicy, covering size: Int64, anchored: [Int64]) async throws -> SignedNote? {
        guard policy.quorum > 0 else {
            guard let aged = anchored.filter({ $0 >= size }).min() else { return try await first(covering: size) }
            return try await first(covering: aged)
        }
        return try await database.read { transaction in
            let sizes = try WitnessStore.sizes(witnessedAs: policy, from: size, limit: 10_000, in: transaction)
            guard let chosen = sizes.first(where: anchored.contains) ?? sizes.first else { return nil }
            return try LogStore.first(covering: chosen, in: transaction).map {
                try WitnessStore.cosigned(WitnessState(stored: $0.bytes), in: transaction)
            }
        }
    }

    /// The least set of nodes from which, with these leaves (ascending, none twice), the checkpoint's root follows.
    /// - Throws: as `proof`.
    func nodes(for leaves: [Int64], in checkpoint: Checkpoint) async throws -> LogNodes {
        try await repair.mending { try await tree(checkpoint).nodes(for: leaves) }
    }

    /// As `nodes`, with leaves of others besides.
    /// - Throws: as `proof`.
    func seen(_ others: [Int64], besides leaves: [Int64], in checkpoint: Checkpoint) async throws -> (leaves: [LogLeaf], nodes: LogNodes) {
        try await repair.mending {
            let reader = tree(checkpoint)
            return (try await reader.leaves(at: others), try await reader.nodes(for: (leaves + others).sorted()))
        }
    }

    /// As `consistency`, where a witness may know a larger checkpoint than there is: it must see the newest there is all the same, and
    /// knows what to say to it.
    /// - Returns: also that `entry` is in the same checkpoint; nil where it is not.
    func consistency(upTo old: Int64, entry: Int64? = nil) async throws -> (request: WitnessRequest, entry: LogProof?) {
        let newest = try await database.read { try LogStore.newest(in: $0) }
        guard let state = newest else { throw CentralError.notFound("checkpoint of the log") }
        let size = state.checkpoint.size
        return try await repair.mending {
            let reader = tree(state.checkpoint)
            var proof: LogProof?
            if let entry, (0..<size).contains(entry) {
                proof = LogProof(index: entry, proof: try await reader.inclusionProof(of: entry), note: state.note)
            }
            guard old < size else {
                return (WitnessRequest(oldSize: size, proof: ConsistencyProof([]), note: state.note), proof)
            }
            return (WitnessRequest(oldSize: old, proof: try await reader.consistencyProof(from: old), note: state.note), proof)
        }
    }

    /// A resource as it is stored. Readers verify it; that is what tiles are for. One that is lost or damaged is mended first; one that is
    /// known not to be what was signed is refused.
    func resource(_ path: TilePath) async throws -> [UInt8] {
        if let code = try await database.read({ try LogFaultTable.code(of: path, in: $0) }) {
            throw CentralError.logUnreadable(Code(code) ?? "log.repair.mismatch")
        }
        do {
            return try await objects.tile(path)
        } catch {
            // Partial resources go when the full one has come, and most sizes never had one: that is no damage.
            guard let size = try await newestSize(), path.isNewest(at: size), LogRepair.damaged(by: error) != nil,
                try await repair.mend([path])
            else { throw error }
            return try await objects.tile(path)
        }
    }

    private func newestSize() async throws -> Int64? { try await database.read { try LogStore.newest(in: $0)?.checkpoint.size } }

    private func tree(_ checkpoint: Checkpoint) -> TileReader {
        TileReader(size: checkpoint.size, root: checkpoint.root, source: objects)
    }
}

extension TilePath {
    /// Whether a tree of this size has exactly this resource.
    fileprivate func isNewest(at size: Int64) -> Bool {
        var level = 0
        if case .hashes(let number) = kind { level = number }
        let hashes = size >> Int64(8 * level)
        return isFull ? index < hashes >> 8 : index == hashes >> 8 && width == Int(hashes & 255)
    }
}
