import Central
import Evidence
import Foundation
import Model
import Reports
import Seal
import TestSupport
import Testing

@Suite struct EvidenceExportTests {
    @Test("What is exported as in-toto statements, the public libraries verify: signature, form, and the bundle inside")
    func publicLibrariesVerify() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            var box = try await enrolledBox(at: central, tenant)
            let sent = try box.makeBundles(5, at: central.clock.now, note: "größer als ☃")
            _ = try await box.submit(sent, to: central)

            let lines = try await export(tenant.site, from: central)
            let key = central.services.keys.kits.verifyingKey
            let judged = try judge(lines, with: key)
            #expect(judged.status == 0, "\(judged.output)")
            #expect(
                judged.output
                    == sent.map { "urn:martlet:evidence:v1 \(Digest(of: $0.bytes)) same\n" }.joined())

            // The libraries are judges only if they can say no.
            let other = try judge(lines, with: SigningKey().verifyingKey, as: key.id)
            #expect(other.status == 1)
        }
    }

    private func export(_ site: SiteID, from central: CentralUnderTest) async throws -> [UInt8] {
        let held = try await SiteEvidence(of: site, services: central.services, for: CentralUnderTest.person)
        var lines: [UInt8] = []
        try await held.forEach { item in
            let statement = InTotoStatement(item.bundle, received: item.received, logIndex: item.logIndex)
            lines += try statement.signed(with: central.services.keys.kits).json.canonicalBytes() + [UInt8(ascii: "\n")]
        }
        return lines
    }

    private func judge(_ lines: [UInt8], with key: VerifyingKey, as id: KeyID? = nil) throws -> (status: Int32, output: String) {
        let directory = try TemporaryDirectory()
        try Data(key.pem.utf8).write(to: URL(fileURLWithPath: directory.file("key.pem")))
        try Data(lines).write(to: URL(fileURLWithPath: directory.file("lines")))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: repositoryRoot + "/scripts/lab/python")
        process.arguments = [repositoryRoot + "/scripts/checks/dsse_check.py", directory.file("key.pem"), (id ?? key.id).description]
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: directory.file("lines")))
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: said, as: UTF8.self))
    }
}
