import Anchors
import Central
import Database
import Logging
import Model
import Seal
import TestSupport
import Testing

/// That anchoring stood still is stated, signed and logged: once when it is noticed and once when it is over.
@Suite struct AnchorStallTests {
    private let hour: Duration = .seconds(3_600)

    @Test("What is stated follows from what was stated and how the lane fares")
    func next() throws {
        let now = Timestamp(milliseconds: 1_700_000_000_000)
        let open = AnchorStall(kind: .openTimestamps, from: now - hour * 9, until: nil, code: "anchor.quorum", issued: now - hour)
        func next(_ open: AnchorStall?, _ health: AnchorHealth?, success: Timestamp? = nil) -> AnchorStall? {
            AnchorStall.next(.openTimestamps, open: open, health: health, lastSuccess: success, now: now)
        }
        #expect(next(nil, .working) == nil && next(nil, .overdue(since: now)) == nil && next(nil, nil) == nil)
        let begun = next(nil, .stalled(since: now - hour, code: "anchor.silent"))
        #expect(begun == AnchorStall(kind: .openTimestamps, from: now - hour, until: nil, code: "anchor.silent", issued: now))
        #expect(next(open, .stalled(since: now - hour * 9, code: "anchor.other"), success: now - hour * 9) == nil)
        // Over: when it worked again, or when nobody asks for it any more.
        #expect(next(open, .working, success: now - .seconds(60))?.until == now - .seconds(60))
        #expect(next(open, .overdue(since: now - hour * 60), success: now)?.until == now)
        #expect(next(open, nil)?.until == now)
        #expect(next(open, .working, success: now)?.code == "anchor.quorum")
        // It worked for a while between two looks: that one is over, and the next begins.
        let between = next(open, .stalled(since: now - hour * 3, code: "anchor.quorum"), success: now - hour * 3)
        #expect(between?.until == now - hour * 3 && between?.from == open.from)
        // A clock that was turned back says nothing about anchors.
        #expect(next(open, .stalled(since: now, code: "anchor.clock"), success: now + hour) == nil)
    }

    @Test("Central states a stall once, and its end once, in the log", arguments: TestEngine.allCases)
    func states(engine: TestEngine) async throws {
        let (directory, database, clock) = (try TemporaryDirectory(), try await TestDatabase(engine), TestClock())
        var configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
        configuration.anchors.calendars = CalendarPolicy(calendars: ["https://calendar.example"], needed: 1)
        _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        // Built and not run: nobody anchors, and the test takes the turns.
        let central = try await CentralProcess.build(configuration, clock: clock.clock, logger: quiet)
        let organization = try await central.services.tenants.createOrganization("Lakeside", by: CentralUnderTest.person)
        let scope = TenantScope(CentralUnderTest.person, organization: organization.id)
        let site = try await central.services.tenants.createSite("Main Street", in: scope).id
        func stated() async throws -> [JSONValue] {
            await central.takeTurn(of: .anchorWatch)
            await central.takeTurn(of: .anchorWatch)
            let keys = [central.services.keys.receipts.verifyingKey]
            return try await central.services.statements.list(of: site, in: scope, kinds: [.anchorStall]).map {
                try $0.payload(schema: "martlet.anchor-stall/v1", keys: keys)
            }
        }
        let interval = configuration.anchors.interval
        let start = clock.now
        try await central.services.anchors.commit([], heartbeat: .init(since: start, lastSuccess: start), kind: .openTimestamps)
        #expect(try await stated() == [])
        clock.advance(by: interval + interval)
        #expect(try await stated() == [])
        try await central.services.anchors.commit(
            [], heartbeat: .init(since: start, lastSuccess: start, lastFailure: "anchor.quorum"), kind: .openTimestamps)
        clock.advance(by: .milliseconds(1))
        let noticed = clock.now
        let begin: JSONValue = [
            "code": "anchor.quorum", "from": .string(start.description), "issued": .string(noticed.description), "kind": "ots",
            "schema": "martlet.anchor-stall/v1", "until": nil,
        ]
        #expect(try await stated() == [begin])
        clock.advance(by: interval)
        #expect(try await stated() == [begin])

        let back = clock.now
        try await central.services.anchors.commit([], heartbeat: .init(since: start, lastSuccess: back), kind: .openTimestamps)
        clock.advance(by: .seconds(60))
        let end = try #require(try await stated().last)
        #expect(end["until"]?.string == back.description && end["from"]?.string == start.description)
        #expect(end["issued"]?.string == clock.now.description && end["code"]?.string == "anchor.quorum")
        #expect(try await stated().count == 2)

        // Each has its place in the log; and a second stall is stated again.
        let entries = try await central.services.statements.list(of: site, in: scope, kinds: [.anchorStall])
        #expect(Set(entries.map(\.logIndex)).count == 2 && entries.allSatisfy { $0.organization == nil })
        clock.advance(by: interval * 2)
        #expect(try await stated().count == 3)
        await central.services.close()
        withExtendedLifetime(database) {}
    }
}
