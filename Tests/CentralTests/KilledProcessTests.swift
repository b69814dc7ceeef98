import Central
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire

/// The real `martlet-central`, killed without warning while it takes evidence in.
@Suite struct KilledProcessTests {
    @Test("SIGKILL at any moment: every receipted bundle is there afterwards, in one chain", arguments: TestEngine.allCases)
    func killed(engine: TestEngine) async throws {
        let directory = try TemporaryDirectory()
        let database = try await TestDatabase(engine)
        let configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
        let clock = WallClock.system
        _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now())
        let services = try await CentralServices.open(configuration, clock: clock)
        let person = CentralUnderTest.person
        let organization = try await services.tenants.createOrganization("Lakeside", by: person)
        let scope = TenantScope(person, organization: organization.id)
        let site = try await services.tenants.createSite("Main", in: scope).id
        let code = ClaimCode(authority: Digest(of: services.keys.authority.der))
        try await services.claims.create(secret: code.secret, site: site, scope: scope, lifetime: .seconds(600), by: person)

        var box = Box()
        var receipts: [Receipt] = []
        var unsent: [SignedBundle] = []
        func start() throws -> CentralChild {
            try CentralChild(
                dataDirectory: configuration.dataDirectory, databaseURL: database.url, authority: services.keys.authority.der)
        }
        for round in 0..<3 {
            let process = try start()
            if round == 0 { #expect(try await box.enroll(at: process.endpoint, code).status == 200) }
            var taken = 0
            while true {
                // Killed by another thread, wherever Central then is, once it is at work.
                if taken == 2 { process.kill(after: .milliseconds(20 + 130 * round)) }
                if unsent.isEmpty { unsent = try box.makeBundles(5, at: clock.now()) }
                guard let reply = try? await box.submit(unsent, to: process.endpoint) else { break }
                #expect(reply.refusal == nil)
                receipts.append(try SignedReceipt(opening: #require(reply.receipt), keys: [services.keys.receipts.verifyingKey]).receipt)
                unsent = []
                taken += 1
            }
            try #require(taken >= 2)
            process.waitForEnd()
        }

        let process = try start()
        #expect(try await box.submit(unsent, to: process.endpoint).refusal == nil)
        process.kill(after: .zero)
        process.waitForEnd()

        let held = try await services.evidence.page(of: site, in: scope, limit: 100_000)
        let appliance = try #require(box.grant?.appliance)
        let keys = [EnrolledKey(key: box.evidenceKey.verifyingKey, validFrom: clock.now() - .seconds(600), validUntil: nil)]
        var chain = ChainVerifier(site: site, appliance: appliance)
        var digests: [Int64: Model.Digest] = [:]
        for stored in held {
            let bundle = try VerifiedBundle(stored.bundle, keys: keys)
            #expect(chain.add(bundle) == [])
            digests[stored.sequence] = bundle.digest
        }
        #expect(chain.next == box.next)
        for receipt in receipts { #expect(digests[receipt.lastSequence] == receipt.head) }
        await services.close()
        withExtendedLifetime((directory, database)) {}
    }
}

/// `martlet-central` as a process of its own.
private final class CentralChild {
    let endpoint: CentralEndpoint
    private let process = Process()

    init(dataDirectory: String, databaseURL: String, authority: [UInt8]) throws {
        // Built beside the tests.
        let here = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        process.executableURL = URL(fileURLWithPath: here).deletingLastPathComponent().appendingPathComponent("martlet-central")
        process.environment = [
            "MARTLET_DATA_DIRECTORY": dataDirectory, "MARTLET_DATABASE_URL": databaseURL,
            "MARTLET_WEB_PORT": "0", "MARTLET_APPLIANCES_PORT": "0",
        ]
        let log = Pipe()
        process.standardError = log
        process.standardInput = FileHandle.nullDevice
        try process.run()
        Orphans.adopt(process)
        var text = ""
        while !text.contains("central.ready") {
            let data = log.fileHandleForReading.availableData
            guard !data.isEmpty else { throw CommandFailed(description: "martlet-central ended: \(text)") }
            text += String(decoding: data, as: UTF8.self)
        }
        func port(_ name: String) throws -> Int {
            let start = try #require(text.range(of: " \(name)=")).upperBound
            return try #require(Int(text[start...].prefix(while: \.isNumber)))
        }
        endpoint = CentralEndpoint(webPort: try port("web"), appliancePort: try port("appliances"), authority: authority)
        // What it says later must not fill the pipe.
        log.fileHandleForReading.readabilityHandler = { _ = $0.availableData }
    }

    func kill(after span: Duration) {
        let number = process.processIdentifier
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(span.wholeMilliseconds))) {
            _ = Foundation.kill(number, SIGKILL)
        }
    }

    func waitForEnd() { process.waitUntilExit() }
}
