import Evidence
import Model
import Seal
import Wire

@testable import Reports

/// SplitMix64: the same values from the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A site with two appliances and a short chain each; its keys are all known, so that tests can also cheat like an insider.
struct KitSample {
    let now = Timestamp(milliseconds: 1_795_000_000_000)
    let site: SiteID
    let appliances: [ApplianceID]
    let central = SigningKey()
    let receiptKey = SigningKey()
    let evidenceKey = SigningKey()
    let subject: KitSubject
    let bundles: [VerifiedBundle]

    init(seed: UInt64, count: Int = 12) throws {
        var random = SeededGenerator(seed: seed)
        let (now, evidenceKey, receiptKey) = (now, evidenceKey, receiptKey)
        let site = SiteID(at: now, random: &random)
        let appliances = [ApplianceID(at: now, random: &random), ApplianceID(at: now, random: &random)].sorted()
        let keys = [EnrolledKey(key: evidenceKey.verifyingKey, validFrom: now, validUntil: nil)]
        var bundles: [VerifiedBundle] = []
        var receipts: [SignedReceipt] = []
        // One whole chain, and one that the kit's period cuts at its start.
        for (appliance, first) in zip(appliances, [0, 40] as [Int64]) {
            var previous = first == 0 ? Digest.genesis : Digest(of: [1])
            for sequence in first..<(first + Int64(count)) {
                let bundle = Self.bundle(site, appliance, sequence, at: now, using: &random)
                let sealed = try BundleSealer(key: evidenceKey).seal(bundle, at: ChainLink(sequence: sequence, previous: previous))
                previous = sealed.digest
                bundles.append(try VerifiedBundle(sealed.signed, keys: keys))
            }
            let last = first + Int64(count) - 1
            receipts.append(
                SignedReceipt(
                    signing: Receipt(
                        site: site, appliance: appliance, firstSequence: first, lastSequence: last, head: previous, received: now,
                        logged: [LogRun(sequence: first, index: first, count: Int64(count))]),
                    with: receiptKey))
        }
        self.site = site
        self.appliances = appliances
        self.bundles = bundles
        subject = KitSubject(
            site: site, organization: OrganizationID(at: now, random: &random), organizationName: "Praxis Grün", from: now,
            until: now + .seconds(86_400), keys: Dictionary(uniqueKeysWithValues: appliances.map { ($0, keys) }), receipts: receipts,
            receiptKeys: [receiptKey.verifyingKey])
    }

    static func bundle(
        _ site: SiteID, _ appliance: ApplianceID, _ sequence: Int64, at now: Timestamp, using random: inout SeededGenerator
    ) -> Bundle {
        let started = now + .seconds(sequence)
        let facts = Facts(
            ["sshd.permit_root_login": .string("no"), "os.version": .version(Version("12.4")!), "backup.newest": .instant(now)],
            unknowns: ["sshd.port": "host.timed_out"])
        return Bundle(
            id: BundleID(at: started, random: &random), kind: .attestation,
            origin: Bundle.Origin(
                site: site, appliance: appliance, deploymentMode: .direct, reseller: nil, policyVersion: "1", catalogVersion: 3,
                rulesetDigest: Digest(of: [2]), nixosRevision: nil, derivationDigest: nil, softwareVersion: "0.1.0"),
            host: "front-desk", check: "linux.ssh.hardening",
            controls: [ControlCitation(framework: "hipaa-security-rule", control: "164.312(d)", confidence: .direct)], verdict: .compliant,
            attested: [
                Bundle.Attested(
                    check: "linux.ssh.hardening", verdict: .unknown("host.timed_out"), observed: now, factsDigest: Digest(of: [3]))
            ], preState: facts,
            actions: [ActionRecord(step: 1, verb: "service.start", target: "sshd", exitStatus: 0, durationMilliseconds: 5, result: "done")],
            observed: started, started: started, ended: started + .milliseconds(5), clock: .unknown, outcome: .observed,
            note: "é\n\"")
    }

    func write(to path: String) throws {
        let writer = try KitWriter(path: path, subject: subject, key: central)
        for bundle in bundles { try writer.add(bundle) }
        try writer.finish()
    }
}

/// A kit taken apart, to be changed and packed again: each bundle and each signature as if it were a file of its own,
/// `bundles/<appliance>/<sequence>/bundle.json` and `bundle.sig`, until it is packed.
struct KitParts {
    typealias File = (name: String, bytes: [UInt8])
    var files: [File]

