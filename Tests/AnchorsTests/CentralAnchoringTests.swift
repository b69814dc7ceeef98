import Anchors
import Central
import Documents
import Foundation
import Logging
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

extension LabTests {
    /// Central anchors its log over real calendars, a real authority and a node; the clock is the test's.
    @Suite(.serialized) struct CentralAnchoringTests {
        private let person = OperatorCredential(localUser: "test@central")
        private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

        private func anchors(_ lab: LabTimestamps, _ authority: LabAuthority, calendars: [String]? = nil) throws -> AnchorsConfiguration {
            var configuration = AnchorsConfiguration()
            configuration.calendars = try #require(CalendarPolicy(calendars: calendars ?? lab.calendars, needed: 1))
            configuration.node = .init(url: lab.node, login: Secret(lab.login))
            configuration.authorities = [
                // Nobody is there: the next is asked.
                .init(url: "http://127.0.0.1:9/", rootsPath: authority.directory + "/root.pem"),
                .init(url: authority.url + "ecdsa", rootsPath: authority.directory + "/root.pem"),
            ]
            return configuration
        }

        @Test(
            "The log's checkpoints are anchored each interval if it grew, proven later, over restarts; strangers verify the files",
            arguments: TestEngine.allCases)
        func life(engine: TestEngine) async throws {
            try await LabTimestamps.run { lab in
                try await LabAuthority.run { authority in
                    let (directory, database, clock) = (try TemporaryDirectory(), try await TestDatabase(engine), TestClock())
                    var configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
                    configuration.anchors = try anchors(lab, authority)
                    _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now)
                    let first = try await CentralProcess.build(configuration, clock: clock.clock, logger: quiet)
                    let organization = try await first.services.tenants.createOrganization("Lakeside", by: person)
                    let scope = TenantScope(person, organization: organization.id)
                    // An empty log is not anchored.
                    try await first.integrateLog()
                    try await first.anchor()
                    #expect(try await first.services.anchors.list().isEmpty)
                    clock.advance(by: .seconds(6 * 3_600))
                    _ = try await first.services.holds.change(true, scope, reason: "test", by: person)
                    try await first.integrateLog()
                    try await first.anchor()
                    let made = try await first.services.anchors.list()
                    #expect(made.map(\.anchor.target.treeSize) == [1, 1])
                    #expect(made.map(\.anchor.kind) == [.openTimestamps, .timestampAuthority])
                    #expect(made.map(\.anchor.state.isProven) == [false, true])
                    // Not again before the interval is over, nor when the log has not grown.
                    try await first.anchor()
                    clock.advance(by: .seconds(6 * 3_600))
                    try await first.anchor()
                    #expect(try await first.services.anchors.list().count == 2)
                    await first.services.close()

                    try await lab.mine(7)
                    let again = try await CentralProcess.build(configuration, clock: clock.clock, logger: quiet)
                    _ = try await again.services.holds.change(false, scope, reason: "test", by: person)
                    try await again.integrateLog()
                    clock.advance(by: .seconds(6 * 3_600))
                    try await again.anchor()
                    let all = try await again.services.anchors.list()
                    #expect(all.map(\.anchor.target.treeSize) == [1, 1, 2, 2])
                    #expect(all.map(\.anchor.state.isProven) == [true, true, false, true])
                    #expect(try await again.services.status.alerts().filter { $0.code.hasPrefix("anchor") } == [])

                    let program = binary("martlet")
                    let environment = [
                        "MARTLET_DATA_DIRECTORY": configuration.dataDirectory, "MARTLET_DATABASE_URL": database.url,
                    ]
                    let files = directory.file("files")
                    let printed = try await offTheTestsThreads {
                        try runCommand(program, ["central", "anchors", "--write", files], environment: environment)
                    }
                    #expect(printed.contains("Anchoring is off"))
                    let path = files + "/checkpoint-1"
                    #expect(try await lab.client("verify", path + ".ots").contains("Success! Bitcoin block"))
                    for size in [1, 2] {
                        let base = files + "/checkpoint-\(size)"
                        let root = authority.directory + "/root.pem"
                        let answer = try await offTheTestsThreads {
                            try runCommand(
                                "/usr/bin/openssl", ["ts", "-verify", "-data", base, "-in", base + ".tsr", "-CAfile", root])
                        }
                        #expect(answer.contains("Verification: OK") || answer.isEmpty)
                    }
                    await again.services.close()
                    withExtendedLifetime((directory, database)) {}
                }
            }
        }

