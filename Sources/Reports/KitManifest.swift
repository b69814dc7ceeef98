package import Compliance
import Evidence
package import Model
package import Seal
package import TransparencyLog

/// What a kit says of itself: `martlet.kit/v1`, canonical JSON, signed in `manifest.sig`. `docs/formats/kit.md`.
package struct KitManifest: Hashable, Sendable {
    package static let schema = "martlet.kit/v1"
    package static let bytesMax = 32 << 20

    package struct Key: Hashable, Sendable {
        package let id: KeyID
        package let validFrom: Timestamp
        package let validUntil: Timestamp?
    }

    package struct Appliance: Hashable, Sendable {
        package let appliance: ApplianceID
        package let keys: [Key]
        /// nil for one that is enrolled and sent nothing.
        package let chain: Chain?
    }

    package struct Chain: Hashable, Sendable {
        package let first: Int64
        package let last: Int64
        /// Digest of the bundle at `last`.
        package let head: Digest
        package let count: Int64
    }

    package struct File: Hashable, Sendable {
        package let digest: Digest
        package let size: Int64
    }

    package let site: SiteID
    package let organization: OrganizationID
    package let organizationName: String
    /// What was seen is stated for.
    package let period: CoveragePeriod
    /// Which check speaks to which control.
    package let controls: ControlMap
    /// Entries of the ledger from before the bundles: the provider's word.
    package let prior: [ExpectationLedger.Entry]
    /// The log's.
    package let logKey: NoteVerifier
    /// In ascending order of id; also those that sent nothing, whose silence would not be seen otherwise.
    package let appliances: [Appliance]
    package let receiptKeys: [KeyID]
    /// Every file but the manifest and its signature.
    package let files: [String: File]
    /// Whose signature `manifest.sig` is.
    package let key: KeyID
}

extension KitManifest {
    package var json: JSONValue {
        [
            "appliances": .array(appliances.map(\.json)),
            "controls": .array(controls.listed),
            "files": .object(files.mapValues { ["sha256": .string($0.digest.description), "size": .integer($0.size)] }),
            "key": .string(key.description),
            "log": ["key": .string(logKey.text)],
            "organization": ["id": .string(organization.description), "name": .string(organizationName)],
            "period": [
                "from": .string(period.from.description), "horizon": .string(period.horizon.description),
                "until": .string(period.until.description),
            ],
            "prior": .array(prior.map(\.json)),
            "receiptKeys": .array(receiptKeys.map { .string($0.description) }),
            "schema": .string(Self.schema),
            "site": .string(site.description),
        ]
    }

    package init(json: JSONValue) throws(FieldError) {
        let reader = try ObjectReader(json)
        guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
        site = try reader.parsed("site")
        let organization = try reader.object("organization")
        self.organization = try organization.parsed("id")
        organizationName = try organization.string("name", bytesMax: 400)
        guard organizationName.isPlain else { throw .outOfRange("organization.name", expected: "a text without control characters") }
        let period = try reader.object("period")
        guard
            let days = CoveragePeriod(
                from: try period.instant("from"), until: try period.instant("until"), horizon: try period.instant("horizon"))
        else { throw .outOfRange("period", expected: "1 to \(CoveragePeriod.daysMax) whole days") }
        guard days.horizon >= days.from else { throw .outOfRange("period.horizon", expected: "an instant not before the period") }
        self.period = days
        controls = try ControlMap(reading: reader)
        let log = try reader.object("log")
        guard let logKey = NoteVerifier(kit: try log.string("key", bytesMax: 1_000), .ed25519) else {
            throw .outOfRange("log.key", expected: "a log's verifier key")
        }
        self.logKey = logKey
        key = try reader.parsed("key")
        var receiptKeys: [KeyID] = []
        for text in try reader.strings("receiptKeys", countMax: 100, bytesMax: 20) {
            guard let id = KeyID(text) else { throw .outOfRange("receiptKeys", expected: "key ids") }
            receiptKeys.append(id)
        }
        self.receiptKeys = receiptKeys
        var appliances: [Appliance] = []
        for item in try reader.objects("appliances", countMax: 1_000) { appliances.append(try Appliance(reading: item)) }
        guard zip(appliances, appliances.dropFirst()).allSatisfy({ $0.appliance < $1.appliance }) else {
            throw .outOfRange("appliances", expected: "in ascending order")
        }
        self.appliances = appliances
        var prior: [ExpectationLedger.Entry] = []
        for item in try reader.objects("prior", countMax: ExpectationLedger.entriesMax) {
            let entry = try ExpectationLedger.Entry(reading: item)
            // The year 9999 ends what has an instant at all; a bundle of the kit speaks for itself.
            guard (0...253_402_300_799_999).contains(entry.effective.milliseconds), prior.last.map({ $0 < entry }) ?? true,
                let named = appliances.first(where: { $0.appliance == entry.appliance }), entry.sequence < named.chain?.first ?? .max
            else { throw .outOfRange("prior", expected: "entries in order, from before the bundles") }
            prior.append(entry)
        }
        self.prior = prior
        let names = try reader.object("files")
        guard let listed = try reader.required("files").object, listed.count <= ZipFormat.entriesMax else {
            throw .outOfRange("files", expected: "at most \(ZipFormat.entriesMax) files")
        }
        var files: [String: File] = [:]
        for name in listed.keys {
            let item = try names.object(name)
            files[name] = File(digest: try item.parsed("sha256"), size: try item.integer("size", in: 0...Int64(ZipFormat.entryBytesMax)))
        }
        self.files = files
    }
}

