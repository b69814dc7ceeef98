import ArgumentParser
import Glibc
import Model
import Reports
import Seal
import TransparencyLog

/// `martlet verify KIT`: exit code 0 all verified, 1 findings, 2 not a kit or unreadable.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify a kit of evidence, offline.",
        discussion: "Exit code: 0 everything verified, 1 findings, 2 not a kit that can be judged, 64 wrong usage.")

    @Argument(help: "The kit, a ZIP file.") var kit: String
    @Option(help: "The key that must have signed it, as your provider published it (key_…).") var key: String?
    @Option(help: "A file with that public key, PEM.") var trust: String?
    @Option(help: "The key that the log must have, as its witnesses know it (name+hash+key).") var log: String?
    @Option(help: "A box that must be in it, and its key (appl_…=key_…), as martlet-appliance status prints them on it. Repeatable.")
    var appliance: [String] = []
    @Option(help: "A witness whose cosignature counts (name+hash+key), instead of those that the kit names. Repeatable.")
    var witness: [String] = []
    @Option(help: "How many of these witnesses are wanted; all, if left out.") var quorum: Int?
    @Option(help: "A kit of the same site that you have kept: this one must go on from it.") var earlier: String?
    @Option(help: "Draw so many bundles to look at; needs --nonce.") var sample: Int?
    @Option(help: "Any text of 16 to 200 bytes that was chosen after the kit was received.") var nonce: String?
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        if let key, KeyID(key) == nil { throw ValidationError("--key: \(key) is not a key id; it looks like key_0123456789abcdef.") }
        if key != nil, trust != nil { throw ValidationError("--key and --trust exclude each other.") }
        if let log, (try? NoteVerifier(log)) == nil { throw ValidationError("--log: \(log) is not a log's verifier key.") }
        for text in witness where (try? NoteVerifier(text))?.algorithm != .cosignature {
            throw ValidationError("--witness: \(text) is not a witness's verifier key.")
        }
        if let quorum, !(1...max(Set(witness).count, 1)).contains(quorum) || witness.isEmpty {
            throw ValidationError("--quorum: takes a number from 1 to that of the --witness options.")
        }
        if try boxes().count != appliance.count { throw ValidationError("--appliance: each box once.") }
        if (sample == nil) != (nonce == nil) || sample.map({ KitVerifier.SampleRequest(count: $0, nonce: nonce!) == nil }) ?? false {
            throw ValidationError("--sample takes a number above 0, and --nonce a text of 16 to 200 bytes; each needs the other.")
        }
    }

    func run() async throws {
        let workers = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        var witnesses: [NoteVerifier] = []
        for text in witness {
            let key = try NoteVerifier(text)
            if !witnesses.contains(key) { witnesses.append(key) }
        }
        let pins = KitPins(
            trust: try pinned(), log: try log.map { try NoteVerifier($0) }, appliances: try boxes(), witnesses: witnesses, quorum: quorum)
        let report = await KitVerifier(
            pins, sample: sample.flatMap { KitVerifier.SampleRequest(count: $0, nonce: nonce ?? "") }, workers: workers
        ).verify(kit, earlier: earlier)
        print(json ? String(decoding: try report.json.canonicalBytes(), as: UTF8.self) + "\n" : report.table, terminator: "")
        throw ExitCode(report.exitCode)
    }

    private func boxes() throws -> [ApplianceID: KeyID] {
        var boxes: [ApplianceID: KeyID] = [:]
        for text in appliance {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let id = ApplianceID(parts[0]), let key = KeyID(parts[1]) else {
                throw ValidationError("--appliance: \(text) is not a box and its key; it looks like appl_…=key_0123456789abcdef.")
            }
            boxes[id] = key
        }
        return boxes
    }

    private func pinned() throws -> KitTrust {
        if let key { return .keyID(KeyID(key)!) }
        guard let trust else { return .none }
        guard let file = fopen(trust, "re") else { throw ValidationError("--trust: \(trust) cannot be read.") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1_000)
        let count = fread(&bytes, 1, bytes.count, file)
        guard let key = VerifyingKey(pem: String(decoding: bytes[..<count], as: UTF8.self)) else {
            throw ValidationError("--trust: \(trust) is not an Ed25519 public key in PEM.")
        }
        return .keys([key])
    }
}
