import Foundation

/// A real S3 server with Object Lock (Ceph's gateway), started by `scripts/lab/s3`. It takes some fifteen seconds, once per test run.
package final class LabS3: Sendable {
    /// `http://127.0.0.1:port`.
    package let endpoint: String
    /// `https://127.0.0.1:port`, with a certificate of `authority`.
    package let tlsEndpoint: String
    /// Path of a PEM file.
    package let authority: String
    package let region: String
    /// Path of a file as `objects.s3.credentials` names it.
    package let credentials: String
    private static let script = repositoryRoot + "/scripts/lab/s3"

    package var port: Int { Int(endpoint.split(separator: ":").last ?? "") ?? 0 }

    /// The server that all tests of this process share: LAB_INSTANCE from the environment, else 0. Started when first asked for;
    /// stopped when the process ends, unless it ran before.
    package static func shared() async throws -> LabS3 { try await sharedServer.value }

    fileprivate static func startShared() throws -> LabS3 {
        let instance = ProcessInfo.processInfo.environment["LAB_INSTANCE"] ?? "0"
        let wasRunning = (try? runCommand(script, ["status"], environment: ["LAB_INSTANCE": instance])) != nil
        let made = try LabS3(runCommand(script, ["start"], environment: ["LAB_INSTANCE": instance]))
        if !wasRunning { atexit { LabS3.stop() } }
        return made
    }

    private static func stop() {
        let instance = ProcessInfo.processInfo.environment["LAB_INSTANCE"] ?? "0"
        _ = try? runCommand(script, ["stop"], environment: ["LAB_INSTANCE": instance])
    }

    private init(_ answer: String) throws {
        let lines = answer.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let values = Dictionary(lines.filter { $0.count == 2 }.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        func value(_ name: String) throws -> String {
            guard let value = values[name] else { throw CommandFailed(description: "scripts/lab/s3 start printed no \(name)") }
            return value
        }
        endpoint = try value("S3_ENDPOINT")
        tlsEndpoint = try value("S3_TLS_ENDPOINT")
        authority = try value("S3_CA")
        region = try value("S3_REGION")
        credentials = try value("S3_CREDENTIALS")
    }

    /// A stranger's client (boto3) over the same server: `script` sees `s3` and the arguments as `args`, and prints.
    package func boto(_ script: String, _ arguments: [String]) throws -> String {
        let head = """
            import sys, boto3, botocore.config, botocore.exceptions
            args = sys.argv[4:]
            s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name=sys.argv[2], aws_access_key_id="lab",
                aws_secret_access_key=sys.argv[3], config=botocore.config.Config(s3={"addressing_style": "path"}))

            """
        let secret =
            try String(contentsOfFile: credentials, encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix("secretKey: ") }.map { String($0.dropFirst(11)) } ?? ""
        // From version 1.36 on boto3 sends checksums as trailers unless told otherwise, which Ceph 16 does not take.
        return try runCommand(
            "/usr/bin/python3", ["-c", head + script, endpoint, region, secret] + arguments,
            environment: ["AWS_REQUEST_CHECKSUM_CALCULATION": "when_required", "AWS_EC2_METADATA_DISABLED": "true"])
    }
}

/// One start, for which all tests wait without holding a thread each.
private let sharedServer = Task {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<LabS3, any Error>) in
        Thread { continuation.resume(with: Result { try LabS3.startShared() }) }.start()
    }
}
