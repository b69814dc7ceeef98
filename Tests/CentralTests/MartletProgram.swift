import Central
import Documents
import Foundation
import Objects
import TestSupport
import TransparencyLog

/// The real `martlet` command line over a Central's data, beside its server.
struct MartletProgram: Sendable {
    struct Answer: Sendable {
        let status: Int32
        let wasKilled: Bool
        let output: String
        let errors: String
    }

    var environment: [String: String]
    private let name: String

    /// - Parameter name: another of the programs, which is waited for likewise.
    init(_ configuration: CentralConfiguration, named name: String = "martlet") {
        self.name = name
        var environment = [
            "PATH": "/usr/bin:/bin", "MARTLET_DATA_DIRECTORY": configuration.dataDirectory,
            "MARTLET_DATABASE_URL": configuration.databaseURL.revealed(),
            "MARTLET_LOG_WITNESSES": configuration.logWitnesses.map { "\($0.url) \($0.key.text)" }.joined(separator: ","),
            "MARTLET_LOG_QUORUM": "\(configuration.logQuorum)",
        ]
        if case .s3(let s3) = configuration.objects.place {
            environment[ObjectsConfiguration.kind.declaration.variable] = "s3"
            environment[ObjectsConfiguration.endpoint.declaration.variable] = "\(s3.endpoint)"
            environment[ObjectsConfiguration.region.declaration.variable] = s3.region
            environment[ObjectsConfiguration.bucket.declaration.variable] = "\(s3.buckets)"
            environment[ObjectsConfiguration.credentials.declaration.variable] = s3.credentialsPath
        }
        self.environment = environment
    }

    func run(_ arguments: String...) async throws -> Answer { try await run(arguments) }

    func run(_ arguments: [String]) async throws -> Answer {
        let (environment, name) = (environment, name)
        return try await withCheckedThrowingContinuation { continuation in
            // What blocks runs on a thread of its own: the tests' threads are as few as there are cores.
            Thread { continuation.resume(with: Result { try Self.run(name, arguments, environment) }) }.start()
        }
    }

    private static func run(_ name: String, _ arguments: [String], _ environment: [String: String]) throws -> Answer {
        // Built beside the tests.
        let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let directory = try TemporaryDirectory()
        let files = ["out", "err"].map { URL(fileURLWithPath: directory.file($0)) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: here).deletingLastPathComponent().appendingPathComponent(name)
        process.arguments = arguments
        process.environment = environment
        for file in files { FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        process.standardInput = FileHandle.nullDevice
        try process.run()
        Orphans.adopt(process)
        process.waitUntilExit()
        return Answer(
            status: process.terminationStatus,
            wasKilled: process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL,
            output: try String(contentsOf: files[0], encoding: .utf8), errors: try String(contentsOf: files[1], encoding: .utf8))
    }
}
