import ArgumentParser
import Central
import Documents
import Model
import Seal

struct CentralApprover: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approver", abstract: "Who may approve a practice's plans, each with a key of their own.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Register a person by name and public key.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The practice's id or name.") var organization: String
        @Argument(help: "The person: an address is best, alice@msp.example.") var name: String
        @Argument(help: "Their public key, as `martlet key` prints it.") var key: String

        func run() async throws {
            guard let bytes = [UInt8](base64: key), let key = VerifyingKey(bytes: bytes) else {
                throw ValidationError("\(quoted(self.key)) is no public key; `martlet key show FILE` prints one")
            }
            guard let approver = Approver(name: name, key: key) else {
                throw ValidationError("a name has 1 to 200 printable characters")
            }
            try await central.run { services, person in
                let scope = try await services.scope(organization, for: person)
                try await services.approvals.register(approver, in: scope, by: person)
                print("\(approver.name) may approve, with \(approver.key.id).")
            }
        }
    }

    struct List: AsyncParsableCommand {
        @OptionGroup var central: CentralOptions
        @Argument(help: "The practice's id or name.") var organization: String
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            try await central.run { services, person in
                let scope = try await services.scope(organization, for: person)
                var table = CentralTable("name", "keyId", "key")
                for approver in try await services.approvals.approvers(in: scope) {
                    table.add(.string(approver.name), .string(approver.key.id.description), .string(approver.key.bytes.base64))
                }
                try table.print(asJSON: json)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take no more approvals from a person.")
        @OptionGroup var central: CentralOptions
        @Argument(help: "The practice's id or name.") var organization: String
        @Argument(help: "The person's name as registered.") var name: String

        func run() async throws {
            try await central.run { services, person in
                let scope = try await services.scope(organization, for: person)
                try await services.approvals.remove(name, in: scope, by: person)
                print("\(name) may not approve any more; what was handed over before stays good until it expires.")
            }
        }
    }
}

struct CentralApprovals: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approvals", abstract: "Plans that wait for a second person, as the appliances' last check-ins have them.")
    @OptionGroup var central: CentralOptions
    @Option(help: "Write this plan (its digest, or the beginning of it) to --output, for `martlet approve`.") var plan: String?
    @Option(help: "The file for --plan.") var output: String?
    @Flag(help: "For programs.") var json = false

    func validate() throws {
        guard (plan == nil) == (output == nil) else { throw ValidationError("--plan and --output go together") }
    }

    func run() async throws {
        try await central.run { services, person in
            if let plan, let output {
                let found = try await services.waiting(plan, for: person).statement
                try FileReplacement.write(Array(found.text.utf8), to: output)
                for line in found.description { print(line) }
                return
            }
            var table = CentralTable(
                "plan", "appliance", "host", "check", "runbook", "parameters", "disruptive", "askedBy", "order", "heard")
            for waiting in try await services.approvals.waiting(for: person) {
                let one = waiting.statement
                let parameters = try JSONValue.object(one.parameters.mapValues(\.json)).canonicalBytes()
                table.add(
                    .string(one.digest.description), .string(one.appliance.description), .string(one.host.description),
                    .string(one.check.description), .string(one.runbook.description), .string(String(decoding: parameters, as: UTF8.self)),
                    .boolean(one.isDisruptive), .string(one.requester), one.order.map { .string($0.description) } ?? nil,
                    .string(waiting.heard.description))
            }
            try table.print(asJSON: json)
        }
    }
}

struct CentralApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Hand a person's signed approval over to the appliance whose plan waits; prints the order's id.",
        discussion: "With --signed: what `martlet approve` wrote on the approver's own machine. With --key and --as: signs here and now.")
    @OptionGroup var central: CentralOptions
    @Argument(help: "The plan's digest, or the beginning of it.") var plan: String
    @Option(help: "The file with the signed approval.") var signed: String?
    @Option(help: "File of the approver's private key.") var key: String?
    @Option(name: .customLong("as"), help: "The approver's name, as registered.") var name: String?
    @Option(help: "How long the approval can be used (60s to 7d), where it is signed here.") var lifetime = "24h"

    func validate() throws {
        guard (signed == nil) == (key != nil), (key == nil) == (name == nil) else {
            throw ValidationError("give --signed, or --key with --as")
        }
    }

    func run() async throws {
        try await central.run { services, person in
            let waiting = try await services.waiting(plan, for: person)
            let envelope: String
            if let signed {
                let bytes = try YAMLReader.contents(path: signed, bytesMax: Approval.bytesMax)
                envelope = String(decoding: bytes, as: UTF8.self)
            } else {
                envelope = try ApprovalSignature.sign(waiting.statement, key: key ?? "", name: name ?? "", lifetime: lifetime)
            }
            print(try await services.approvals.deliver(envelope, of: waiting, by: person).id)
        }
    }
}

/// The brake for many boxes at once. Each gets an order of its own, signed and numbered like any other.
private struct Switch {
    let kind: Order.Kind
    let site: String?
    let reason: String

    func run(_ services: CentralServices, _ person: OperatorCredential) async throws {
        let only = if let site { try await services.site(site, for: person).id } else { SiteID?.none }
        var table = CentralTable("appliance", "site", "order")
        for box in try await services.appliances.list(for: person) where box.revoked == nil && (only == nil || box.site == only) {
            let (id, scope) = try await services.appliance(box.id.description, for: person)
            let order = try await services.orders.create(
                OrderDraft(appliance: id, kind: kind, timeToLive: OrderAuthenticator.ttlMax, requester: person.name, reason: reason),
                in: scope)
            table.add(.string(id.description), .string(box.siteName), .string(order.id.description))
        }
        try table.print(asJSON: false)
    }
}

struct CentralPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Stop automatic repair, at one site or everywhere, by a signed order to each appliance.")
    @OptionGroup var central: CentralOptions
    @Option(help: "Only this site, by id or name; without it every appliance of this Central.") var site: String?
    @Option(help: "Why: recorded in the evidence.") var reason: String

    func run() async throws {
        try await central.run { try await Switch(kind: .pause, site: site, reason: reason).run($0, $1) }
    }
}

struct CentralResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Let automatic repair go on.")
    @OptionGroup var central: CentralOptions
    @Option(help: "Only this site, by id or name; without it every appliance of this Central.") var site: String?
    @Option(help: "Why: recorded in the evidence.") var reason: String

    func run() async throws {
        try await central.run { try await Switch(kind: .resume, site: site, reason: reason).run($0, $1) }
    }
}

extension CentralServices {
    fileprivate func scope(_ text: String, for person: OperatorCredential) async throws -> TenantScope {
        let found = try await tenants.organizations(for: person).filter { $0.id.description == text || $0.name == text }
        guard found.count == 1 else { throw CentralError.notFound("organization") }
        return TenantScope(person, organization: found[0].id)
    }

    /// - Parameter text: at least eight digits of the digest, and only one plan's.
    fileprivate func waiting(_ text: String, for person: OperatorCredential) async throws -> ApprovalStore.Waiting {
        let found = try await approvals.waiting(for: person).filter { $0.statement.digest.description.hasPrefix(text) }
        guard text.utf8.count >= 8, found.count == 1 else {
            throw CentralError.notFound("plan that waits; give at least eight digits of its digest")
        }
        return found[0]
    }
}
