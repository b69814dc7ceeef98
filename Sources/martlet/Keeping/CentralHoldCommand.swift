import ArgumentParser
import Central
import Model
import Objects
import Seal

/// `martlet central hold`: evidence that must not be pruned, whatever its term.
struct CentralHoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Legal holds: a held practice's evidence is never pruned.",
        subcommands: [SetHold.self, Release.self, List.self])

    struct SetHold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Hold a practice's evidence, here and in the archive.")
        @OptionGroup var change: Change
        func run() async throws { try await change.make(true) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let the ordinary term count again.")
        @OptionGroup var change: Change
        func run() async throws { try await change.make(false) }
    }

    struct Change: ParsableArguments {
        @OptionGroup var central: CentralOptions
        @Argument(help: "The practice's id or name.") var organization: String
        @Option(help: "Why, for the statement: 1 to 500 bytes.") var reason: String

        func make(_ isSet: Bool) async throws {
            try await central.run { services, person in
                let scope = try await services.organization(organization, for: person)
                let hold = try await services.holds.change(isSet, scope, reason: reason, by: person)
                print("\(hold.organization) is \(isSet ? "held" : "released"); statement \(hold.logIndex) in the log.")
                do {
                    let summary = try await services.archive.pass()
                    print("\(summary.changed) archived chunks follow, read back.")
                } catch {
                    // The hold itself is durable; martlet-central goes on with the objects.
                    print("The archive's objects follow later: \(CentralFailure.sentence(for: error))")
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                var table = CentralTable("organization", "action", "made", "by", "reason", "logIndex")
                for hold in try await services.holds.history(for: person) {
                    table.add(
                        .string(hold.organization.description), .string(hold.isSet ? "set" : "release"), .string(hold.made.description),
                        .string(hold.by), .string(hold.reason), .integer(hold.logIndex))
                }
                try table.print(asJSON: json)
            }
        }
    }
}

extension CentralServices {
    /// - Parameter text: an id or a name.
    func organization(_ text: String, for person: OperatorCredential) async throws -> TenantScope {
        let all = try await tenants.organizations(for: person)
        guard let owner = all.first(where: { $0.id.description == text || $0.name == text }) else {
            throw CentralError.notFound("organization")
        }
        return TenantScope(person, organization: owner.id)
    }
}
