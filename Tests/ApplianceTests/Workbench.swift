import Appliance
import Database
import Evidence
import Healing
import Logging
import Model
import Redaction
import Seal
import TestSupport

/// A state directory with a real SQLite file and keys, and what bundles need, for tests of one part of the appliance.
struct Workbench {
    let temporary: TemporaryDirectory
    let directory: StateDirectory
    let database: SQLiteDatabase
    let key: SigningKey
    let clock: TestClock
    let identity: Identity
    let configuration: ApplianceConfiguration

    init(at path: String? = nil, clock: TestClock = TestClock()) async throws {
        temporary = try TemporaryDirectory()
        directory = StateDirectory(path ?? temporary.path)
        try directory.prepare()
        self.clock = clock
        database = try SQLiteDatabase(path: directory.database)
        try await ApplianceSchema.migrator.migrate(database, now: clock.clock.now)
        key = SigningKey()
        let now = clock.now
        identity = Identity(
            organization: OrganizationID(at: now), site: SiteID(at: now), appliance: ApplianceID(at: now),
            centralURL: "https://127.0.0.1:1", authority: "", orderKey: SigningKey().verifyingKey, receiptKey: SigningKey().verifyingKey,
            catalogKey: SigningKey().verifyingKey)
        configuration = ApplianceConfiguration(directory: directory)
    }

    func journal(faults: Faults = .none) async throws -> EvidenceJournal {
        try await EvidenceJournal(database: database, key: key, scrubber: .ofTests, appended: Wake(), clock: clock.clock, faults: faults)
    }

    var drafts: BundleDrafts {
        BundleDrafts(
            identity: identity, configuration: configuration, catalog: ActiveCatalog(database: database, identity: identity),
            clock: clock.clock, clockState: ClockState(), softwareVersion: "test")
    }

    func bundle(_ note: String) -> Bundle { drafts.system(.observed, note: note) }

    func stored() async throws -> [EvidenceTable.Stored] { try await database.read { try EvidenceTable.all(in: $0) } }
}
