package import Model

/// What is wrong with one bundle's place in its chain.
package enum ChainFault: Hashable, Sendable {
    case wrongSite(SiteID)
    case wrongAppliance(ApplianceID)
    /// Sequences that are missing.
    case gap(from: Int64, through: Int64)
    /// Does not name the digest of its predecessor.
    case wrongPrevious
    /// Another bundle has the same sequence.
    case fork
    /// The very same bundle again.
    case duplicate
    /// A sequence that was passed already.
    case reordered

    package var code: Code {
        switch self {
        case .wrongSite: "chain.wrong_site"
        case .wrongAppliance: "chain.wrong_appliance"
        case .gap: "chain.gap"
        case .wrongPrevious: "chain.wrong_previous"
        case .fork: "chain.fork"
        case .duplicate: "chain.duplicate"
        case .reordered: "chain.reordered"
        }
    }

    package var message: String {
        switch self {
        case .wrongSite(let site): "belongs to \(site)."
        case .wrongAppliance(let appliance): "belongs to \(appliance)."
        case .gap(let from, let through):
            from == through ? "bundle \(from) is missing before it." : "bundles \(from) to \(through) are missing before it."
        case .wrongPrevious: "does not continue the bundle before it: one of the two is not the original."
        case .fork: "is a second bundle of the same number."
        case .duplicate: "is there twice."
        case .reordered: "comes after a later one."
        }
    }
}

/// Where a verified bundle stands, and in whose chain. Only a verified bundle has one.
package struct ChainPlace: Hashable, Sendable {
    package let site: SiteID
    package let appliance: ApplianceID
    package let link: ChainLink
    package let digest: Digest

    package init(_ bundle: VerifiedBundle) {
        site = bundle.record.origin.site
        appliance = bundle.record.origin.appliance
        link = bundle.record.link
        digest = bundle.digest
    }
}

/// Follows one appliance's chain, bundle by bundle, and says where it is not one chain. Holds only the newest link.
package struct ChainVerifier: Sendable {
    package let site: SiteID
    package let appliance: ApplianceID
    /// Sequence that comes next.
    package private(set) var next: Int64
    /// Digest of the bundle before `next`; nil where it is not known.
    package private(set) var head: Digest?

    /// - Parameters:
    ///   - next: the first sequence that is expected.
    ///   - head: digest of the bundle before it, nil where that is outside of what can be seen.
    package init(site: SiteID, appliance: ApplianceID, next: Int64 = 0, head: Digest? = nil) {
        self.site = site
        self.appliance = appliance
        self.next = next
        self.head = next == 0 ? .genesis : head
    }

    /// Takes the next bundle. One that is of another chain, or repeats a number, changes nothing here; all others, also
    /// after a gap, are what the next one must continue.
    package mutating func add(_ bundle: VerifiedBundle) -> [ChainFault] { add(ChainPlace(bundle)) }

    package mutating func add(_ bundle: ChainPlace) -> [ChainFault] {
        guard bundle.site == site else { return [.wrongSite(bundle.site)] }
        guard bundle.appliance == appliance else { return [.wrongAppliance(bundle.appliance)] }
        let link = bundle.link
        guard link.sequence >= next else {
            guard link.sequence == next - 1, head != nil else { return [.reordered] }
            return [bundle.digest == head ? .duplicate : .fork]
        }
        var faults: [ChainFault] = []
        if link.sequence > next {
            faults.append(.gap(from: next, through: link.sequence - 1))
        } else if let head, head != link.previous {
            faults.append(.wrongPrevious)
        }
        next = link.sequence + 1
        head = bundle.digest
        return faults
    }

    /// There is something at `sequence`, but it was not verified: what it is was reported, and what follows cannot be
    /// compared with it.
    package mutating func skip(_ sequence: Int64) -> [ChainFault] {
        guard sequence >= next else { return [] }
        let faults: [ChainFault] = sequence > next ? [.gap(from: next, through: sequence - 1)] : []
        next = sequence + 1
        head = nil
        return faults
    }
}