    init(path: String) throws {
        let zip = try ZipReader(path: path)
        files = []
        for entry in zip.entries {
            let bytes = try zip.read(entry)
            let parts = entry.name.split(separator: "/")
            guard parts[0] == "bundles" else {
                files.append((entry.name, bytes))
                continue
            }
            let first = Int64(parts[2].prefix(12))!
            let isLines = parts[2].hasSuffix(".jsonl")
            let pieces =
                isLines
                ? bytes.split(separator: 10).map { Array($0) }
                : stride(from: 0, to: bytes.count, by: 64).map { Array(bytes[$0..<($0 + 64)]) }
            for (index, piece) in pieces.enumerated() {
                files.append(("bundles/\(parts[1])/\(KitPath.digits(first + Int64(index)))/bundle.\(isLines ? "json" : "sig")", piece))
            }
        }
        sort()
    }

    /// As a kit has them: bundles that follow one another in one file, their signatures in another.
    var collapsed: [File] {
        var packed: [File] = []
        var chunk: (prefix: String, first: Int64, next: Int64, lines: [UInt8], signatures: [UInt8])?
        func flush() {
            guard let done = chunk else { return }
            packed.append(("\(done.prefix)\(KitPath.digits(done.first)).jsonl", done.lines))
            packed.append(("\(done.prefix)\(KitPath.digits(done.first)).sig", done.signatures))
            chunk = nil
        }
        for file in files {
            let parts = file.name.split(separator: "/")
            guard parts.count == 4, parts[0] == "bundles", let sequence = KitPath.sequence(parts[2]), parts[3].hasPrefix("bundle.") else {
                flush()
                packed.append(file)
                continue
            }
            let prefix = "bundles/\(parts[1])/"
            if parts[3] == "bundle.json" {
                if chunk?.prefix != prefix || chunk?.next != sequence {
                    flush()
                    chunk = (prefix, sequence, sequence, [], [])
                }
                chunk!.lines += file.bytes + [10]
                chunk!.next += 1
            } else {
                chunk!.signatures += file.bytes
            }
        }
        flush()
        return packed
    }

    subscript(_ name: String) -> [UInt8]? {
        get { files.first { $0.name == name }?.bytes }
        set {
            if let index = files.firstIndex(where: { $0.name == name }) {
                if let newValue { files[index].bytes = newValue } else { files.remove(at: index) }
            } else if let newValue {
                files.append((name, newValue))
                sort()
            }
        }
    }

    var bundleNames: [String] { files.map(\.name).filter { $0.hasPrefix("bundles/") && $0.hasSuffix(".json") } }
    var receiptNames: [String] { files.map(\.name).filter { $0.hasPrefix("receipts/") } }

    mutating func sort() { files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } }

    func packed() -> [UInt8] { Self.packed(collapsed) }

    /// In the order given, whatever the names are.
    static func packed(_ files: [File]) -> [UInt8] {
        var bytes: [UInt8] = []
        var entries: [ZipFormat.Entry] = []
        for file in files {
            let entry = ZipFormat.Entry(name: file.name, size: file.bytes.count, checksum: 0, offset: bytes.count)
            bytes += entry.localHeader + file.bytes
            entries.append(entry)
        }
        let offset = bytes.count
        for entry in entries { bytes += entry.centralHeader }
        return bytes + ZipFormat.end(entries: entries.count, directorySize: bytes.count - offset, directoryOffset: offset)
    }

    /// These files under a manifest that lists them.
    func relisted(_ files: [File], with key: SigningKey) throws -> [UInt8] {
        var parts = self
        parts.files = files
        try parts.relist(with: key)
        return Self.packed(parts.files)
    }

    /// What somebody with Central's key can do: list the files as they are now, and sign that.
    mutating func relist(with key: SigningKey, editing edit: (inout [String: JSONValue]) -> Void = { _ in }) throws {
        let limits = JSONLimits(bytesMax: 1 << 24)
        var members = try JSONValue(parsing: self["manifest.json"]!, limits: limits).object!
        var listed: [String: JSONValue] = [:]
        for file in collapsed where !file.name.hasPrefix("manifest.") {
            listed[file.name] = ["sha256": .string(Digest(of: file.bytes).description), "size": .integer(Int64(file.bytes.count))]
        }
        members["files"] = .object(listed)
        edit(&members)
        let bytes = try JSONValue.object(members).canonicalBytes()
        self["manifest.json"] = bytes
        self["manifest.sig"] = key.sign(bytes)
    }
}
