import Appliance
import Database
import Evidence
import Foundation
import Healing
import Hosts
import Logging
import Model
import Seal
import TestSupport

/// A real appliance in this process: enrolled over TLS, SQLite on disk, this machine as its host. Turns are made by the test.
struct LabAppliance {
    let temporary: TemporaryDirectory
    var configuration: ApplianceConfiguration
    var process: ApplianceProcess
    private let clock: WallClock

    init(
        _ central: LabCentral, _ site: LabSite, clock: WallClock = .system, faults: Faults = .none, approvers: [Approver] = [],
        change: (inout ApplianceConfiguration) -> Void = { _ in }
    ) async throws {
        temporary = try TemporaryDirectory()
        self.clock = clock
        configuration = ApplianceConfiguration(directory: StateDirectory(temporary.file("state")))
        configuration.hosts = [.init(access: HostAccess(id: "here", address: .local))]
        configuration.policy.cooldown = .seconds(1)
        configuration.policy.approvers = approvers
        change(&configuration)
        try await Self.enroll(configuration, central, site.code, clock)
        process = try await Self.build(configuration, clock, faults)
    }

    @discardableResult
    static func enroll(
        _ configuration: ApplianceConfiguration, _ central: LabCentral, _ code: String, _ clock: WallClock
    ) async throws -> Identity {
        try configuration.directory.prepare()
        let database = try SQLiteDatabase(path: configuration.directory.database)
        try await ApplianceSchema.migrator.migrate(database, now: clock.now)
        let enrollment = Enrollment(directory: configuration.directory, database: database, hostname: "lab", softwareVersion: "lab")
        do {
            let identity = try await enrollment.run(central: await central.webURL, code: code)
            await database.close()
            return identity
        } catch {
            await database.close()
            throw error
        }
    }

    static func build(_ configuration: ApplianceConfiguration, _ clock: WallClock, _ faults: Faults) async throws -> ApplianceProcess {
        var logger = Logger(label: "appliance")
        logger.logLevel = .critical
        return try await ApplianceProcess.build(configuration, clock: clock, faults: faults, logger: logger, softwareVersion: "lab")
    }

    /// Another link to Central with the same keys, by another clock.
    func link(clock: WallClock) async throws -> CentralLink {
        let url = try await process.context.database.read { try SettingTable.read(.enrollmentURL, in: $0) }
        return CentralLink(
            identity: identity, configuration: configuration, enrollmentURL: url,
            evidenceKey: try SigningKey(contentsOf: configuration.directory.evidenceKey), clock: clock, faults: .none)
    }

    var identity: Identity { process.context.identity }

    func stored() async throws -> [VerifiedBundle] {
        let key = try SigningKey(contentsOf: configuration.directory.evidenceKey).verifyingKey
        let keys = [EnrolledKey(key: key, validFrom: Timestamp(milliseconds: 0), validUntil: nil)]
        return try await process.context.database.read { try EvidenceTable.all(in: $0) }.map { try VerifiedBundle($0.signed, keys: keys) }
    }

    /// Read by itself, for when no appliance works there.
    static func stored(in directory: StateDirectory) async throws -> [VerifiedBundle] {
        let key = try SigningKey(contentsOf: directory.evidenceKey).verifyingKey
        let keys = [EnrolledKey(key: key, validFrom: Timestamp(milliseconds: 0), validUntil: nil)]
        let database = try SQLiteDatabase(path: directory.database)
        let stored = try await database.read { try EvidenceTable.all(in: $0) }
        await database.close()
        return try stored.map { try VerifiedBundle($0.signed, keys: keys) }
    }

    func queued() async throws -> Int { try await process.context.database.read { try EvidenceTable.queuedCount(in: $0) } }
}

/// One chain without gaps, from its first bundle on.
func isChain(_ bundles: [VerifiedBundle]) -> Bool {
    guard let first = bundles.first else { return true }
    var verifier = ChainVerifier(
        site: first.record.origin.site, appliance: first.record.origin.appliance, next: first.record.link.sequence,
        head: first.record.link.previous)
    return bundles.allSatisfy { verifier.add($0).isEmpty }
}
