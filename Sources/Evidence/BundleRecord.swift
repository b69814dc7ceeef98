package import Model
package import Seal

/// A bundle as somebody else reads it: the same fields as `Bundle`, except that its outcome is only what was written.
/// (`Outcome.success` needs the re-check itself, which no reader has.)
package struct BundleRecord: Hashable, Sendable {
    package struct OutcomeRecord: Hashable, Sendable {
        package struct Recheck: Hashable, Sendable {
            package let host: HostID
            package let check: CheckID
            package let started: Timestamp
            package let ended: Timestamp
        }
        /// One of `Outcome.words`.
        package let word: String
        package let code: Code?
        package let until: Timestamp?
        /// Only with `success`.
        package let recheck: Recheck?
    }

    package let id: BundleID
    package let link: ChainLink
    package let kind: Bundle.Kind
    package let origin: Bundle.Origin
    package let host: HostID
    package let check: CheckID?
    package let checkpoints: [SeenCheckpoint]
    package let controls: [ControlCitation]
    package let exchange: ExchangeRecord?
    package let verdict: Verdict?
    package let attested: [Bundle.Attested]
    package let expected: [ExpectedCheck]
    package let preState: Facts
    package let postState: Facts
    package let actions: [ActionRecord]
    package let isRollbackAvailable: Bool
    package let observed: Timestamp
    package let started: Timestamp
    package let ended: Timestamp
    package let clock: ClockReading
    package let outcome: OutcomeRecord
    package let order: OrderID?
    package let runbook: RunbookID?
    package let incident: IncidentID?
    package let tier: Tier?
    package let plan: PlanRecord?
    package let shadow: [ShadowFiring]
    package let requester: String?
    package let approver: String?
    package let note: String
}

extension BundleRecord {
    package static let attestedMax = 1_024
    package static let actionsMax = 256
    package static let controlsMax = 512

    /// Members that a later version added are skipped; every one of ours must be well formed.
    package init(reading reader: ObjectReader) throws(FieldError) {
        origin = try Bundle.Origin(reading: reader)
        // In the order in which they are written, which spares the reader looking for them.
        var actions: [ActionRecord] = []
        try reader.forEachObject("actions", countMax: Self.actionsMax) { (item) throws(FieldError) in
            actions.append(
                ActionRecord(
                    step: Int(try item.integer("step", in: 1...1_000_000)), verb: try item.string("verb", bytesMax: 100),
                    target: try item.string("target", bytesMax: 4_096),
                    exitStatus: try item.optionalInteger("exit", in: 0...255).map { Int($0) },
                    durationMilliseconds: try item.integer("durationMs"), result: try item.string("result", bytesMax: 100)))
        }
        self.actions = actions
        approver = try reader.optionalString("approver", bytesMax: 400)
        var attested: [Bundle.Attested] = []
        attested.reserveCapacity(min(reader.itemCount("attested"), Self.attestedMax))
        try reader.forEachObject("attested", countMax: Self.attestedMax) { (item) throws(FieldError) in
            attested.append(
                Bundle.Attested(
                    check: try item.parsed("check"), verdict: try Verdict(reading: item.object("verdict")),
                    observed: try item.instant("observed"),
                    factsDigest: try item.digest("factsDigest")))
        }
        self.attested = attested
        check = try reader.optionalParsed("check")
        checkpoints = try Self.checkpoints(reader)
        let clock = try reader.object("clock")
        self.clock = ClockReading(
            offsetMilliseconds: try clock.optionalInteger("offsetMs"), source: try clock.string("source", bytesMax: 200))
        controls = try Self.controls(reader)
        ended = try reader.instant("ended")
        exchange = try reader.optionalObject("exchange").map { (item) throws(FieldError) in try ExchangeRecord(reading: item) }
        expected = try Self.expected(reader)
        host = try reader.parsed("host")
        id = try reader.parsed("id")
        incident = try reader.optionalParsed("incident")
        kind = try reader.word("kind")
        note = try reader.string("note", bytesMax: 65_536)
        observed = try reader.instant("observed")
        order = try reader.optionalParsed("order")
        outcome = try OutcomeRecord(reading: reader.object("outcome"))
        plan = try reader.optionalObject("plan").map { (item) throws(FieldError) in try PlanRecord(reading: item) }
        postState = try Facts(reading: reader.object("postState"), at: "postState")
        preState = try Facts(reading: reader.object("preState"), at: "preState")
        let previous = try reader.digest("previous")
        requester = try reader.optionalString("requester", bytesMax: 400)
        isRollbackAvailable = try reader.boolean("rollbackAvailable")
        runbook = try reader.optionalParsed("runbook")
        link = ChainLink(sequence: try reader.integer("sequence", in: 0...JSONValue.greatestInteger), previous: previous)
        shadow = try Self.shadow(reader)
        started = try reader.instant("started")
        tier = try reader.optionalWord("tier")
        verdict = try reader.optionalObject("verdict").map { (item) throws(FieldError) in try Verdict(reading: item) }
        if outcome.recheck != nil {
            // Whatever wrote it: a success without a passing look at the very thing is not one.
            guard outcome.recheck?.host == host, outcome.recheck?.check == check, verdict == .compliant else {
                throw .outOfRange("outcome.recheck", expected: "a passing look at the bundle's own host and check")
            }
        }
        if let plan {
            guard kind == .healing || kind == .decision, (plan.runbookDigest == nil) == (runbook == nil) else {
                throw .outOfRange("plan", expected: "of the bundle's own runbook")
            }
        }
        guard shadow.isEmpty || incident != nil else { throw .outOfRange("shadow", expected: "empty without an incident") }
        guard expected.isEmpty || kind == .expectation else { throw .outOfRange("expected", expected: "empty in this kind") }
        guard exchange == nil || (exchange?.incident == incident && incident != nil) else {
            throw .outOfRange("exchange", expected: "about the bundle's own incident")
        }
        guard kind != .gap || outcome.word == "alert" else { throw .outOfRange("outcome.word", expected: "alert in a gap") }
    }

