import Central
import Documents
import Model
import Objects
import Seal
import TestSupport

/// Where a Central under test keeps its objects.
enum ObjectPlace: String, CaseIterable, Sendable, CustomStringConvertible {
    case directory, s3
    var description: String { rawValue }

    /// A fresh place: with S3, a bucket for each organization of a real server that locks.
    func configuration() async throws -> ObjectsConfiguration {
        switch self {
        case .directory: return .standard
        case .s3:
            let lab = try await LabS3.shared()
            let name = "t-" + (0..<6).map { _ in UInt8.random(in: 0...255) }.hexadecimal
            return ObjectsConfiguration(
                place: .s3(
                    .init(
                        endpoint: S3Endpoint(lab.endpoint)!, region: lab.region, buckets: BucketTemplate("\(name)-{organization}")!,
                        credentialsPath: lab.credentials, makesBuckets: true)),
                retentionDays: 2_190)
        }
    }
}

/// S3 behind a proxy that a test can cut.
enum S3Away {
    /// One fresh bucket for all.
    static func configuration(_ lab: LabS3, _ proxy: HostileProxy) -> ObjectsConfiguration {
        ObjectsConfiguration(
            place: .s3(
                .init(
                    endpoint: S3Endpoint("http://127.0.0.1:\(proxy.port)")!, region: lab.region,
                    buckets: BucketTemplate("t-away-" + (0..<6).map { _ in UInt8.random(in: 0...255) }.hexadecimal)!,
                    credentialsPath: lab.credentials, makesBuckets: true)),
            retentionDays: 2_190)
    }
}
