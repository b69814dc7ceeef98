package import Model

/// A partner's word that a pattern may be shown to others. Without one, nothing that was learned leaves the partner.
package struct PatternConsent: Hashable, Sendable {
    package let partner: PartnerID
    package let signature: PatternSignature
    package let by: String
    package let given: Timestamp
    /// nil while it stands.
    package var withdrawn: Timestamp?

    package init(partner: PartnerID, signature: PatternSignature, by: String, given: Timestamp, withdrawn: Timestamp? = nil) {
        self.partner = partner
        self.signature = signature
        self.by = by
        self.given = given
        self.withdrawn = withdrawn
    }
}

/// What another partner may see: the rule, and nothing of where it was learned. There it is a hint for a person and begins, if at all,
/// with no counts: it has to pass the gate on that partner's own occurrences.
package struct SharedPattern: Hashable, Sendable {
    package let rule: LearnedRule

    /// nil unless the rule is active and `consent` is of this partner, for this pattern, and stands.
    package init?(_ pattern: LearnedPattern, _ consent: PatternConsent, at now: Timestamp) {
        guard pattern.stage == .active, consent.partner == pattern.partner, consent.signature == pattern.key.signature,
            consent.given <= now, consent.withdrawn.map({ now < $0 }) ?? true
        else { return nil }
        rule = pattern.rule
    }
}
