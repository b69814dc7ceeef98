import Compliance
import Evidence
import Model
import Seal
import TransparencyLog

/// What was seen.
extension KitVerification {
    /// Compares with what the kit states. nil where findings stand in the way.
    mutating func compute() async throws(KitRefusal) -> Coverage? {
        guard isWhole, let checkpoint, var builder = coverage else { return nil }
        coverage = nil
        let nodes = try json(KitPath.nodes).flatMap { try? LogNodes(json: $0) }
        let leaves = logged
        logged = []
        async let proof = nodes.map { nodes in Self.proof(leaves, nodes, checkpoint) }
        let computed = builder.finish()
        switch await proof {
        case nil: find("log.nodes_malformed", KitPath.nodes, "is not a list of nodes of the log's tree.")
        case .failure(let error)?:
            find("log.wrong_root", KitPath.nodes, "does not show that all of this is in the log: \(error.message)")
        case .success(let verified)?:
            if let nodes { judgeSeen(nodes, verified.leaves) }
            if let nodes { trace?.tree = KitTrace.Tree(leaves: verified.leaves, nodes: nodes, root: checkpoint.root) }
        }
        if let name = logDates.firstFall {
            find("log.order", name, "is dated more than five minutes before what stands earlier in the log.")
        }
        for subject in computed.unexpected {
            find(
                "ledger.not_expected", "\(subject.host) \(subject.check)",
                "was looked at, and nothing in the kit says since when it had to be.")
        }
        for (name, code, bytes) in [
            (KitPath.ledger, "ledger.differs", try? computed.ledger.json.canonicalBytes()),
            (KitPath.coverage, "coverage.differs", computed.canonicalBytes),
            (
                KitPath.continuity, "continuity.differs",
                try? ContinuityStatement(computed, controls: manifest.controls, enablement: enablement).json(pruned: pruned)
                    .canonicalBytes()
            ), (KitPath.population, "population.differs", Population(computed, controls: manifest.controls).canonicalBytes),
        ] as [(String, Code, [UInt8]?)] {
            let stated = if let entry = entries[name] { try zip.read(entry) } else { [UInt8]() }
            if stated != bytes { find(code, name, "is not what follows from the bundles.") }
        }
        if isWhole, trace != nil {
            let population = try json(KitPath.population)
            trace?.population = population
        }
        return computed
    }

    /// What the boxes were shown against the log that the kit shows: signed by it, not larger than where they stand in it themselves, and its
    /// beginning.
    private mutating func judgeSeen(_ nodes: LogNodes, _ leaves: [LogLeaf]) {
        guard !seen.isEmpty else { return }
        // The proof was verified with the same leaves: nothing is thrown.
        let roots = (try? nodes.roots(ofFirst: Set(seen.map(\.checkpoint.size)), leaves: leaves)) ?? [:]
        let trust = LogTrust(logKeys: [manifest.logKey])
        for (name, index, checkpoint) in seen {
            guard let shown = try? VerifiedCheckpoint(Array(checkpoint.text.utf8), trust: trust) else {
                find("log.seen_unsigned", name, "says that the box was shown a checkpoint, and this log did not sign it.")
                continue
            }
            if shown.size > index || roots[shown.size] != shown.root {
                find("log.seen_differs", name, "says that the box was shown another history of the log than this one.")
            }
        }
    }

    private static func proof(
        _ leaves: [LogLeaf], _ nodes: LogNodes, _ checkpoint: VerifiedCheckpoint
    ) -> Result<VerifiedLeaves, ProofError> {
        Result { () throws(ProofError) in try VerifiedLeaves(leaves.sorted { $0.index < $1.index }, nodes: nodes, in: checkpoint) }
    }
}

/// Whether what bundles cite is in the manifest's list of controls, so that none can be left out of it.
struct KitCitations {
    private var listed: [CheckID: Set<[String]>] = [:]
    /// What the newest bundle of a check cited: the next one mostly cites the same.
    private var known: [CheckID: [ControlCitation]] = [:]

    init() {}

    init(_ controls: ControlMap) {
        for control in controls.controls {
            for check in control.checks { listed[check, default: []].insert([control.framework, control.control]) }
        }
    }

    mutating func include(_ controls: [ControlCitation], by check: CheckID?) -> Bool {
        guard let check, known[check] != controls else { return true }
        guard controls.allSatisfy({ listed[check]?.contains([$0.framework, $0.control]) ?? false }) else { return false }
        known[check] = controls
        return true
    }
}
