import Anchors
import ArgumentParser
import Central
import Foundation
import Model
import Seal

/// `martlet central anchors`: by whose word, and since when, the log's checkpoints existed.
struct CentralAnchorsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "anchors", abstract: "Proofs of the age of the log's checkpoints.",
        discussion: "With --write: checkpoint-SIZE holds what was anchored, beside it checkpoint-SIZE.ots (ots verify) and "
            + "checkpoint-SIZE.tsr (openssl ts -verify -data checkpoint-SIZE -in checkpoint-SIZE.tsr).")
    @OptionGroup var central: CentralOptions
    @Option(help: "Directory to write the files to; made where it is missing.") var write: String?
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        let kinds: [AnchorKind]
        do { kinds = try central.read().anchors.kinds } catch {
            throw CentralRefused(description: CentralFailure.sentence(for: error))
        }
        try await central.run { services, _ in
            let all = try await services.anchors.list()
            var table = CentralTable("size", "kind", "made", "proven", "state")
            for item in all {
                let anchor = item.anchor
                table.add(
                    .integer(anchor.target.treeSize), .string(anchor.kind.rawValue), .string(anchor.made.description),
                    .boolean(anchor.state.isProven), .string(anchor.state.description))
            }
            if !json, kinds.isEmpty {
                print("Anchoring is off: neither anchors.calendars nor anchors.authorities is configured.")
            }
            if json || !kinds.isEmpty || !all.isEmpty { try table.print(asJSON: json) }
            if !json {
                for kind in kinds {
                    let last = try await services.anchors.heartbeat(kind)?.lastSuccess
                    print("\(kind.rawValue): \(last.map { "last success \($0)" } ?? "no success yet")")
                }
                for alert in try await services.status.alerts() where alert.code.hasPrefix("anchor.") {
                    print("\(alert.code): \(alert.sentence)")
                }
            }
            guard let write else { return }
            try FileManager.default.createDirectory(atPath: write, withIntermediateDirectories: true)
            for item in all {
                let path = "\(write)/checkpoint-\(item.anchor.target.treeSize)"
                try FileReplacement.write(item.text, to: path)
                try FileReplacement.write(item.anchor.proof, to: "\(path).\(item.anchor.kind.rawValue)")
            }
            if !json { print("\(all.count) proofs are in \(write).") }
        }
    }
}
