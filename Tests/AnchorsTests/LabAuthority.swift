import Foundation
import TestSupport

/// A time-stamping authority with good and bad profiles (`scripts/lab/tsa`).
struct LabAuthority: Sendable {
    let url: String
    let directory: String
    private static let script = repositoryRoot + "/scripts/lab/tsa"

    static func run<Result: Sendable>(_ body: (LabAuthority) async throws -> Result) async throws -> Result {
        let settings = try await offTheTestsThreads { try labSettings(script) }
        return try await body(LabAuthority(url: settings["TSA_URL", default: ""], directory: settings["TSA_DIR", default: ""]))
    }

    func pem(_ name: String) throws -> String { try String(contentsOfFile: directory + "/\(name).pem", encoding: .utf8) }
}
