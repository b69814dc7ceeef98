import Foundation

/// A mail server and a receiver of webhooks (`scripts/lab/notify`), of the test that starts it.
package final class LabNotify: Sendable {
    package let directory: String
    package let mailURL: String
    /// Of a server that offers no TLS.
    package let openMailURL: String
    /// To which the way to answer is added: `ok`, `twice`, `no`.
    package let webhookURL: String
    package let secret: String
    package var authority: String { directory + "/ca.pem" }
    private static let script = repositoryRoot + "/scripts/lab/notify"
    private let instance: String

    package init() throws {
        instance = ProcessInfo.processInfo.environment["LAB_INSTANCE"] ?? "0"
        let answer = try runCommand(Self.script, ["start"], environment: ["LAB_INSTANCE": instance])
        let lines = answer.split(separator: "\n").map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
        let values = Dictionary(lines.filter { $0.count == 2 }.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
        guard let directory = values["NOTIFY_DIR"], let mail = values["NOTIFY_SMTP"], let open = values["NOTIFY_OPEN_SMTP"],
            let webhook = values["NOTIFY_WEBHOOK"],
            let secret = values["NOTIFY_SECRET"]
        else { throw CommandFailed(description: "scripts/lab/notify start printed less than it says") }
        (self.directory, mailURL, openMailURL, webhookURL, self.secret) = (directory, mail, open, webhook, secret)
    }

    package func stop() { _ = try? runCommand(Self.script, ["stop"], environment: ["LAB_INSTANCE": instance]) }

    /// What came, in its order: files of `mail` ending in `eml`, of `hooks` in `json` or `bad`.
    package func received(_ folder: String, _ ending: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(folder)").sorted().filter { $0.hasSuffix(".\(ending)") }
            .map { try String(contentsOfFile: "\(directory)/\(folder)/\($0)", encoding: .utf8) }
    }
}
