import Foundation
import Hosts
import Laboratory
import Model

/// What breaks things: a shell as root inside a practice host, past its sshd, its firewall and the box.
struct LabHand: Sendable {
    let repository: String
    let instance: Int
    /// From 1.
    let number: Int
    let host: HostID

    @discardableResult
    func run(_ script: String, _ arguments: [String] = [], deadline: Duration = .seconds(120)) async throws -> String {
        let result = try await LocalHost(id: "here").run(
            HostCommand(
                [
                    "/usr/bin/env", "LAB_INSTANCE=\(instance)", repository + "/scripts/lab/hosts", "exec", "\(number)", "sh", "-s",
                ] + arguments, input: Array((script + "\n").utf8), deadline: deadline, outputBytesMax: 16 << 20))
        guard result.succeeded else {
            throw DemoFailure(
                "\(host): exit \(result.exitStatus): \(script.prefix(200)): " + String(decoding: result.errorOutput, as: UTF8.self))
        }
        return result.text
    }

    func snapshot() async throws -> HostSnapshot { HostSnapshot(try await run(HostSnapshot.script)) }
}
