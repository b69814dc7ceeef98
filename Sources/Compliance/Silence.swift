package import Model

/// A time in which Central hears nothing of an appliance, as long as it lasts: opened when it is noticed, gone on with while it
/// lasts, closed when something comes again or another appliance has taken its place. What is said about it are gap statements that
/// touch and never overlap.
package struct Silence: Hashable, Sendable {
    /// Ours: twice the heartbeat after which an appliance says again what it sees, which is never rarer than this for one that is
    /// reached every minute.
    package static let noticedAfter: Duration = .seconds(7_200)
    /// How often it is said again while it lasts; each time is an entry in the log.
    package static let saidAgainAfter: Duration = .seconds(86_400)
    package static let note = "Nothing came. Whether the appliance, its network or Central itself was the reason is not known."
    package static let revokedNote = "Nothing was taken from it after it was revoked."

    /// The last that was heard.
    package let since: Timestamp
    package let saidUntil: Timestamp

    package init(since: Timestamp, saidUntil: Timestamp) {
        self.since = since
        self.saidUntil = saidUntil
    }

    /// What is known of an appliance.
    package struct Contact: Hashable, Sendable {
        /// The newest check-in or bundle, or its enrolment.
        package let heard: Timestamp
        /// The first of them after the silence that is open.
        package let heardAgain: Timestamp?
        package let revoked: Timestamp?
        /// Whether some host is its to watch: of others nothing is missing.
        package let isWatching: Bool

        package init(heard: Timestamp, heardAgain: Timestamp?, revoked: Timestamp?, isWatching: Bool) {
            self.heard = heard
            self.heardAgain = heardAgain
            self.revoked = revoked
            self.isWatching = isWatching
        }
    }

    package struct Step: Sendable {
        /// What is to be stated; nil: nothing.
        package let gap: (span: Range<Timestamp>, cause: GapCause)?
        /// The silence as it then is; nil: over.
        package let open: Silence?
    }

    /// What is to be done next; nil: nothing. Asked again after each step.
    ///
    /// - Parameters:
    ///   - listening: since when Central could have heard something; before, silence says nothing new.
    ///   - isWanted: somebody asks now, so that everything up to now is said unless that is less than an hour.
    package static func next(_ open: Silence?, _ contact: Contact, listening: Timestamp, isWanted: Bool, now: Timestamp) -> Step? {
        guard let open else { return begin(contact, listening: listening, now: now) }
        if !contact.isWatching { return end(open, at: now, cause: contact.revoked == nil ? .silent : .revoked) }
        if let revoked = contact.revoked, open.saidUntil < revoked, revoked <= now {
            return say(open.since, open.saidUntil..<revoked, .silent)
        }
        if contact.revoked == nil, let again = contact.heardAgain { return end(open, at: again, cause: .silent) }
        let pause: Duration = isWanted ? .seconds(3_600) : saidAgainAfter
        guard now - open.saidUntil >= pause else { return nil }
        return say(open.since, open.saidUntil..<now, contact.revoked == nil ? .silent : .revoked)
    }

    private static func begin(_ contact: Contact, listening: Timestamp, now: Timestamp) -> Step? {
        guard contact.isWatching, contact.heard < now else { return nil }
        if let revoked = contact.revoked {
            // What it was silent before that is of its own.
            if revoked - contact.heard > noticedAfter { return say(contact.heard, contact.heard..<revoked, .silent) }
            return revoked < now ? say(contact.heard, revoked..<now, .revoked) : nil
        }
        guard now - max(contact.heard, listening) > noticedAfter else { return nil }
        return say(contact.heard, contact.heard..<now, .silent)
    }

    private static func say(_ since: Timestamp, _ span: Range<Timestamp>, _ cause: GapCause) -> Step {
        Step(gap: (span, cause), open: Silence(since: since, saidUntil: span.upperBound))
    }

    private static func end(_ open: Silence, at end: Timestamp, cause: GapCause) -> Step {
        Step(gap: open.saidUntil < end ? (open.saidUntil..<end, cause) : nil, open: nil)
    }
}
