import ArgumentParser
import Central
import Compliance
import Model
import Seal

extension CentralCatalog {
    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Switch a check, rule or runbook off at a site, or at one of its appliances.",
            discussion: """
                Signed, logged and in every packet, with who and why. A check that is off is not run and not required from then on; a rule \
                that is off does not decide; a runbook that is off is not run, whoever asks.
                """)
        @OptionGroup var change: EnablementChange

        func run() async throws { try await change.run(isEnabled: false) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Switch it on again.")
        @OptionGroup var change: EnablementChange

        func run() async throws { try await change.run(isEnabled: true) }
    }

    struct Enablement: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is switched off at a site, which appliances know, and every change.")
        @OptionGroup var central: CentralOptions
        @Option(help: "The site's id or name.") var site: String
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let scope = TenantScope(person, organization: site.organization)
                let (standing, history) = try await services.enablement.list(of: site.id, in: scope)
                var off = CentralTable("kind", "id", "appliance", "since", "by", "logIndex", "reason")
                for entry in standing {
                    off.add(
                        .string(entry.kind.rawValue), .string(entry.subject), .string(entry.appliance?.description ?? "*"),
                        .string(entry.changed.description), .string(entry.by), .integer(entry.logIndex), .string(entry.reason))
                }
                var boxes = CentralTable("appliance", "policy", "inForce")
                for box in try await services.policies.delivery(of: site.id, in: scope) {
                    boxes.add(.string(box.appliance.description), .integer(box.newest), .integer(box.inForce))
                }
                var changes = CentralTable("at", "switched", "kind", "id", "appliance", "by", "logIndex", "reason")
                for entry in history {
                    changes.add(
                        .string(entry.changed.description), .string(entry.isEnabled ? "on" : "off"), .string(entry.kind.rawValue),
                        .string(entry.subject), .string(entry.appliance?.description ?? "*"), .string(entry.by),
                        .integer(entry.logIndex), .string(entry.reason))
                }
                guard !json else { return try printJSON(["appliances": boxes.json, "history": changes.json, "off": off.json]) }
                print("Switched off:")
                try off.print(asJSON: false)
                print("\nWhich site policy each appliance is to have, and which it said that it has:")
                try boxes.print(asJSON: false)
                print("\nEvery change:")
                try changes.print(asJSON: false)
            }
        }
    }
}

struct EnablementChange: ParsableArguments {
    @OptionGroup var central: CentralOptions
    @Option(help: "The site's id or name.") var site: String
    @Option(help: "Only this appliance of the site.") var appliance: String?
    @Option(help: "A check's id.") var check: String?
    @Option(help: "A rule's id.") var rule: String?
    @Option(help: "A runbook's id.") var runbook: String?
    @Option(help: "Who says so.") var by: String
    @Option(help: "Why.") var reason: String

    private var subjects: [(kind: EnablementStatement.Kind, id: String)] {
        [(.check, check), (.rule, rule), (.runbook, runbook)].compactMap { kind, id in id.map { (kind, $0) } }
    }

    func validate() throws {
        guard subjects.count == 1 else { throw ValidationError("Give one of --check, --rule and --runbook.") }
    }

    func run(isEnabled: Bool) async throws {
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let appliance = try self.appliance.map { text in
                guard let id = ApplianceID(text) else { throw CentralError.notFound("appliance") }
                return id
            }
            let (kind, id) = subjects[0]
            let draft = EnablementRegister.Draft(
                appliance: appliance, kind: kind, id: id, isEnabled: isEnabled, by: by, reason: reason)
            let entry = try await services.enablement.change(
                draft, site: site.id, in: TenantScope(person, organization: site.organization))
            print(
                "\(kind.rawValue) \(id) is switched \(isEnabled ? "on" : "off") at \(appliance?.description ?? site.name) from each appliance's next "
                    + "check-in on; stated in the log at \(entry.logIndex).")
        }
    }
}
