package import Model

/// Which kind of drift an incident is one of: SHA-256 of the canonical JSON of its `IncidentPattern`. The only signature there
/// is; `docs/learning.md` has its definition.
///
/// Four words instead of `Digest`, which keeps its bytes on the heap: every occurrence looks one up.
package struct PatternSignature: Hashable, Comparable, Sendable, LosslessStringConvertible {
    private let words: DigestWords

    package init(_ digest: Digest) { words = DigestWords(digest) }

    /// `ptrn_` and 64 lower-case hexadecimal digits.
    package init?(_ text: String) {
        guard text.hasPrefix("ptrn_"), let digest = Digest(String(text.dropFirst(5))) else { return nil }
        self.init(digest)
    }

    package var description: String { "ptrn_" + digest.description }
    package var digest: Digest { words.digest }

    package static func < (left: PatternSignature, right: PatternSignature) -> Bool { left.words < right.words }
}

/// A runbook as it was when it ran: the digest of its canonical definition. A changed runbook is another remedy, which has yet to
/// show what it can do.
package struct RemedyID: Hashable, Comparable, Sendable {
    private let words: DigestWords

    package init(_ runbookDigest: Digest) { words = DigestWords(runbookDigest) }

    package var digest: Digest { words.digest }

    package static func < (left: RemedyID, right: RemedyID) -> Bool { left.words < right.words }
}

/// What is learned: that this remedy repairs this kind of drift.
package struct PatternKey: Hashable, Comparable, Sendable {
    package let signature: PatternSignature
    package let remedy: RemedyID

    package init(_ signature: PatternSignature, _ remedy: RemedyID) {
        self.signature = signature
        self.remedy = remedy
    }

    /// Of the rule that is learned; short enough for people: the beginnings of both digests.
    package var name: RuleID {
        // Hexadecimal digits and dashes: always a name.
        RuleID("LRN-\(signature.digest.description.prefix(16))-\(remedy.digest.description.prefix(8))")!
    }

    package static func < (left: PatternKey, right: PatternKey) -> Bool {
        (left.signature, left.remedy) < (right.signature, right.remedy)
    }
}

/// 32 bytes without a heap object.
struct DigestWords: Hashable, Comparable, Sendable {
    private let a, b, c, d: UInt64

    init(_ digest: Digest) {
        func word(_ index: Int) -> UInt64 { digest.bytes[(index * 8)..<(index * 8 + 8)].reduce(0) { $0 << 8 | UInt64($1) } }
        (a, b, c, d) = (word(0), word(1), word(2), word(3))
    }

    var digest: Digest {
        Digest(bytes: [a, b, c, d].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64($0))) } })!
    }

    /// Of a digest the first word is as good as all.
    func hash(into hasher: inout Hasher) { hasher.combine(a) }

    static func < (left: DigestWords, right: DigestWords) -> Bool {
        (left.a, left.b, left.c, left.d) < (right.a, right.b, right.c, right.d)
    }
}

package enum PartnerSubject: Sendable {}
/// The partner whose incidents are learned from. Nothing learned crosses from one to another without `PatternConsent`.
package typealias PartnerID = Name<PartnerSubject>
