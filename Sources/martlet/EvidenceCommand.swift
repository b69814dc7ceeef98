import ArgumentParser
import Central
import Evidence
import Foundation
import Reports
import Seal

struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Hand evidence to other programs.", subcommands: [Export.self])

    struct Export: AsyncParsableCommand {
        enum Format: String, ExpressibleByArgument, CaseIterable { case dsse }

        static let configuration = CommandConfiguration(
            abstract: "Write a site's evidence as signed in-toto statements, one DSSE envelope a line.",
            discussion: """
                Each statement names its bundle by SHA-256 and holds it with the appliance's own signature; the envelope is signed \
                with Central's kit key, whose public half stands in every packet. Ends with exit code 1 if anything could not be \
                written; what was written until then is whole lines.
                """)
        @OptionGroup var central: CentralOptions
        @Argument(help: "The site's id or name.") var site: String
        @Option(help: "The form.") var format = Format.dsse
        @Option(help: "Only bundles of this kind, for example healing. Can be repeated.") var kind: [String] = []

        func validate() throws {
            for word in kind where Bundle.Kind(rawValue: word) == nil {
                let known = Bundle.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--kind: \(word) is none of \(known).")
            }
        }

        func run() async throws {
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let held = try await SiteEvidence(of: site.id, services: services, for: person)
                try await held.forEach { item in
                    guard kind.isEmpty || kind.contains(item.bundle.record.kind.rawValue) else { return }
                    let statement = InTotoStatement(item.bundle, received: item.received, logIndex: item.logIndex)
                    let line = try statement.signed(with: services.keys.kits).json.canonicalBytes()
                    try FileHandle.standardOutput.write(contentsOf: line + [UInt8(ascii: "\n")])
                }
            }
        }
    }
}
