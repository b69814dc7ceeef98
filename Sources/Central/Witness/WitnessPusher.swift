import AsyncHTTPClient
import Database
import Documents
import Logging
import Model
import NIOCore
import NIOHTTP1
import NIOSSL
import ServiceLifecycle
import TransparencyLog

/// Brings each new checkpoint to the configured witnesses (C2SP tlog-witness) and stores what they sign. Each has a loop of its own:
/// one that is slow or down delays nobody.
struct WitnessPusher: Service {
    private static let interval: Duration = .seconds(1)
    private static let pauseMax: Duration = .seconds(300)
    private static let deadline: TimeAmount = .seconds(10)
    /// An answer is a few signature lines, a size, or a sentence.
    private static let answerBytesMax = 65_536

    private let witnesses: [(witness: ConfiguredWitness, tls: TLSConfiguration)]
    private let database: any SQLDatabase
    private let reader: LogReader
    private let clock: WallClock
    private let faults: CentralFaults
    private let logger: Logger

    /// - Throws: `Diagnostic`, `CentralError.logWitnesses` where a witness's authority cannot be read.
    init(
        _ witnesses: [ConfiguredWitness], database: any SQLDatabase, reader: LogReader, clock: WallClock, faults: CentralFaults,
        logger: Logger
    ) throws {
        self.witnesses = try witnesses.map { ($0, try Self.tls($0)) }
        self.database = database
        self.reader = reader
        self.clock = clock
        self.faults = faults
        self.logger = logger
    }

    func run() async throws {
        guard !witnesses.isEmpty else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                for (witness, tls) in witnesses {
                    group.addTask {
                        let http = Self.client(tls)
                        await serve(witness, over: http)
                        // Throws only when it was shut down before.
                        try? await http.shutdown()
                    }
                }
            }
        }
    }

    /// One for each witness: an authority that vouches for one vouches for no other.
    private static func client(_ tls: TLSConfiguration) -> HTTPClient {
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(5), read: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    private static func tls(_ witness: ConfiguredWitness) throws -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let path = witness.authorityPath {
            let pem = try YAMLReader.contents(path: path, bytesMax: 1 << 20)
            // The library's reason names a line of its own source; the file is what a person can mend.
            guard let authorities = try? NIOSSLCertificate.fromPEMBytes(pem), !authorities.isEmpty else {
                throw CentralError.logWitnesses("\(path) holds no certificate")
            }
            tls.trustRoots = .certificates(authorities)
        }
        return tls
    }

    private func serve(_ witness: ConfiguredWitness, over http: HTTPClient) async {
        var failures = 0
        while !Task.isCancelled {
            var rest = Self.interval
            do {
                try await bring(to: witness, over: http)
                if failures > 0 { logger.notice("log.witness_answers", metadata: ["witness": .string(witness.key.name)]) }
                failures = 0
            } catch is CancellationError {
                return
            } catch {
                failures += 1
                rest = min(Self.pauseMax, .seconds(1 << min(failures, 9)))
                let metadata: Logger.Metadata = [
                    "witness": .string(witness.key.name), "cause": .string("\(error)"), "failures": .stringConvertible(failures),
                ]
                // Once; it is in `martlet central log` for as long as it lasts.
                logger.log(level: failures == 1 ? .warning : .debug, "log.witness_failed", metadata: metadata)
            }
            // Ends early only when the task is cancelled, which the loop looks at.
            try? await clock.sleep(rest)
        }
    }

    /// One checkpoint, or nothing where it has the newest.
    private func bring(to witness: ConfiguredWitness, over http: HTTPClient) async throws {
        var known = try await database.read { try WitnessStore.size(of: witness.key, in: $0) } ?? -1
        // Twice: once more where it answers that it knows another size than we thought.
        for attempt in 1...2 {
            guard let newest = try await database.read({ try LogStore.newest(in: $0)?.checkpoint.size }), newest > known else {
                if known >= 0, attempt == 2 { throw WitnessAnswerError.ahead(known) }
                return
            }
            let request = try await reader.consistency(upTo: max(0, known)).request
            let size = try Checkpoint(text: request.note.text).size
            let (status, body) = try await post(request.bytes, to: witness, over: http)
            let now = clock.now()
            switch status {
            case 200:
                let line = String(decoding: body, as: UTF8.self)
                let faults = faults
                let isTaken = try await database.write { transaction in
                    try WitnessStore.see(witness.key, appliance: nil, size: size, at: now, in: transaction)
                    guard try WitnessStore.add(line: line, by: witness.key, size: size, at: now, in: transaction) else { return false }
                    faults.reached(.cosignatureBeforeCommit)
                    return true
                }
                guard isTaken else { throw WitnessAnswerError.noSignature }
                faults.reached(.cosignatureAfterCommit)
                return
            case 409:
                let text = String(decoding: body, as: UTF8.self)
                guard text.hasSuffix("\n"), let told = Int64(text.dropLast()), told >= 0 else { throw WitnessAnswerError.status(409) }
                // Kept, also where it is larger than our log: then a witness remembers more than we do, which people must see.
                try await database.write { try WitnessStore.see(witness.key, appliance: nil, size: told, at: now, in: $0) }
                guard told != max(0, known) else { throw WitnessAnswerError.status(409) }
                known = told
            default: throw WitnessAnswerError.status(status)
            }
        }
    }

    private func post(_ bytes: [UInt8], to witness: ConfiguredWitness, over http: HTTPClient) async throws -> (Int, [UInt8]) {
        var request = HTTPClientRequest(url: witness.url + "/add-checkpoint")
        request.method = .POST
        request.headers.add(name: "content-type", value: "text/plain; charset=utf-8")
        request.body = .bytes(ByteBuffer(bytes: bytes))
        let response = try await http.execute(request, deadline: .now() + Self.deadline)
        var body: [UInt8] = []
        for try await chunk in response.body {
            guard body.count + chunk.readableBytes <= Self.answerBytesMax else { throw WitnessAnswerError.tooLong }
            body += chunk.readableBytesView
        }
        return (Int(response.status.code), body)
    }
}

private enum WitnessAnswerError: Error, CustomStringConvertible {
    case status(Int)
    case noSignature
    case tooLong
    case ahead(Int64)

    var description: String {
        switch self {
        case .status(let status): "it answered \(status)"
        case .noSignature: "its answer holds no signature by its key over the checkpoint"
        case .tooLong: "its answer is too long"
        case .ahead(let size): "it has cosigned size \(size), which this log does not have"
        }
    }
}