        @Test("No success within two intervals is an alert, which ends with the next success; the other kind is not touched")
        func stall() async throws {
            try await LabTimestamps.run { lab in
                try await LabAuthority.run { authority in
                    let (directory, database, clock) = (try TemporaryDirectory(), try await TestDatabase(.sqlite), TestClock())
                    var configuration = CentralConfiguration(dataDirectory: directory.file("central"), databaseURL: database.url)
                    configuration.anchors = try anchors(lab, authority, calendars: ["http://127.0.0.1:9"])
                    _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now)
                    let dead = try await CentralProcess.build(configuration, clock: clock.clock, logger: quiet)
                    let organization = try await dead.services.tenants.createOrganization("Lakeside", by: person)
                    let scope = TenantScope(person, organization: organization.id)
                    for round in 0..<9 {
                        _ = try await dead.services.holds.change(round % 2 == 0, scope, reason: "test", by: person)
                        try await dead.integrateLog()
                        try await dead.anchor()
                        // Two intervals are twelve hours, eight rounds; exactly so long is no stall yet.
                        #expect(try await dead.services.status.alerts().filter { $0.code.hasPrefix("anchor") } == [], "round \(round)")
                        clock.advance(by: .seconds(5_400))
                    }
                    let alerts = try await dead.services.status.alerts().filter { $0.code.hasPrefix("anchor") }
                    #expect(alerts.map(\.subject) == ["ots"])
                    #expect(alerts.first?.sentence.contains("anchor.quorum") == true)
                    await dead.services.close()
                    configuration.anchors = try anchors(lab, authority)
                    let alive = try await CentralProcess.build(configuration, clock: clock.clock, logger: quiet)
                    try await alive.anchor()
                    #expect(try await alive.services.status.alerts().filter { $0.code.hasPrefix("anchor") } == [])
                    await alive.services.close()
                    withExtendedLifetime((directory, database)) {}
                }
            }
        }

        @Test("Killed before or after any commit of an anchor, Central goes on with one anchor of each kind and loses none that was stored")
        func killed() async throws {
            try await LabTimestamps.run { lab in
                try await LabAuthority.run { authority in
                    // The first commit of each kind begins its record, the second is its anchor: two kinds, in any order.
                    for (step, count) in [
                        ("anchorBeforeCommit", 1), ("anchorBeforeCommit", 3), ("anchorAfterCommit", 2), ("anchorAfterCommit", 4),
                    ] {
                        try await dieAndGoOn("\(step):\(count)", lab, authority)
                    }
                }
            }
        }

        private func dieAndGoOn(_ step: String, _ lab: LabTimestamps, _ authority: LabAuthority) async throws {
            let directory = try TemporaryDirectory()
            var configuration = CentralConfiguration(dataDirectory: directory.file("central"))
            configuration.anchors = try anchors(lab, authority)
            let clock = WallClock.system
            _ = try CentralKeys.create(in: configuration.dataDirectory, at: clock.now())
            // The log has grown before the server starts: its first turn anchors.
            let central = try await CentralProcess.build(configuration, clock: clock, logger: quiet)
            let organization = try await central.services.tenants.createOrganization("Lakeside", by: person)
            _ = try await central.services.holds.change(
                true, TenantScope(person, organization: organization.id), reason: "test", by: person)
            try await central.integrateLog()
            let file = directory.file("central.yaml")
            let text = """
                anchors:
                  calendars: [\(lab.calendars.map { "\"\($0)\"" }.joined(separator: ", "))]
                  authorities:
                    - url: "\(authority.url)ecdsa"
                      ca: "\(authority.directory)/root.pem"

                """
            try Data(text.utf8).write(to: URL(fileURLWithPath: file))
            let log = directory.file("log")
            func start(_ arguments: [String]) throws -> Process {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: binary("martlet-central"))
                process.arguments = ["--config", file] + arguments
                process.environment = [
                    "MARTLET_DATA_DIRECTORY": configuration.dataDirectory, "MARTLET_WEB_PORT": "0", "MARTLET_APPLIANCES_PORT": "0",
                ]
                FileManager.default.createFile(atPath: log, contents: nil)
                process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
                process.standardOutput = FileHandle.nullDevice
                process.standardInput = FileHandle.nullDevice
                try process.run()
                Orphans.adopt(process)
                return process
            }
            let dying = try start(["--crash-at", step])
            try await eventually("killed at \(step)") { !dying.isRunning }
            #expect(dying.terminationReason == .uncaughtSignal && dying.terminationStatus == SIGKILL, "\(step)")
            let left = try await central.services.anchors.list()
            let again = try start([])
            // Not before it hears that it shall stop.
            try await eventually("started after \(step)") { try String(contentsOfFile: log, encoding: .utf8).contains("central.ready") }
            try await eventually("both kinds are there after \(step)") {
                Set(try await central.services.anchors.list().map(\.anchor.kind)) == [.openTimestamps, .timestampAuthority]
            }
            again.terminate()
            try await eventually("stopped") { !again.isRunning }
            #expect(again.terminationStatus == 0, "\(step)")
            let all = try await central.services.anchors.list()
            #expect(
                all.map(\.anchor.target.treeSize) == [1, 1] && all.map(\.anchor.kind) == [.openTimestamps, .timestampAuthority], "\(step)")
            // A promise that was stored is the one that is redeemed later.
            #expect(
                left.allSatisfy { old in all.contains { $0.anchor.kind == old.anchor.kind && $0.anchor.made == old.anchor.made } },
                "\(step)")
            for kind in [AnchorKind.openTimestamps, .timestampAuthority] {
                #expect(try await central.services.anchors.heartbeat(kind)?.lastSuccess != nil, "\(step)")
            }
            await central.services.close()
        }

        private func binary(_ name: String) -> String {
            // Built beside the tests.
            let here = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
            return URL(fileURLWithPath: here).deletingLastPathComponent().appendingPathComponent(name).path
        }
    }
}
