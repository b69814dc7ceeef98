/// What is known about one message of a proof: who vouches for it, and which operations lead on from it.
///
/// Items stay in the order in which they were read, so a proof of somebody else's is written back byte for byte. Only a node
/// that `merge` changed is put into the order of the published library.
package struct ProofTree: Equatable, Sendable {
    package enum Item: Equatable, Sendable {
        case attestation(ProofAttestation)
        case branch(ProofOperation, ProofTree)
    }

    /// Never empty in a tree that was read.
    package private(set) var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    /// The published library's own number.
    package static let depthMax = 256
    /// Ours: an upgraded proof of four calendars has about 250.
    package static let itemsMax = 4_096
}

extension ProofTree {
    private static let attestationTag: UInt8 = 0x00
    /// Another item follows this one.
    private static let moreTag: UInt8 = 0xff

    /// Reads what a calendar answers: a tree about `message` and nothing behind it.
    package init(parsing bytes: [UInt8], message: [UInt8]) throws(ProofError) {
        var reader = ProofReader(bytes)
        try self.init(from: &reader, message: message)
        try reader.finish()
    }

    init(from reader: inout ProofReader, message: [UInt8]) throws(ProofError) {
        var itemsLeft = Self.itemsMax
        try self.init(from: &reader, message: .known(message), depthLeft: Self.depthMax, itemsLeft: &itemsLeft)
    }

    private init(from reader: inout ProofReader, message: ProofMessage, depthLeft: Int, itemsLeft: inout Int) throws(ProofError) {
        guard depthLeft > 0 else { throw .tooDeep(limit: Self.depthMax) }
        items = []
        // Sets, so that a node of thousands of items does not cost millions of comparisons.
        var attestations: Set<ProofAttestation> = []
        var operations: Set<ProofOperation> = []
        var isLast = false
        while !isLast {
            guard itemsLeft > 0 else { throw .tooMany(limit: Self.itemsMax) }
            itemsLeft -= 1
            var tag = try reader.byte()
            isLast = tag != Self.moreTag
            if !isLast { tag = try reader.byte() }
            if tag == Self.attestationTag {
                let attestation = try ProofAttestation(from: &reader)
                guard attestations.insert(attestation).inserted else { throw .duplicate }
                items.append(.attestation(attestation))
            } else {
                let operation = try ProofOperation(tag: tag, from: &reader)
                guard operations.insert(operation).inserted else { throw .duplicate }
                let result = try operation.apply(to: message)
                let tree = try ProofTree(from: &reader, message: result, depthLeft: depthLeft - 1, itemsLeft: &itemsLeft)
                items.append(.branch(operation, tree))
            }
        }
    }

    func write(to bytes: inout [UInt8]) {
        for (index, item) in items.enumerated() {
            if index < items.count - 1 { bytes.append(Self.moreTag) }
            switch item {
            case .attestation(let attestation):
                bytes.append(Self.attestationTag)
                attestation.write(to: &bytes)
            case .branch(let operation, let tree):
                operation.write(to: &bytes)
                tree.write(to: &bytes)
            }
        }
    }

    private func index(of operation: ProofOperation) -> Int? {
        items.firstIndex { item in
            guard case .branch(let other, _) = item else { return false }
            return other == operation
        }
    }
}

/// An attestation with the message that it is about.
package struct AttestedMessage: Hashable, Sendable {
    package let attestation: ProofAttestation
    /// nil behind an operation that is not computed: such an attestation cannot be checked.
    package let message: [UInt8]?
}

extension ProofTree {
    /// Every attestation in the tree, in its order.
    package func attestations(from message: [UInt8]) -> [AttestedMessage] {
        var found: [AttestedMessage] = []
        visit(.known(message)) { attestation, message in
            found.append(AttestedMessage(attestation: attestation, message: message.bytes))
        }
        return found
    }

    /// Whether some calendar's promise leads to no block yet.
    package var hasOpenPromise: Bool {
        let isPromised = items.contains { if case .attestation(.pending) = $0 { true } else { false } }
        if isPromised, !leadsToBlock { return true }
        return items.contains { if case .branch(_, let tree) = $0 { tree.hasOpenPromise } else { false } }
    }

    private var leadsToBlock: Bool {
        items.contains { item in
            switch item {
            case .attestation(.bitcoin): true
            case .attestation: false
            case .branch(_, let tree): tree.leadsToBlock
            }
        }
    }

    private func visit(_ message: ProofMessage, _ body: (ProofAttestation, ProofMessage) -> Void) {
        for item in items {
            switch item {
            case .attestation(let attestation): body(attestation, message)
            case .branch(let operation, let tree):
                // What was read has passed this; a tree put together by hand that has not proves nothing.
                guard let result = try? operation.apply(to: message) else { continue }
                tree.visit(result, body)
            }
        }
    }

    /// Adds all that `other`, a tree about the same message, knows.
    package mutating func merge(_ other: ProofTree) {
        for item in other.items {
            switch item {
            case .attestation:
                if !items.contains(item) { items.append(item) }
            case .branch(let operation, let tree):
                if let index = index(of: operation), case .branch(_, var mine) = items[index] {
                    mine.merge(tree)
                    items[index] = .branch(operation, mine)
                } else {
                    items.append(item)
                }
            }
        }
        items.sort(by: Self.precedes)
    }

    /// Adds all that `other` knows about `message`, wherever that message stands below `start`.
    package mutating func merge(_ other: ProofTree, about message: [UInt8], from start: [UInt8]) {
        merge(other, about: message, at: .known(start))
    }

    private mutating func merge(_ other: ProofTree, about message: [UInt8], at here: ProofMessage) {
        for index in items.indices {
            guard case .branch(let operation, var tree) = items[index], let next = try? operation.apply(to: here) else { continue }
            tree.merge(other, about: message, at: next)
            items[index] = .branch(operation, tree)
        }
        if here == .known(message) { merge(other) }
    }

    /// - Returns: the tree without these attestations and without branches that led only to them; nil when nothing is left.
    package func removing(_ refuted: Set<AttestedMessage>, from start: [UInt8]) -> ProofTree? {
        removing(refuted, at: .known(start))
    }

    private func removing(_ refuted: Set<AttestedMessage>, at here: ProofMessage) -> ProofTree? {
        let kept = items.compactMap { item -> Item? in
            switch item {
            case .attestation(let attestation):
                return refuted.contains(AttestedMessage(attestation: attestation, message: here.bytes)) ? nil : item
            case .branch(let operation, let tree):
                guard let next = try? operation.apply(to: here) else { return item }
                return tree.removing(refuted, at: next).map { .branch(operation, $0) }
            }
        }
        return kept.isEmpty ? nil : ProofTree(kept)
    }

    private static func precedes(_ left: Item, _ right: Item) -> Bool {
        switch (left, right) {
        case (.attestation(let left), .attestation(let right)): ProofAttestation.precedes(left, right)
        case (.attestation, .branch): true
        case (.branch, .attestation): false
        case (.branch(let left, _), .branch(let right, _)): ProofOperation.precedes(left, right)
        }
    }
}
