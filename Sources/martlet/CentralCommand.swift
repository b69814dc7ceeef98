import ArgumentParser
import Central
import Documents
import Foundation
import Learning
import Model
import Seal
import Wire

/// Central's command line. It works on the database directly, with the services that the server uses, and so also while the
/// server runs; who may read the key files may use it.
struct CentralCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "central", abstract: "Run Central: sites, appliances, orders, catalogs, refusals; what was seen, and what was not.",
        subcommands: [
            CentralInit.self, CentralOrganization.self, CentralSite.self, CentralClaim.self, CentralAppliance.self, CentralOrder.self,
            CentralCatalog.self, CentralRefusals.self, CentralException.self, CentralPosture.self, CentralChanges.self,
            CentralSince.self, CentralCoverage.self, CentralContinuity.self, CentralRebuildRuns.self, PacketCommand.self,
            CentralStatusCommand.self, CentralAnchorsCommand.self, CentralArchiveCommand.self, CentralDrillCommand.self,
            CentralHoldCommand.self, CentralLog.self, CentralApprover.self, CentralApprovals.self, CentralApprove.self,
            CentralPause.self, CentralResume.self, CentralTicket.self, CentralDeliveries.self, CentralPlanner.self,
            CentralLearning.self,
        ])
}

/// Where Central's keys and database are: the same file and variables that martlet-central reads.
struct CentralOptions: ParsableArguments {
    @Option(help: "Configuration file of martlet-central. Without it: the variable MARTLET_CONFIG, then variables alone.")
    var config: String?

    #if DEBUG
    @Option(help: .private) var crashAt: String?
    #endif

    /// For tests of what a sudden end leaves behind: ends this process at a durable step. Only in debug builds.
    private func faults() throws -> CentralFaults {
        #if DEBUG
        if let crashAt {
            guard let faults = CentralFaults(killingAt: crashAt) else { throw ValidationError("--crash-at takes STEP or STEP:COUNT") }
            return faults
        }
        #endif
        return .none
    }

    func read() throws -> CentralConfiguration {
        let environment = ProcessInfo.processInfo.environment
        return try CentralConfiguration(file: config ?? environment["MARTLET_CONFIG"], environment: environment)
    }

    /// The person at this machine, for the records.
    var person: OperatorCredential { OperatorCredential(localUser: "\(NSUserName())@\(ProcessInfo.processInfo.hostName)") }

    /// Runs `body` with Central's stores, closes the database, and turns an error into its one sentence.
    func run(_ body: (CentralServices, OperatorCredential) async throws -> Void) async throws {
        do {
            let services = try await CentralServices.open(read(), clock: .system, faults: faults())
            do { try await body(services, person) } catch {
                await services.close()
                throw error
            }
            await services.close()
        } catch {
            throw CentralRefused(description: CentralFailure.sentence(for: error))
        }
    }
}

/// Exit status 1 and one sentence on standard error.
struct CentralRefused: Error, CustomStringConvertible { let description: String }

struct CentralInit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make Central's authority, keys and database. Done already: changes nothing.")
    @OptionGroup var central: CentralOptions
    @Option(help: "Public half of a key that signs catalogs and stays on another machine: martlet key create. Without it: made here.")
    var catalogKey: String?

    func run() async throws {
        var published: VerifyingKey?
        if let catalogKey {
            published = [UInt8](base64: catalogKey).flatMap { VerifyingKey(bytes: $0) }
            if published == nil { throw ValidationError("--catalog-key takes a public key, as `martlet key show` prints it") }
        }
        let configuration: CentralConfiguration
        do { configuration = try central.read() } catch { throw CentralRefused(description: CentralFailure.sentence(for: error)) }
        // A broken one is for `create` to speak of.
        let wereThere = (try? CentralKeys(in: configuration.dataDirectory)) != nil
        do { _ = try CentralKeys.create(in: configuration.dataDirectory, at: WallClock.system.now(), catalogKey: published) } catch {
            throw CentralRefused(description: CentralFailure.sentence(for: error))
        }
        try await central.run { services, _ in
            var table = CentralTable("key", "id")
            table.add("order", .string(services.keys.orders.id.description))
            table.add("receipt", .string(services.keys.receipts.id.description))
            table.add(
                "catalog", .string(services.keys.catalog.id.description + (services.keys.catalogSigner == nil ? ", kept elsewhere" : "")))
            table.add("kit", .string(services.keys.kits.id.description))
            table.add("authority", .string(Digest(of: services.keys.authority.der).description))
            try table.print(asJSON: false)
            guard !wereThere else {
                print("The keys were in \(configuration.dataDirectory) already: nothing was changed.")
                return
            }
            print("Keys and database are in \(configuration.dataDirectory). Back them up offline, and publish the kit key's id.")
        }
    }
}

