import ArgumentParser
import Glibc
import Model
import TransparencyLog

/// `martlet log …`: looks at a transparency log's files, offline. Exit code 0 verified, 1 refused, 2 could not look.
struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Verify a transparency log's files, offline.",
        discussion: "Exit code: 0 verified, 1 refused, 2 a file cannot be read, 64 wrong usage.",
        subcommands: [VerifyNote.self, Inclusion.self, Consistency.self])

    /// Whose signatures count.
    struct Keys: ParsableArguments {
        @Option(help: "A key of the log, as its operator published it: name+hash+key. Can be repeated.") var key: [String]
        @Option(help: "A witness's key, name+hash+key. Can be repeated.") var witness: [String] = []
        @Option(help: "Refuse a checkpoint that fewer of these witnesses have cosigned.") var quorum = 0
        @Option(help: "The log's origin, where it is not the name of its key.") var origin: String?

        func validate() throws {
            for text in key + witness {
                do throws(NoteError) { _ = try NoteVerifier(text) } catch { throw ValidationError("\(text): \(error.message)") }
            }
            guard (0...witness.count).contains(quorum) else { throw ValidationError("--quorum: from 0 to the number of --witness.") }
        }

        func checkpoint(_ path: String) throws -> VerifiedCheckpoint {
            let trust = LogTrust(origin: origin, logKeys: try key.map(NoteVerifier.init), witnesses: try witness.map(NoteVerifier.init))
            let bytes = try LogDirectory.read(path, bytesMax: NoteLimits.noteBytesMax + 1)
            let verified = try VerifiedCheckpoint(bytes, trust: trust)
            guard verified.cosignatures.count >= quorum else {
                throw QuorumMissed(found: verified.cosignatures.count, needed: quorum)
            }
            return verified
        }
    }

    struct QuorumMissed: Error {
        let found: Int
        let needed: Int
    }

    struct VerifyNote: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify-note", abstract: "Verify a checkpoint's signatures and print it.")
        @Argument(help: "The checkpoint, a signed note.") var file: String
        @OptionGroup var keys: Keys

        func run() async throws {
            try await judged {
                let verified = try keys.checkpoint(file)
                print(verified.summary)
                for proof in verified.logProofs { print("signed    \(proof.verifier.name)") }
                for proof in verified.cosignatures {
                    print("cosigned  \(proof.verifier.name)  \(Timestamp(milliseconds: (proof.seconds ?? 0) * 1_000))")
                }
            }
        }
    }

    struct Inclusion: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inclusion", abstract: "Prove that an entry is in the log.",
            discussion: "Every tile on the way is checked against the checkpoint; one that does not fit is named.")
        @Argument(help: "The log's directory: checkpoint and tile/.") var directory: String
        @Argument(help: "The entry's index, from 0.") var index: Int64
        @Option(help: "SHA-256 that the entry must have for its document, 64 hexadecimal digits.") var document: String?
        @Flag(help: "Print the proof as a tlog-proof instead of the entry.") var proof = false
        @OptionGroup var keys: Keys

        func validate() throws {
            if let document, Digest(document) == nil { throw ValidationError("--document: \(document) is not 64 hexadecimal digits.") }
        }

        func run() async throws {
            try await judged {
                let checkpoint = try keys.checkpoint(directory + "/checkpoint")
                let reader = TileReader(checkpoint, source: LogDirectory(path: directory))
                let path = try await reader.inclusionProof(of: index)
                let entry = try await reader.entries(ofBundle: index >> 8)[Int(index & 255)]
                _ = try VerifiedInclusion(leaf: .leaf(entry), index: index, proof: path, in: checkpoint)
                let known = LogEntry(bytes: entry)
                if let document { guard known?.document == Digest(document) else { throw OtherDocument(index: index) } }
                guard !proof else {
                    print(String(decoding: LogProof(index: index, proof: path, note: checkpoint.note).bytes, as: UTF8.self), terminator: "")
                    return
                }
                print(checkpoint.summary)
                print("entry     \(index)")
                print("document  \(known?.document.description ?? "not one of ours: \(entry.count) bytes")")
                if let known { print("signer    \(known.signer)") }
            }
        }
    }

    struct OtherDocument: Error { let index: Int64 }

    struct Consistency: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "consistency", abstract: "Prove that the log continues an earlier checkpoint.")
        @Argument(help: "The log's directory: checkpoint and tile/.") var directory: String
        @Option(help: "The earlier checkpoint, as it was kept.") var from: String
        @Flag(help: "Print the proof, one hash a line.") var proof = false
        @OptionGroup var keys: Keys

        func run() async throws {
            try await judged {
                // Whoever cosigned the earlier one: that it is the log's is enough to hold the log to it.
                var earlierKeys = keys
                earlierKeys.quorum = 0
                let old = try earlierKeys.checkpoint(from)
                let new = try keys.checkpoint(directory + "/checkpoint")
                guard old.size <= new.size else { throw ProofError.outside(index: old.size, size: new.size) }
                let reader = TileReader(new, source: LogDirectory(path: directory))
                let path = try await reader.consistencyProof(from: old.size)
                try path.verify(oldSize: old.size, oldRoot: old.root, newSize: new.size, newRoot: new.root)
                print(proof ? path.hashes.map { "\($0)\n" }.joined() : "\(new.summary)\ncontinues \(old.size)\n", terminator: "")
            }
        }
    }
}

extension VerifiedCheckpoint {
    fileprivate var summary: String { "log       \(checkpoint.origin)\nsize      \(size)\nroot      \(root)" }
}

/// Runs, and ends the program with what it found.
private func judged(_ look: () async throws -> Void) async throws {
    func end(_ line: String, _ code: Int32) -> ExitCode {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        return ExitCode(code)
    }
    do {
        try await look()
    } catch let error as LogDirectory.Unreadable {
        throw end(error.message, 2)
    } catch let error as CheckpointError {
        throw end("\(error.code): \(error.message)", 1)
    } catch let error as ProofError {
        throw end("\(error.code): \(error.message)", 1)
    } catch let error as TileError {
        throw end("\(error.code): \(error.message)", 1)
    } catch let error as LogCommand.QuorumMissed {
        throw end("log.quorum: \(error.found) of the given witnesses have cosigned, \(error.needed) are needed.", 1)
    } catch let error as LogCommand.OtherDocument {
        throw end("log.document: entry \(error.index) is in the log, but of another document.", 1)
    }
}
