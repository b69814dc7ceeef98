import Model
import Seal

extension ScrubbedBundle {
    /// The canonical bytes that are signed, written in key order without building a `JSONValue`: this runs for every
    /// event, and a test holds it equal to the general writer. `docs/formats/evidence.md` explains each member.
    package func canonicalBytes(_ link: ChainLink) -> [UInt8] {
        bundle.canonicalBytes(link)
    }
}

extension Bundle {
    fileprivate func canonicalBytes(_ link: ChainLink) -> [UInt8] {
        var writer = CanonicalWriter(capacity: 2_048)
        writer.raw("{\"actions\":")
        writer.list(actions) { $0.action($1) }
        writer.raw(",\"appliance\":")
        writer.string(origin.appliance.description)
        writer.raw(",\"approver\":")
        writer.optional(approver)
        writer.raw(",\"attested\":")
        writer.list(attested) { $0.attested($1) }
        writer.raw(",\"catalogVersion\":")
        writer.integer(origin.catalogVersion)
        writer.raw(",\"check\":")
        writer.optional(check?.description)
        if !checkpoints.isEmpty {
            writer.raw(",\"checkpoints\":")
            writer.list(checkpoints) { $0.string($1.text) }
        }
        writer.raw(",\"clock\":{\"offsetMs\":")
        writer.integer(clock.offsetMilliseconds)
        writer.raw(",\"source\":")
        writer.string(clock.source)
        writer.raw("},\"controls\":")
        writer.controls(controls)
        writer.raw(",\"deploymentMode\":")
        writer.string(origin.deploymentMode.rawValue)
        writer.raw(",\"derivationDigest\":")
        writer.optional(origin.derivationDigest)
        writer.raw(",\"ended\":")
        writer.timestamp(ended)
        if let exchange {
            writer.raw(",\"exchange\":")
            writer.exchange(exchange)
        }
        writer.raw(",\"expected\":")
        writer.list(expected) { $0.expected($1) }
        writer.raw(",\"host\":")
        writer.string(host.description)
        writer.raw(",\"id\":")
        writer.string(id.description)
        writer.raw(",\"incident\":")
        writer.optional(incident?.description)
        writer.raw(",\"kind\":")
        writer.string(kind.rawValue)
        writer.raw(",\"nixosRevision\":")
        writer.optional(origin.nixosRevision)
        writer.raw(",\"note\":")
        writer.string(note)
        writer.raw(",\"observed\":")
        writer.timestamp(observed)
        writer.raw(",\"order\":")
        writer.optional(order?.description)
        writer.raw(",\"outcome\":")
        writer.outcome(outcome)
        if let plan {
            writer.raw(",\"plan\":")
            writer.plan(plan)
        }
        writer.raw(",\"policyVersion\":")
        writer.string(origin.policyVersion)
        writer.raw(",\"postState\":")
        writer.facts(postState)
        writer.raw(",\"preState\":")
        writer.facts(preState)
        writer.raw(",\"previous\":")
        writer.digest(link.previous)
        writer.raw(",\"requester\":")
        writer.optional(requester)
        writer.raw(",\"reseller\":")
        writer.optional(origin.reseller)
        writer.raw(",\"rollbackAvailable\":")
        writer.boolean(isRollbackAvailable)
        writer.raw(",\"rulesetDigest\":")
        writer.digest(origin.rulesetDigest)
        writer.raw(",\"runbook\":")
        writer.optional(runbook?.description)
        writer.raw(",\"schema\":\"martlet.evidence/v1\",\"sequence\":")
        writer.integer(link.sequence)
        if !shadow.isEmpty {
            writer.raw(",\"shadow\":")
            writer.list(shadow) { $0.shadow($1) }
        }
        writer.raw(",\"site\":")
        writer.string(origin.site.description)
        writer.raw(",\"softwareVersion\":")
        writer.string(origin.softwareVersion)
        writer.raw(",\"started\":")
        writer.timestamp(started)
        writer.raw(",\"tier\":")
        writer.optional(tier?.rawValue)
        writer.raw(",\"verdict\":")
        writer.verdict(verdict)
        writer.raw("}")
        return writer.finish()
    }
}

extension CanonicalWriter {
    fileprivate mutating func list<Item>(_ items: [Item], _ write: (inout CanonicalWriter, Item) -> Void) {
        raw("[")
        for (index, item) in items.enumerated() {
            if index > 0 { raw(",") }
            write(&self, item)
        }
        raw("]")
    }

    fileprivate mutating func action(_ action: ActionRecord) {
        raw("{\"durationMs\":")
        integer(action.durationMilliseconds)
        raw(",\"exit\":")
        integer(action.exitStatus.map(Int64.init))
        raw(",\"result\":")
        string(action.result)
        raw(",\"step\":")
        integer(Int64(action.step))
        raw(",\"target\":")
        string(action.target)
        raw(",\"verb\":")
        string(action.verb)
        raw("}")
    }