struct CentralOrganization: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organization", abstract: "Practices.", subcommands: [Create.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a practice; prints its id.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "Its name, 1 to 200 bytes.") var name: String
        @Option(help: "Whose practice it is, for good: what is learned at one of a partner's is used at all of them. Without it: its own.")
        var partner: String?

        func run() async throws {
            guard let partner = partner.map(PartnerID.init) else {
                try await central.run { services, person in print(try await services.tenants.createOrganization(name, by: person).id) }
                return
            }
            guard let partner else { throw ValidationError("--partner takes 1 to 100 of A-Z a-z 0-9 . _ -") }
            try await central.run { services, person in
                print(try await services.tenants.createOrganization(name, partner: partner, by: person).id)
            }
        }
    }

    struct List: AsyncParsableCommand {
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                var table = CentralTable("id", "name")
                for organization in try await services.tenants.organizations(for: person) {
                    table.add(.string(organization.id.description), .string(organization.name))
                }
                try table.print(asJSON: json)
            }
        }
    }
}

struct CentralSite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site", abstract: "A practice's locations.", subcommands: [Create.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a site; prints its id.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The practice's id or name.") var organization: String
        @Argument(help: "The site's name, 1 to 200 bytes.") var name: String

        func run() async throws {
            try await central.run { services, person in
                let all = try await services.tenants.organizations(for: person)
                guard let owner = all.first(where: { $0.id.description == organization || $0.name == organization }) else {
                    throw CentralError.notFound("organization")
                }
                print(try await services.tenants.createSite(name, in: TenantScope(person, organization: owner.id)).id)
            }
        }
    }

    struct List: AsyncParsableCommand {
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                var table = CentralTable("id", "organization", "site")
                for site in try await services.tenants.sites(for: person) {
                    table.add(.string(site.id.description), .string(site.organizationName), .string(site.name))
                }
                try table.print(asJSON: json)
            }
        }
    }
}

struct CentralClaim: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claim", abstract: "Codes that enrol appliances.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make a code for one appliance. It is shown once, here.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The site's id.") var site: String
        @Option(help: "How long it can be used (30m, 24h, 7d).") var lifetime = "24h"
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            guard let lifetime = DurationText.parse(lifetime), lifetime >= .seconds(60), lifetime <= .seconds(30 * 86_400) else {
                throw ValidationError("--lifetime takes 1m to 30d, such as 24h")
            }
            try await central.run { services, person in
                let site = try await services.site(self.site, for: person)
                let code = ClaimCode(authority: Digest(of: services.keys.authority.der))
                try await services.claims.create(
                    secret: code.secret, site: site.id, scope: TenantScope(person, organization: site.organization), lifetime: lifetime,
                    by: person)
                guard json else { return print(code.text) }
                let value: JSONValue = [
                    "code": .string(code.text), "site": .string(site.id.description),
                    "expires": .string((services.clock.now() + lifetime).description),
                ]
                print(String(decoding: try value.canonicalBytes(), as: UTF8.self))
            }
        }
    }
}

struct CentralAppliance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "appliance", abstract: "Enrolled boxes.", subcommands: [List.self, Revoke.self])

    struct List: AsyncParsableCommand {
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                var table = CentralTable(
                    "id", "site", "host", "software", "catalog", "lastCheckin", "held", "queued", "incidents", "paused", "revoked")
                for box in try await services.appliances.list(for: person) {
                    table.add(
                        .string(box.id.description), .string(box.siteName), .string(box.hostname), .string(box.softwareVersion),
                        .integer(box.catalogVersion), box.lastCheckin.map { .string($0.description) } ?? nil,
                        .integer(box.heldSequence + 1), .integer(box.queued), .integer(box.openIncidents), .boolean(box.isPaused),
                        box.revoked.map { .string($0.description) } ?? nil)
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse an appliance from its next request on. Final: it must be enrolled anew.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The appliance's id.") var appliance: String

        func run() async throws {
            try await central.run { services, person in
                let (id, scope) = try await services.appliance(appliance, for: person)
                try await services.appliances.revoke(id, in: scope)
                print("\(id) is revoked: its next request is refused.")
            }
        }
    }
}

