import ArgumentParser
import Central
import Evidence
import Foundation
import Model
import Reports
import Seal
import TransparencyLog

struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Hand evidence to other programs.", subcommands: [Export.self, Proof.self])

    struct Export: AsyncParsableCommand {
        enum Format: String, ExpressibleByArgument, CaseIterable { case dsse }

        static let configuration = CommandConfiguration(
            abstract: "Write a site's evidence as signed in-toto statements, one DSSE envelope a line.",
            discussion: """
                Each statement names its bundle by SHA-256 and holds it with the appliance's own signature; the envelope is signed \
                with Central's kit key, whose public half stands in every packet. Ends with exit code 1 if anything could not be \
                written; what was written until then is whole lines.
                """)
        @OptionGroup var central: CentralOptions
        @Argument(help: "The site's id or name.") var site: String
        @Option(help: "The form.") var format = Format.dsse
        @Option(help: "Only bundles of this kind, for example healing. Can be repeated.") var kind: [String] = []

        func validate() throws {
            for word in kind where Bundle.Kind(rawValue: word) == nil {
                let known = Bundle.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--kind: \(word) is none of \(known).")
            }
        }

        func run() async throws {
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let held = try await SiteEvidence(of: site.id, services: services, for: person)
                try await held.forEach { item in
                    guard kind.isEmpty || kind.contains(item.bundle.record.kind.rawValue) else { return }
                    let statement = InTotoStatement(item.bundle, received: item.received, logIndex: item.logIndex)
                    let line = try statement.signed(with: services.keys.kits).json.canonicalBytes()
                    try FileHandle.standardOutput.write(contentsOf: line + [UInt8(ascii: "\n")])
                }
            }
        }
    }

    struct Proof: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the proof that one bundle is in the transparency log, as a C2SP tlog-proof that stands alone.",
            discussion: """
                Out of a kit, or without one out of Central's database. It holds the checkpoint with its cosignatures, the bundle's index and \
                the hashes between; what it proves is the entry of docs/formats/log.md: the bundle's SHA-256, then its key's. Exit code: 0 \
                written, 1 nothing could be proven, 2 written, but fewer witnesses have cosigned it than the log wants.
                """)
        @OptionGroup var central: CentralOptions
        @Argument(help: "A kit. Without it: Central's database.") var kit: String?
        @Option(help: "The bundle: bndl_…, or appl_…/NUMBER as posture --proof shows it.") var bundle: String
        @Option(help: "The key that the log of the kit must have (name+hash+key).") var log: String?
        @Option(help: "The file to write, such as bundle.tlog-proof. Without it: standard output.") var output: String?
        @Option(help: "A file for the 64 bytes that are proven to be in the log, for readers that take them by themselves.") var entry:
            String?

        func validate() throws {
            if BundleName(bundle) == nil { throw ValidationError("--bundle: \(bundle) is neither bndl_… nor appl_…/NUMBER.") }
            if let log, (try? NoteVerifier(log)) == nil { throw ValidationError("--log: \(log) is not a log's verifier key.") }
            if log != nil, kit == nil { throw ValidationError("--log is for a kit; Central's own log has Central's key.") }
        }

        func run() async throws {
            guard let name = BundleName(bundle) else { return }
            var missing: (found: Int, needed: Int)?
            if let kit {
                do {
                    let made = try KitProof(of: name, kit: kit, log: try log.map { try NoteVerifier($0) })
                    if made.cosignatures < made.quorum { missing = (made.cosignatures, made.quorum) }
                    try write(made.proof, made.entry)
                } catch {
                    throw CentralRefused(description: Self.sentence(for: error))
                }
            } else {
                try await central.run { services, person in
                    let configuration = try central.read()
                    guard let found = try await services.evidence.find(name, for: person) else { throw CentralError.notFound("bundle") }
                    let policy = configuration.witnessPolicy
                    let proof = try await services.log(configuration).proof(of: found.logIndex, witnessedAs: policy)
                    // What is in the log under that index is what the row says, or nothing is written.
                    let key = try NoteVerifier(name: Checkpoint(text: proof.note.text).origin, key: services.keys.log.verifyingKey)
                    let trust = LogTrust(logKeys: [key], witnesses: policy.witnesses)
                    let verified = try proof.verify(leaf: found.entry.leafHash, trust: trust)
                    if !policy.isMet(by: verified.checkpoint) { missing = (verified.checkpoint.cosignatures.count, policy.quorum) }
                    try write(proof, found.entry)
                }
            }
            guard let missing else { return }
            let line = "log.quorum: \(missing.found) witnesses have cosigned this checkpoint; the log wants \(missing.needed).\n"
            FileHandle.standardError.write(Data(line.utf8))
            throw ExitCode(2)
        }

        private func write(_ proof: LogProof, _ entry: LogEntry) throws {
            if let path = self.entry { try FileReplacement.write(entry.bytes, to: path) }
            guard let output else { return try FileHandle.standardOutput.write(contentsOf: proof.bytes) }
            try FileReplacement.write(proof.bytes, to: output)
        }

        private static func sentence(for error: any Error) -> String {
            switch error {
            case let error as KitProofError: "\(error.message) [\(error.code)]"
            case let error as KitRefusal: "\(error.message) [\(error.code)]"
            case let error as CheckpointError: "\(error.message) [\(error.code)]"
            case let error as ProofError: "\(error.message) [\(error.code)]"
            default: CentralFailure.sentence(for: error)
            }
        }
    }
}
