package import Model
package import Redaction

/// A bundle whose texts have been through the scrubber. Only such a one has canonical bytes, and so only such a one can be signed,
/// stored for sending and sent: what a host said cannot leave its site by another way.
package struct ScrubbedBundle: Hashable, Sendable {
    package let bundle: Bundle

    /// Scrubs what may hold a host's words: facts, the targets of actions, a plan's parameters, what passed between the site and a model,
    /// the note. All else is ours: ids, codes, numbers, times, and the names that an operator gave to hosts and people.
    package init(_ bundle: Bundle, by scrubber: Scrubber) {
        var bundle = bundle
        if let preState = bundle.preState.scrubbed(by: scrubber) { bundle.preState = preState }
        if let postState = bundle.postState.scrubbed(by: scrubber) { bundle.postState = postState }
        for index in bundle.actions.indices {
            let action = bundle.actions[index]
            let target = scrubber.scrub(action.target).description
            guard target != action.target else { continue }
            bundle.actions[index] = ActionRecord(
                step: action.step, verb: action.verb, target: target, exitStatus: action.exitStatus,
                durationMilliseconds: action.durationMilliseconds, result: action.result)
        }
        bundle.plan = bundle.plan?.mapTexts { scrubber.scrub($0).description }
        bundle.exchange = bundle.exchange?.mapTexts { scrubber.scrub($0).description }
        if !bundle.note.isEmpty { bundle.note = scrubber.scrub(bundle.note).description }
        self.bundle = bundle
    }
}

extension Facts {
    /// nil where nothing had to be taken out, which is nearly always.
    package func scrubbed(by scrubber: Scrubber) -> Facts? {
        var changed: Facts?
        for (name, value) in values {
            let scrubbed = value.mapTexts { scrubber.scrub($0).description }
            guard scrubbed != value else { continue }
            var facts = changed ?? self
            facts[name] = scrubbed
            changed = facts
        }
        return changed
    }
}
