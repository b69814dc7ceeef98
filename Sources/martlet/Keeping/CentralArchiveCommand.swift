import ArgumentParser
import Central
import Model

/// `martlet central archive`: what martlet-central does by itself, now.
struct CentralArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive", abstract: "Archive accepted evidence now, prune what is past its term, or lengthen a practice's term.",
        subcommands: [Store.self, Prune.self, Retain.self])

    struct Store: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Archive all evidence that waits, and bring terms and holds up to date.")
        @OptionGroup var central: CentralOptions

        func run() async throws {
            try await central.run { services, _ in
                let summary = try await services.archive.pass(isImmediate: true)
                print("\(summary.bundles) bundles in \(summary.chunks) chunks archived; \(summary.changed) chunks brought up to date.")
            }
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prune evidence whose term is over, oldest first.")
        @OptionGroup var central: CentralOptions

        func run() async throws {
            try await central.run { services, _ in
                let summary = try await services.retention.pass()
                print("\(summary.bundles) bundles pruned; \(summary.kept) chains wait for their archive or a hold.")
            }
        }
    }

    struct Retain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a practice's evidence longer than six years. Never shorter again.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The practice's id or name.") var organization: String
        @Argument(help: "Days, 2190 to 36500.") var days: Int

        func run() async throws {
            try await central.run { services, person in
                let scope = try await services.organization(organization, for: person)
                try await services.tenants.retain(days, in: scope)
                print("\(scope.organization): evidence is kept \(days) days; archived objects follow at the next pass.")
            }
        }
    }
}
