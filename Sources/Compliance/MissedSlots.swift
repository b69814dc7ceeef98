package import Evidence
package import Model

/// Whether a span in which nobody looked at a host cost it a slot: what an appliance asks before it says that there was a gap.
package enum MissedSlots {
    /// - Parameters:
    ///   - looks: when each check was last looked at; those within the span count as before it.
    /// - Returns: whether some expected check has a whole slot that ended by `until`, after `from`, without a look.
    package static func any(
        of expected: [ExpectedCheck], looks: [CheckID: Timestamp], from: Timestamp, until: Timestamp
    ) -> Bool {
        expected.contains { item in
            let length = SlotRule(item).hours
            let ended = until.hour.flooredDivision(by: length)
            let first = from.hour.flooredDivision(by: length)
            // Where it was never looked at, the slot in which the span begins is unseen too.
            let unseen = looks[item.check].map { min($0, from).hour.flooredDivision(by: length) + 1 } ?? first
            return max(unseen, first) < ended
        }
    }
}
