import Evidence
package import Model
package import Seal
package import TransparencyLog
package import Wire

/// How the transparency log holds what a kit holds: a checkpoint, every bundle's and statement's place below it, and the nodes from
/// which, with their leaves, its root follows.
package struct KitLog: Sendable {
    package let checkpoint: SignedNote
    package let key: NoteVerifier
    /// Whose cosignatures count, and how many of them are wanted.
    package let witnesses: [NoteVerifier]
    package let quorum: Int
    package let leaves: KitLeaves
    package let nodes: LogNodes

    package init(
        checkpoint: SignedNote, key: NoteVerifier, witnesses: [NoteVerifier], quorum: Int, leaves: KitLeaves, nodes: LogNodes
    ) {
        self.checkpoint = checkpoint
        self.key = key
        self.witnesses = witnesses
        self.quorum = quorum
        self.leaves = leaves
        self.nodes = nodes
    }
}

/// Places in the log: `log/leaves.json`.
package struct KitLeaves: Hashable, Sendable {
    package static let schema = "martlet.leaves/v1"

    /// Ascending by sequence, without gaps, of each appliance that sent something.
    package let runs: [ApplianceID: [LogRun]]
    /// Of each statement, in their order in the kit.
    package let statements: [Int64]

    package init(runs: [ApplianceID: [LogRun]], statements: [Int64]) {
        self.runs = runs
        self.statements = statements
    }

    /// Ascending.
    package var indices: [Int64] {
        var indices = statements
        for run in runs.values.joined() { indices += run.index..<(run.index + run.count) }
        return indices.sorted()
    }
}

extension KitLeaves {
    package var json: JSONValue {
        [
            "appliances": .array(
                runs.keys.sorted().map { appliance in
                    [
                        "appliance": .string(appliance.description),
                        "runs": .array(runs[appliance]!.map { [.integer($0.sequence), .integer($0.index), .integer($0.count)] }),
                    ]
                }), "schema": .string(Self.schema), "statements": .array(statements.map { .integer($0) }),
        ]
    }

    /// nil unless it names exactly one place, below `size` and no other's, for each of these bundles and statements.
    init?(json: JSONValue, appliances: [KitManifest.Appliance], statements count: Int, size: Int64) {
        guard json.object?.count == 3, json["schema"]?.string == Self.schema, let listed = json["appliances"]?.array,
            let statements = json["statements"]?.array?.compactMap(\.integer), statements.count == json["statements"]?.array?.count,
            statements.count == count, statements.allSatisfy({ (0..<size).contains($0) }),
            // Which of two statements came later is what the log says, not what the kit's numbers do.
            zip(statements, statements.dropFirst()).allSatisfy({ $0 < $1 })
        else { return nil }
        let chains = appliances.compactMap { appliance in appliance.chain.map { (appliance.appliance, $0) } }
        guard listed.count == chains.count else { return nil }
        var runs: [ApplianceID: [LogRun]] = [:]
        var spans = statements.map { $0..<($0 + 1) }
        for (item, (appliance, chain)) in zip(listed, chains) {
            guard item.object?.count == 2, item["appliance"]?.string == appliance.description, let parts = item["runs"]?.array else {
                return nil
            }
            var next = chain.first
            for part in parts {
                guard let numbers = part.array?.compactMap(\.integer), numbers.count == 3, part.array?.count == 3, numbers[0] == next,
                    numbers[2] >= 1, numbers[2] <= chain.last - next + 1, numbers[1] >= 0, numbers[1] < size,
                    numbers[2] <= size - numbers[1]
                else { return nil }
                // A chain stands in the log in the order in which it was received.
                if let last = runs[appliance]?.last, numbers[1] < last.index + last.count { return nil }
                runs[appliance, default: []].append(LogRun(sequence: next, index: numbers[1], count: numbers[2]))
                spans.append(numbers[1]..<(numbers[1] + numbers[2]))
                next += numbers[2]
            }
            guard next == chain.last + 1 else { return nil }
        }
        spans.sort { $0.lowerBound < $1.lowerBound }
        guard zip(spans, spans.dropFirst()).allSatisfy({ $0.upperBound <= $1.lowerBound }) else { return nil }
        self.init(runs: runs, statements: statements)
    }

    /// Whether the bundles that both speak of stand where a receipt promised.
    func keep(_ promised: [LogRun], of appliance: ApplianceID, within chain: ClosedRange<Int64>) -> Bool {
        let shown = runs[appliance] ?? []
        for run in promised {
            var sequence = max(run.sequence, chain.lowerBound)
            let end = min(run.sequence + run.count - 1, chain.upperBound)
            while sequence <= end {
                guard let place = shown.last(upTo: sequence), sequence - place.sequence + place.index == sequence - run.sequence + run.index
                else { return false }
                sequence = place.sequence + place.count
            }
        }
        return true
    }
}

extension [LogRun] {
    /// The last that does not begin after `sequence`.
    func last(upTo sequence: Int64) -> LogRun? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].sequence <= sequence { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? self[low - 1] : nil
    }
}

/// `log/witnesses.json`.
struct KitWitnesses {
    static let schema = "martlet.witnesses/v1"

    let witnesses: [NoteVerifier]
    let quorum: Int

    func json(log: NoteVerifier) -> JSONValue {
        [
            "log": .string(log.text), "quorum": .integer(Int64(quorum)), "schema": .string(Self.schema),
            "witnesses": .array(witnesses.map { .string($0.text) }),
        ]
    }

    init(witnesses: [NoteVerifier], quorum: Int) {
        self.witnesses = witnesses
        self.quorum = quorum
    }

    init?(json: JSONValue, log: NoteVerifier) {
        guard json.object?.count == 4, json["schema"]?.string == Self.schema, json["log"]?.string == log.text,
            let listed = json["witnesses"]?.array, listed.count <= 1_000, let quorum = json["quorum"]?.integer, (0...1_000).contains(quorum)
        else { return nil }
        let witnesses = listed.compactMap { $0.string.flatMap { NoteVerifier(kit: $0, .cosignature) } }
        guard witnesses.count == listed.count, Set(witnesses).count == witnesses.count else { return nil }
        self.init(witnesses: witnesses, quorum: Int(quorum))
    }
}

/// A JSON value whose bytes are its canonical ones; nil for anything else.
func canonicalJSON(_ bytes: [UInt8]) -> JSONValue? {
    var isCanonical = false
    let limits = JSONLimits.signed(bytesMax: ZipFormat.entryBytesMax, depthMax: 8)
    guard let value = try? JSONValue(parsing: bytes, limits: limits, isCanonical: &isCanonical), isCanonical else { return nil }
    return value
}
