import Appliance
import Evidence
import Foundation
import Model
import Seal
import Synchronization
import TestSupport
import Testing
import Wire

/// Planted identifiers in what a host says: none is in what the appliance keeps for sending, in what it sends, or at Central.
@Suite(.enabled(if: geteuid() == 0)) struct NothingLeavesTests {
    /// File names as a scanner's program might make them.
    private static let names = [
        "patient-John-Smith.sh", "ssn_123-45-6789.sh", "mrn-7712345.sh", "jane.doe@mail.example.org.sh", "phone_415-555-2671.sh",
    ]
    private static let canaries = ["John", "Smith", "123-45-6789", "7712345", "jane.doe", "mail.example.org", "555-2671"]
    private static let technical = "nightly-10.0.0.7.sh"

    private func left(_ bytes: some Sequence<UInt8>) -> [String] {
        let text = String(decoding: Array(bytes), as: UTF8.self)
        return Self.canaries.filter { text.contains($0) }
    }

    @Test("Names of patients' files are tags at the appliance and at Central; technical names are as they were")
    func nothingLeaves() async throws {
        let clock = TestClock()
        let central = try LabCentral(clock: clock.clock)
        try await central.start()
        let site = try await central.site()
        let appliance = try await LabAppliance(central, site, clock: clock.clock)
        let scans = appliance.temporary.file("scans")
        try FileManager.default.createDirectory(atPath: scans, withIntermediateDirectories: true)
        for name in Self.names + [Self.technical] {
            FileManager.default.createFile(atPath: "\(scans)/\(name)", contents: Data(), attributes: [.posixPermissions: 0o4755])
            // The mode that is given when a file is made has no set-id bit.
            #expect(chmod("\(scans)/\(name)", 0o4755) == 0)
        }
        let file = appliance.temporary.file("secret")
        FileManager.default.createFile(atPath: file, contents: Data("x".utf8), attributes: [.posixPermissions: 0o640])
        try await central.publish(LabCatalog.make(version: 1, file: file, searching: scans))

        let running = Task { try await appliance.process.run(stopOn: []) }
        try await eventually("drift and hand-over at Central", moving: clock) {
            let held = try await central.evidence(of: site)
            return held.contains { $0.record.verdict == .drift("files.other") } && held.contains { $0.record.outcome.word == "alert" }
        }
        running.cancel()
        _ = try? await running.value

        let held = try await central.evidence(of: site)
        let drift = try #require(held.first { $0.record.verdict == .drift("files.other") })
        let text = String(decoding: drift.signed.bytes, as: UTF8.self)
        for kind in ["name", "ssn", "mrn", "email", "phone"] { #expect(text.contains("[\(kind):"), "\(kind) in \(text)") }
        #expect(text.contains(Self.technical))
        for bundle in held { #expect(left(bundle.signed.bytes).isEmpty) }

        let stored = try await LabAppliance.stored(in: appliance.configuration.directory)
        #expect(stored.count >= held.count)
        for bundle in stored { #expect(left(bundle.signed.bytes).isEmpty) }
        try await central.stop()
    }

    @Test("What an appliance says on the wire has tags in place of what a host wrote about a patient, in every request")
    func nothingIsSaid() async throws {
        try await LiedLab.run { lab in
            let drafts = lab.context.drafts
            let words = "stderr: patient John Smith, ssn 123-45-6789, MRN: 7712345, jane.doe@mail.example.org, phone 415-555-2671"
            try await lab.context.journal.append([drafts.system(.alert("lab.canary"), note: "\(words), at 10.0.0.7:22")])
            let heard = Mutex<[(path: String, body: [UInt8])]>([])
            try await lab.lied(
                { _ in .http("{}", status: "503 Service Unavailable") },
                {
                    // Again where only this machine was too busy to be in time.
                    try await eventually("a push and a check-in", moving: lab.clock) {
                        _ = await lab.push.turn()
                        _ = await lab.poll.turn()
                        let paths = heard.withLock { $0.map(\.path) }
                        return paths.contains("/v1/evidence") && paths.contains("/v1/checkin")
                    }
                }, heard: { path, body in heard.withLock { $0.append((path, body)) } })
            var notes: [String] = []
            for request in heard.withLock({ $0 }) {
                #expect(left(request.body).isEmpty, "\(request.path)")
                guard request.path == "/v1/evidence" else { continue }
                let submission = try EvidenceSubmission(json: JSONValue(parsing: request.body, limits: JSONLimits(bytesMax: 8 << 20)))
                for bundle in submission.bundles {
                    #expect(left(bundle.bytes).isEmpty)
                    notes += try [#require(JSONValue(parsing: bundle.bytes, limits: JSONLimits(bytesMax: 1 << 20))["note"]?.string)]
                }
            }
            let note = try #require(notes.first { $0.hasPrefix("stderr: patient [name:") }, "\(notes)")
            #expect(note.hasSuffix(", at 10.0.0.7:22"))
            for kind in ["ssn", "mrn", "email", "phone"] { #expect(note.contains("[\(kind):"), "\(kind) in \(note)") }
        }
    }
}