struct CentralCatalog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "What appliances check and repair.",
        subcommands: [Publish.self, List.self, Export.self, Disable.self, Enable.self, Enablement.self])

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hand out a pack that `martlet catalog pack` signed with Central's catalog key.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The signed pack.") var file: String

        func run() async throws {
            try await central.run { services, person in
                let pack = try YAMLReader.contents(path: file, bytesMax: CatalogStore.bytesMax)
                print("catalog \(try await services.catalogs.publish(pack, by: person)) is handed out from the next check-in on.")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What was published, newest first. Which version each appliance has says `martlet central appliance list`.")
        @OptionGroup var central: CentralOptions
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, _ in
                var table = CentralTable("version", "published", "by", "signedBy", "digest")
                for pack in try await services.catalogs.published() {
                    table.add(
                        .integer(pack.version), .string(pack.at.description), .string(pack.by), .string(pack.signer.description),
                        .string(pack.digest.description))
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a published pack as it was signed, for `martlet catalog diff`.",
            discussion: "A pack carries neither examples nor comments: the folder that it was packed from cannot be had back.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "Its version.") var version: Int64
        @Argument(help: "The file to write; it is replaced as a whole.") var output: String

        func run() async throws {
            try await central.run { services, _ in
                try FileReplacement.write(try await services.catalogs.pack(version), to: output)
                print("\(output): catalog \(version)")
            }
        }
    }
}

struct CentralRefusals: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "refusals", abstract: "What Central refused, newest first.")
    @OptionGroup var central: CentralOptions
    @Option(help: "At most so many.") var limit = 50
    @Flag(help: "For programs.") var json = false

    func run() async throws {
        try await central.run { services, person in
            var table = CentralTable("last", "times", "source", "code", "sequence", "sentence")
            for refusal in try await services.refusals.list(for: person, limit: max(1, min(limit, 10_000))) {
                table.add(
                    .string(refusal.lastAt.description), .integer(refusal.times), .string(refusal.source),
                    .string(refusal.code.description),
                    refusal.sequence.map { .integer($0) } ?? nil, .string(refusal.sentence))
            }
            try table.print(asJSON: json)
        }
    }
}

struct PacketCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet", abstract: "Write the evidence of a site into one archive that anybody can verify.")
    @OptionGroup var central: CentralOptions
    @Argument(help: "The site's id.") var site: String
    @Argument(help: "The ZIP to write.") var output: String
    @Option(help: "First day, for example 2026-01-01 (UTC). Without it: all evidence; figures for the last 366 days.") var from: String?
    @Option(help: "The day after the last. Without it: up to the newest evidence.") var until: String?

    private func days() throws -> PacketService.Days {
        func day(_ text: String?, _ option: String) throws -> Timestamp? {
            guard let text else { return nil }
            guard let instant = Timestamp("\(text)T00:00:00.000Z") else {
                throw ValidationError("--\(option): \(text) is not a day; it looks like 2026-01-31.")
            }
            return instant
        }
        guard let days = PacketService.Days(from: try day(from, "from"), until: try day(until, "until")) else {
            throw ValidationError("--until is a day after --from, by at most 366 days.")
        }
        return days
    }

    func validate() throws { _ = try days() }

    func run() async throws {
        try await central.run { services, person in
            let site = try await services.site(self.site, for: person)
            let packets = PacketService(services, try self.central.read())
            let summary = try await packets.write(site.id, days: try days(), to: output, for: person)
            print(
                "\(output): \(summary.bundles) bundles, \(summary.from) to \(summary.until), signed by \(summary.manifestKey), "
                    + "in the log \(summary.logKey). Check it: martlet verify \(output)")
            // As sha256sum prints it: give it to the auditor by another way than the file.
            print("\(summary.digest)  \(output)")
        }
    }
}

extension CentralServices {
    /// - Parameter text: an id, or a name that only one site has.
    func site(_ text: String, for person: OperatorCredential) async throws -> Site {
        let found = try await tenants.sites(for: person).filter { $0.id.description == text || $0.name == text }
        guard found.count == 1 else { throw CentralError.notFound("site") }
        return found[0]
    }

    func appliance(_ text: String, for person: OperatorCredential) async throws -> (ApplianceID, TenantScope) {
        guard let id = ApplianceID(text) else { throw CentralError.notFound("appliance") }
        let (organization, _) = try await appliances.owner(of: id, for: person)
        return (id, TenantScope(person, organization: organization))
    }
}
