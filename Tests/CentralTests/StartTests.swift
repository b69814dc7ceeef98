import Central
import Foundation
import Logging
import Model
import ServiceLifecycle
import TestSupport
import Testing

/// What an operator reads when Central cannot start.
@Suite struct StartTests {
    @Test("Without keys the sentence names `martlet central init`, and the backup")
    func noKeys() async throws {
        let directory = try TemporaryDirectory()
        let error = await #expect(throws: (any Error).self) {
            try await CentralServices.open(CentralConfiguration(dataDirectory: directory.path), clock: .system)
        }
        let sentence = CentralFailure.sentence(for: try #require(error))
        #expect(sentence.contains("martlet central init") && sentence.contains("backup") && sentence.hasSuffix("[key.missing]"))
    }

    @Test("A port in use ends the start with address, key and next step")
    func portInUse() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let directory = try TemporaryDirectory()
            var configuration = CentralConfiguration(dataDirectory: directory.path)
            configuration.webPort = 0
            configuration.appliancePort = central.appliancePort
            _ = try CentralKeys.create(in: directory.path, at: WallClock.system.now())
            let logger = Logger(label: "second", factory: { _ in SwiftLogNoOpLogHandler() })
            let second = try await CentralProcess.build(configuration, clock: .system, logger: logger)
            let error = await #expect(throws: CentralError.self) {
                try await ServiceGroup(configuration: .init(services: second.run, logger: logger)).run()
            }
            #expect(error?.code == "listen.refused")
            #expect(error?.message.contains("appliances.port") == true && error?.message.contains("\(central.appliancePort)") == true)
        }
    }

    @Test("A CA key whose certificate is gone is kept aside, never deleted")
    func authorityWithoutCertificate() throws {
        let directory = try TemporaryDirectory()
        let now = WallClock.system.now()
        _ = try CentralKeys.create(in: directory.path, at: now)
        let key = try Data(contentsOf: URL(filePath: directory.file("ca.key")))
        try FileManager.default.removeItem(atPath: directory.file("ca.pem"))
        _ = try CentralKeys.create(in: directory.path, at: now)
        #expect(try Data(contentsOf: URL(filePath: directory.file("ca.key.aside-\(now.milliseconds)"))) == key)
        #expect(try Data(contentsOf: URL(filePath: directory.file("ca.key"))) != key)
    }
}
