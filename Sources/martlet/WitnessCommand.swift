import ArgumentParser
import Central
import Database
import Foundation
import Glibc
import Logging
import Model
import Seal
import ServiceLifecycle
import TransparencyLog
import UnixSignals
import Witness

/// `martlet witness`: cosigns the checkpoints of transparency logs. Exit code 0 stopped in good order, 1 refused.
struct WitnessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness", abstract: "Be a witness of a transparency log: cosign what continues what was cosigned before.",
        discussion: "Exit code: 0 stopped, 1 refused or nothing could be read, 2 there are disputes, 64 wrong usage.",
        subcommands: [Serve.self, Disputes.self], defaultSubcommand: Serve.self)

    struct Directory: ParsableArguments {
        @Option(help: "Where the witness keeps its key and its memory. Neither may ever be restored from an old copy.") var directory:
            String
    }

    struct Serve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Listen (POST /add-checkpoint, C2SP tlog-witness). The default.")
        @OptionGroup var place: Directory
        @Option(help: "A log's key, name+hash+key. Can be repeated.") var log: [String]
        @Option(help: "HOST:PORT to listen on; port 0 takes a free one.") var listen = "127.0.0.1:8444"
        @Option(help: "The name of this witness's key, given at its first start: like a URL without its scheme.") var name: String?
        @Option(help: "Certificate chain, PEM. Without it the witness listens on loopback only.") var tlsCertificate: String?
        @Option(help: "The certificate's private key, PEM.") var tlsKey: String?
        #if DEBUG
        @Option(help: .private) var crashAt: String?
        #endif

        func run() async throws {
            do { try await serve() } catch { throw CentralRefused(description: WitnessFailure.sentence(for: error)) }
        }

        private func serve() async throws {
            var verifiers: [NoteVerifier] = []
            for text in log { verifiers.append(try NoteVerifier(text)) }
            guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
                throw ValidationError("--listen takes HOST:PORT")
            }
            let host = String(listen[..<colon].drop { $0 == "[" }.prefix { $0 != "]" })
            guard (tlsCertificate == nil) == (tlsKey == nil) else { throw ValidationError("--tls-certificate and --tls-key go together") }
            try FileManager.default.createDirectory(
                atPath: place.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let signer = try WitnessFiles.signer(in: place.directory, name: name)
            let database = try await WitnessFiles.open(place.directory)
            var logger = Logger(label: "martlet-witness") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .notice
            let book = WitnessBook(
                database, signer: signer, logs: Dictionary(grouping: verifiers, by: \.name).values.map { LogTrust(logKeys: $0) },
                now: WallClock.system.now, faults: try faults())
            let server = try WitnessServer(
                book, host: host, port: Int(port),
                certificate: tlsCertificate.map { .init(chainFile: $0, keyFile: tlsKey!) }, logger: logger
            ) { port in
                print("witness \(signer.verifier.text)")
                print("listens on \(host):\(port)")
                fflush(nil)
            }
            var configuration = ServiceGroupConfiguration(
                services: [server.service], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            configuration.maximumGracefulShutdownDuration = .seconds(5)
            configuration.maximumCancellationDuration = .seconds(5)
            try await ServiceGroup(configuration: configuration).run()
            await database.close()
        }

        private func faults() throws -> WitnessFaults {
            #if DEBUG
            if let crashAt {
                guard let faults = WitnessFaults(killingAt: crashAt) else { throw ValidationError("--crash-at takes STEP or STEP:COUNT") }
                return faults
            }
            #endif
            return .none
        }
    }

    struct Disputes: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print what logs signed and should not have, and write both notes of each as files.",
            discussion: "The directory may be that of an appliance's state too. The files verify: martlet log verify-note FILE --key KEY")
        @OptionGroup var place: Directory
        @Option(help: "Where the notes are written. Without it nothing is written.") var output: String?

        func run() async throws {
            let kept: [KeptDispute]
            do {
                let database = try WitnessFiles.openForReading(place.directory)
                kept = try await WitnessBook.disputes(in: database)
                await database.close()
                if let output {
                    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
                    for dispute in kept {
                        try write(dispute.dispute.cosigned, "\(output)/\(dispute.number)-cosigned.note")
                        try write(dispute.dispute.refused, "\(output)/\(dispute.number)-refused.note")
                    }
                }
            } catch { throw CentralRefused(description: WitnessFailure.sentence(for: error)) }
            for dispute in kept {
                let end = dispute.settled.map { ", settled \($0)" } ?? ""
                let kind = dispute.dispute.kind.rawValue
                print("\(dispute.number)  \(dispute.seen)  \(dispute.origin)  \(kind)  from \(dispute.source)\(end)")
                print("   \(dispute.dispute.summary)")
            }
            if kept.isEmpty { print("no disputes") }
            if kept.contains(where: { $0.settled == nil }) { throw ExitCode(2) }
        }

        private func write(_ note: SignedNote, _ path: String) throws {
            try Data(note.bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
    }
}

/// Where a witness keeps what it is and what it remembers.
enum WitnessFiles {
    private static let migrator = Migrator([WitnessSchema.migration(1)])

    /// Made at the first start; its file holds the name too, which never changes.
    static func signer(in directory: String, name: String?) throws -> NoteSigner {
        let path = directory + "/witness.key"
        let bytes: [UInt8]?
        do throws(PrivateFileError) { bytes = try PrivateFile.read(path, size: 1...10_000) } catch {
            guard case .missing = error else { throw error }
            bytes = nil
        }
        guard let bytes else {
            let made = try NoteSigner(
                name: name ?? "\(ProcessInfo.processInfo.hostName)/witness", algorithm: .cosignature, key: SigningKey())
            try PrivateFile.create(path, Array(made.secretText.utf8))
            return made
        }
        let signer = try NoteSigner(String(decoding: bytes, as: UTF8.self))
        guard name == nil || name == signer.verifier.name else { throw WitnessNameError(known: signer.verifier.name) }
        return signer
    }

    static func open(_ directory: String) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: directory + "/witness.sqlite")
        try await migrator.migrate(database, now: WallClock.system.now)
        return database
    }

    static func openForReading(_ directory: String) throws -> SQLiteDatabase {
        for name in ["witness.sqlite", "appliance.sqlite"] where access("\(directory)/\(name)", F_OK) == 0 {
            return try SQLiteDatabase(path: "\(directory)/\(name)")
        }
        throw PrivateFileError.missing(directory + "/witness.sqlite")
    }
}

enum WitnessFailure {
    static func sentence(for error: any Error) -> String {
        switch error {
        case let error as NoteError: "\(error.message) [\(error.code)]"
        case let error as WitnessNameError: error.description
        case PrivateFileError.missing(let path): "\(path) does not exist; nothing was read. [witness.missing]"
        default: CentralFailure.sentence(for: error)
        }
    }
}

struct WitnessNameError: Error, CustomStringConvertible {
    let known: String
    var description: String {
        "this witness is called \(known), and logs know it by that name; nothing was started. Leave --name out. [witness.renamed]"
    }
}