extension KitManifest.Appliance {
    fileprivate var json: JSONValue {
        [
            "appliance": .string(appliance.description), "count": .integer(chain?.count ?? 0),
            "first": chain.map { .integer($0.first) } ?? nil, "head": chain.map { .string($0.head.description) } ?? nil,
            "keys": .array(
                keys.map {
                    [
                        "id": .string($0.id.description), "validFrom": .string($0.validFrom.description),
                        "validUntil": $0.validUntil.map { .string($0.description) } ?? nil,
                    ]
                }),
            "last": chain.map { .integer($0.last) } ?? nil,
        ]
    }

    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        appliance = try reader.parsed("appliance")
        let count = try reader.integer("count", in: 0...KitPath.sequenceMax)
        if count == 0 {
            for key in ["first", "last", "head"] where reader.optional(key) != nil {
                throw .outOfRange(reader.path(key), expected: "null, where nothing was sent")
            }
            chain = nil
        } else {
            let first = try reader.integer("first", in: 0...KitPath.sequenceMax)
            chain = KitManifest.Chain(
                first: first, last: try reader.integer("last", in: first...KitPath.sequenceMax), head: try reader.parsed("head"),
                count: count)
        }
        var keys: [KitManifest.Key] = []
        for item in try reader.objects("keys", countMax: 100) {
            keys.append(
                KitManifest.Key(
                    id: try item.parsed("id"), validFrom: try item.instant("validFrom"), validUntil: try item.optionalInstant("validUntil"))
            )
        }
        self.keys = keys
    }
}

extension ControlMap {
    /// As the manifest and the statements list them.
    var listed: [JSONValue] {
        controls.map { control in
            [
                "checks": .array(control.checks.map { .string($0.description) }), "control": .string(control.control),
                "framework": .string(control.framework),
            ]
        }
    }

    /// Refuses what is not in its one order, or is there twice.
    fileprivate init(reading reader: ObjectReader) throws(FieldError) {
        var citations: [CheckID: [ControlCitation]] = [:]
        let items = try reader.array("controls", countMax: 10_000)
        for item in items {
            let control = try ObjectReader(item, at: "controls")
            let (framework, name) = (try control.string("framework", bytesMax: 200), try control.string("control", bytesMax: 200))
            guard framework.isPrintableASCII, name.isPrintableASCII else {
                throw .outOfRange("controls", expected: "names in printable ASCII")
            }
            for text in try control.strings("checks", countMax: 4_096, bytesMax: 200) {
                guard let check = CheckID(text) else { throw .outOfRange("controls", expected: "names of checks") }
                citations[check, default: []].append(ControlCitation(framework: framework, control: name, confidence: .direct))
            }
        }
        self.init(citations)
        guard listed == items else { throw .outOfRange("controls", expected: "sorted, and nothing twice") }
    }
}

extension NoteVerifier {
    /// Of printable ASCII only, so that every reader of a kit takes it for the same.
    init?(kit text: String, _ algorithm: NoteAlgorithm) {
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        do throws(NoteError) { try self.init(text) } catch { return nil }
        guard self.algorithm == algorithm else { return nil }
    }
}

/// Names of files in a kit.
enum KitPath {
    static let continuity = "continuity.json"
    static let coverage = "coverage.json"
    static let ledger = "ledger.json"
    static let population = "population.json"
    static let page = "verify.html"
    static let checkpoint = "log/checkpoint"
    static let leaves = "log/leaves.json"
    static let nodes = "log/nodes.json"
    static let seen = "log/seen.json"
    static let witnesses = "log/witnesses.json"
    static func prior(_ appliance: ApplianceID, _ first: Int64) -> String { "prior/\(appliance)/\(digits(first))" }
    static let fixed: Set<String> = [
        readme, continuity, coverage, ledger, population, page, checkpoint, leaves, nodes, seen,
        witnesses,
    ]
    /// Counted from 1.
    static func statement(_ number: Int) -> String { "statements/\(digits(Int64(number))).json" }
    static let manifest = "manifest.json"
    static let signature = "manifest.sig"
    static let readme = "README.txt"

    static func key(_ id: KeyID) -> String { "keys/\(id).pub" }
    /// Not a file: how findings name a bundle.
    static func bundle(_ appliance: ApplianceID, _ sequence: Int64) -> String { "bundles/\(appliance)/\(digits(sequence))" }
    /// One bundle a line, the first of them with this sequence.
    static func lines(_ appliance: ApplianceID, _ first: Int64) -> String { bundle(appliance, first) + ".jsonl" }
    /// Their signatures, 64 bytes each.
    static func signatures(_ appliance: ApplianceID, _ first: Int64) -> String { bundle(appliance, first) + ".sig" }
    static func receipt(_ appliance: ApplianceID, _ sequence: Int64) -> String { "receipts/\(appliance)/\(digits(sequence)).json" }

    static let sequenceMax: Int64 = 999_999_999_999

    /// Twelve, so that the order of names is the order of sequences.
    static func digits(_ sequence: Int64) -> String {
        let text = String(sequence)
        return String(repeating: "0", count: 12 - text.utf8.count) + text
    }

    static func sequence(_ text: some StringProtocol) -> Int64? {
        guard text.utf8.count == 12, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