    fileprivate mutating func attested(_ attested: Bundle.Attested) {
        raw("{\"check\":")
        string(attested.check.description)
        raw(",\"factsDigest\":")
        digest(attested.factsDigest)
        raw(",\"observed\":")
        timestamp(attested.observed)
        raw(",\"verdict\":")
        verdict(attested.verdict)
        raw("}")
    }

    fileprivate mutating func expected(_ expected: ExpectedCheck) {
        raw("{\"check\":")
        string(expected.check.description)
        raw(",\"intervalSeconds\":")
        integer(expected.intervalSeconds)
        raw(",\"staleAfterSeconds\":")
        integer(expected.staleAfterSeconds)
        raw("}")
    }

    fileprivate mutating func plan(_ plan: PlanRecord) {
        raw("{")
        if let baseline = plan.baseline {
            raw("\"baseline\":")
            string(baseline)
            raw(",")
        }
        raw("\"parameters\":{")
        // Names are ASCII, as those of facts.
        for (index, (name, value)) in plan.parameters.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { raw(",") }
            string(name)
            raw(":")
            typed(value)
        }
        raw("},\"platforms\":")
        list(plan.platforms) { $0.string($1) }
        raw(",\"rule\":")
        optional(plan.rule?.description)
        raw(",\"ruleVersion\":")
        integer(plan.ruleVersion.map(Int64.init))
        raw(",\"runbookDigest\":")
        if let digest = plan.runbookDigest { self.digest(digest) } else { raw("null") }
        raw("}")
    }

    fileprivate mutating func shadow(_ firing: ShadowFiring) {
        raw("{\"pattern\":")
        string(firing.patternText)
        raw(",\"rule\":")
        string(firing.rule.description)
        raw(",\"version\":")
        integer(Int64(firing.version))
        raw("}")
    }

    fileprivate mutating func exchange(_ exchange: ExchangeRecord) {
        // Its numbers are integers and its texts whole: it has a canonical form.
        do throws(JSONError) { try value(exchange.json) } catch {
            preconditionFailure("an exchange without a canonical form: \(error.code)")
        }
    }

    fileprivate mutating func verdict(_ verdict: Verdict?) {
        guard let verdict else { return raw("null") }
        raw("{\"code\":")
        optional(verdict.code?.description)
        raw(",\"word\":")
        string(verdict.word)
        raw("}")
    }

    fileprivate mutating func controls(_ controls: [ControlCitation]) {
        raw("{")
        let sorted = controls.sorted {
            $0.framework != $1.framework ? Self.precedes($0.framework, $1.framework) : Self.precedes($0.control, $1.control)
        }
        var framework: String?
        for citation in sorted {
            if citation.framework == framework {
                raw(",")
            } else {
                if framework != nil { raw("],") }
                string(citation.framework)
                raw(":[")
                framework = citation.framework
            }
            raw("{\"confidence\":")
            string(citation.confidence.rawValue)
            raw(",\"control\":")
            string(citation.control)
            raw("}")
        }
        raw(framework == nil ? "}" : "]}")
    }

    fileprivate mutating func outcome(_ outcome: Outcome) {
        raw("{\"code\":")
        optional(outcome.code?.description)
        raw(",\"recheck\":")
        if case .success(let recheck) = outcome {
            raw("{\"check\":")
            string(recheck.observation.check.description)
            raw(",\"ended\":")
            timestamp(recheck.observation.ended)
            raw(",\"host\":")
            string(recheck.observation.host.description)
            raw(",\"started\":")
            timestamp(recheck.observation.started)
            raw("}")
        } else {
            raw("null")
        }
        raw(",\"until\":")
        if case .deferred(let until, _) = outcome { timestamp(until) } else { raw("null") }
        raw(",\"word\":")
        string(outcome.word)
        raw("}")
    }

    fileprivate mutating func facts(_ facts: Facts) {
        raw("{\"unknown\":{")
        // Names are ASCII, so their own order is that of their UTF-16 code units.
        for (index, (name, code)) in facts.unknowns.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { raw(",") }
            string(name.description)
            raw(":")
            string(code.description)
        }
        raw("},\"values\":{")
        for (index, (name, value)) in facts.values.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { raw(",") }
            string(name.description)
            raw(":")
            typed(value)
        }
        raw("}}")
    }

    fileprivate mutating func typed(_ value: TypedValue) {
        switch value {
        case .boolean(let flag): boolean(flag)
        case .integer(let number) where number.magnitude <= JSONValue.greatestInteger.magnitude: integer(number)
        case .integer(let number):
            raw("{\"integer\":")
            string(String(number))
            raw("}")
        case .string(let text): string(text)
        case .strings(let texts): list(texts) { $0.string($1) }
        case .instant(let instant):
            raw("{\"instant\":")
            timestamp(instant)
            raw("}")
        case .version(let version):
            raw("{\"version\":")
            string(version.description)
            raw("}")
        }
    }
}