    /// Absent where there are none.
    private static func checkpoints(_ reader: ObjectReader) throws(FieldError) -> [SeenCheckpoint] {
        guard reader.has("checkpoints") else { return [] }
        var checkpoints: [SeenCheckpoint] = []
        for text in try reader.strings("checkpoints", countMax: SeenCheckpoint.countMax, bytesMax: SeenCheckpoint.bytesMax) {
            guard let checkpoint = SeenCheckpoint(text) else { throw .outOfRange("checkpoints", expected: "signed checkpoints") }
            checkpoints.append(checkpoint)
        }
        return checkpoints
    }

    /// Absent where there are none.
    private static func shadow(_ reader: ObjectReader) throws(FieldError) -> [ShadowFiring] {
        var shadow: [ShadowFiring] = []
        guard reader.has("shadow") else { return shadow }
        try reader.forEachObject("shadow", countMax: ShadowFiring.countMax) { (item) throws(FieldError) in
            let firing = try ShadowFiring(reading: item)
            if let last = shadow.last {
                guard last.rule < firing.rule else { throw .outOfRange("shadow", expected: "sorted by rule, each once") }
            }
            shadow.append(firing)
        }
        return shadow
    }

    /// Absent in what was written before there were expectations.
    private static func expected(_ reader: ObjectReader) throws(FieldError) -> [ExpectedCheck] {
        var expected: [ExpectedCheck] = []
        guard reader.has("expected") else { return expected }
        for item in try reader.objects("expected", countMax: ExpectedCheck.countMax) {
            let check = try ExpectedCheck(reading: item)
            if let last = expected.last {
                guard last.check < check.check else { throw .outOfRange("expected", expected: "sorted by check, each once") }
            }
            expected.append(check)
        }
        return expected
    }

    private static func controls(_ reader: ObjectReader) throws(FieldError) -> [ControlCitation] {
        let byFramework = try reader.object("controls")
        var controls: [ControlCitation] = []
        for framework in byFramework.keys.sorted(by: CanonicalWriter.precedes) {
            try byFramework.forEachObject(framework, countMax: Self.controlsMax) { (item) throws(FieldError) in
                let control = try item.string("control", bytesMax: 200)
                guard control.isPrintableASCII else { throw .outOfRange("controls", expected: "controls in printable ASCII") }
                controls.append(ControlCitation(framework: framework, control: control, confidence: try item.word("confidence")))
            }
        }
        guard controls.count <= Self.controlsMax else { throw .outOfRange("controls", expected: "at most \(Self.controlsMax) controls") }
        return controls
    }
}

extension Bundle.Origin {
    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        let appliance: ApplianceID = try reader.parsed("appliance")
        let catalogVersion = try reader.integer("catalogVersion", in: 0...JSONValue.greatestInteger)
        let deploymentMode: DeploymentMode = try reader.word("deploymentMode")
        let derivationDigest = try reader.optionalString("derivationDigest", bytesMax: 200)
        let nixosRevision = try reader.optionalString("nixosRevision", bytesMax: 200)
        let policyVersion = try reader.string("policyVersion", bytesMax: 200)
        let reseller = try reader.optionalString("reseller", bytesMax: 200)
        let rulesetDigest = try reader.digest("rulesetDigest")
        self.init(
            site: try reader.parsed("site"), appliance: appliance, deploymentMode: deploymentMode, reseller: reseller,
            policyVersion: policyVersion, catalogVersion: catalogVersion, rulesetDigest: rulesetDigest, nixosRevision: nixosRevision,
            derivationDigest: derivationDigest, softwareVersion: try reader.string("softwareVersion", bytesMax: 200))
    }
}

extension Verdict {
    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        let code = try reader.optionalParsed("code", as: Code.self)
        guard let verdict = Verdict(word: try reader.string("word", bytesMax: 20), code: code) else {
            throw .outOfRange(reader.path("word"), expected: "a verdict with its code")
        }
        self = verdict
    }
}

extension BundleRecord.OutcomeRecord {
    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        word = try reader.string("word", bytesMax: 20)
        code = try reader.optionalParsed("code")
        until = try reader.optionalInstant("until")
        recheck = try reader.optionalObject("recheck").map { (item) throws(FieldError) in
            Recheck(
                host: try item.parsed("host"), check: try item.parsed("check"), started: try item.instant("started"),
                ended: try item.instant("ended"))
        }
        guard Outcome.words.contains(word), (recheck != nil) == (word == "success"), (until != nil) == (word == "deferred"),
            (code == nil) == (word == "success" || word == "observed")
        else { throw .outOfRange(reader.path("word"), expected: "an outcome with what belongs to it") }
    }
}
