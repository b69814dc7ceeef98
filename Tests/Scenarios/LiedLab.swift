import Appliance
import Database
import Foundation
import Logging
import Model
import TestSupport

/// A real appliance without hosts, whose Central can be replaced by a liar on the same port, and back.
struct LiedLab {
    let clock = TestClock()
    let log = RecordingLog()
    let central: LabCentral
    let site: LabSite
    let temporary: TemporaryDirectory
    let process: ApplianceProcess
    let poll: PollService
    let push: PushService

    /// Leaves nothing behind, also where `body` fails.
    /// - Parameter enrolled: what happens to the appliance's state before it is started for the first time.
    static func run(
        enrolled: (ApplianceConfiguration) async throws -> Void = { _ in }, _ body: (LiedLab) async throws -> Void
    ) async throws {
        let central = try LabCentral()
        try await central.start()
        do {
            let lab = try await LiedLab(central, enrolled)
            do { try await body(lab) } catch {
                await lab.process.close()
                throw error
            }
            await lab.process.close()
        } catch {
            try? await central.stop()
            throw error
        }
        try await central.stop()
    }

    private init(_ central: LabCentral, _ enrolled: (ApplianceConfiguration) async throws -> Void) async throws {
        self.central = central
        site = try await central.site()
        temporary = try TemporaryDirectory()
        var configuration = ApplianceConfiguration(directory: StateDirectory(temporary.file("state")))
        configuration.hosts = []
        try await LabAppliance.enroll(configuration, central, site.code, clock.clock)
        try await enrolled(configuration)
        process = try await ApplianceProcess.build(configuration, clock: clock.clock, logger: log.logger, softwareVersion: "lab")
        poll = PollService(process.context, clockService: ClockService(process.context))
        push = PushService(process.context)
    }

    var context: ApplianceContext { process.context }

    /// The same port speaks otherwise for as long as `body` lasts.
    /// - Parameters:
    ///   - pause: by which the clock moves before and after; longer than any back-off.
    ///   - heard: is given what the appliance says.
    func lied(
        after pause: Duration = .seconds(901), _ answer: @escaping @Sendable (String) -> LyingCentral.Answer,
        _ body: () async throws -> Void, heard: @escaping @Sendable (_ path: String, _ body: [UInt8]) -> Void = { _, _ in }
    ) async throws {
        await context.central.close()
        try await central.stop()
        let port = Int(context.identity.centralURL.split(separator: ":").last!)!
        let liar = try await LyingCentral(central.directory.path, port: port, answer: answer, heard: heard)
        _ = log.take()
        clock.advance(by: pause)
        do { try await body() } catch {
            try await liar.stop()
            throw error
        }
        await context.central.close()
        try await liar.stop()
        try await central.start()
        clock.advance(by: pause)
    }

    /// Sends all that waits.
    func send() async throws {
        try await eventually("sent", moving: clock) {
            _ = await push.turn()
            return try await queued() == 0
        }
    }

    func alerts() async throws -> [AlertTable.Entry] { try await context.database.read { try AlertTable.all(in: $0) } }
    func queued() async throws -> Int { try await context.database.read { try EvidenceTable.queuedCount(in: $0) } }
}
