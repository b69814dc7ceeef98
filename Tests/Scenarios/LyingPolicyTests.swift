import Appliance
import Catalog
import Central
import Compliance
import Database
import Evidence
import Foundation
import Model
import Seal
import TestSupport
import Testing
import Wire

/// What a Central that lies can do with site policies: nothing but be refused, in evidence.
@Suite struct LyingPolicyTests {
    @Test("A policy that is another's, older, forged or broken leaves the one in force, with its code; the true one is taken afterwards")
    func falsePolicies() async throws {
        try await LiedLab.run { lab in try await falsePolicies(lab) }
    }

    private func falsePolicies(_ lab: LiedLab) async throws {
        let (identity, key) = (lab.context.identity, await lab.central.services.keys.orders)
        try await lab.central.publish(LabCatalog.make(version: 1, file: "/nothing"))
        try await lab.central.change(.check, LabCatalog.check.description, isEnabled: false, at: lab.site)
        _ = await lab.poll.turn()
        #expect(lab.context.catalog.stamp.policyVersion == 1)
        #expect(try await lab.context.catalog.current()?.isDisabled(LabCatalog.check) == true)

        func policy(_ version: Int64, site: SiteID? = nil, appliance: ApplianceID? = nil) -> SitePolicy {
            SitePolicy(
                version: version, site: site ?? identity.site, appliance: appliance ?? identity.appliance, issued: lab.clock.now)
        }
        func reply(_ version: Int64, _ digest: Digest) throws -> LyingCentral.Answer {
            let reply = CheckinReply(
                received: lab.clock.now, catalogVersion: 1, orders: [], acknowledgedSequence: -1, renewCertificate: false,
                policy: PolicyOffer(version: version, digest: digest))
            return .http(String(decoding: try reply.json.canonicalBytes(), as: UTF8.self))
        }
        let now = lab.clock.now
        let old = try policy(1).signed(with: key)
        let genuine = try policy(2).signed(with: key)
        let deep = Array(String(repeating: "[", count: 100).utf8) + Array(String(repeating: "]", count: 100).utf8)
        let nested = SignedEnvelope(keyID: key.id, payload: deep, signature: key.sign(deep))
        let large = [UInt8](repeating: 32, count: SitePolicy.envelopeBytesMax + 1)
        let foreign = try policy(2, site: SiteID(at: now + .seconds(1))).signed(with: key)
        let stranger = try policy(2, appliance: ApplianceID(at: now + .seconds(1))).signed(with: key)
        let lies: [(String, Int64, Digest, LyingCentral.Answer, Code)] = [
            ("another under the number in force", 1, genuine.digest, .http(genuine.text), "policy.changed"),
            ("older, truly signed, sent for a newer one", 2, genuine.digest, .http(old.text), "policy.not_newer"),
            ("another site's", 2, foreign.digest, .http(foreign.text), "policy.wrong_site"),
            ("another box's", 2, stranger.digest, .http(stranger.text), "policy.wrong_appliance"),
            ("by another key", 2, genuine.digest, .http(try policy(2).signed(with: SigningKey()).text), "envelope.unknown_key"),
            ("too deep", 2, Digest(of: deep), .http(nested.text), "json.too_deep"),
            ("garbage", 2, genuine.digest, .http([UInt8](repeating: 0xfe, count: 5_000)), "json.not_utf8"),
        ]
        for (what, version, digest, answer, code) in lies {
            let offer = try reply(version, digest)
            try await lab.lied({ $0.hasPrefix("/v1/policy/") ? answer : offer }) { _ = await lab.poll.turn() }
            #expect(lab.context.catalog.stamp.policyVersion == 1, "\(what)")
            #expect(try await lab.alerts().first { $0.subject == "policy" }?.code == code, "\(what)")
            let said = try await lab.records().contains { $0.kind == .system && $0.outcome.code == code }
            #expect(said, "\(what)")
            // The honest Central shows the one in force: the alert is over.
            _ = await lab.poll.turn()
            #expect(try await lab.alerts().allSatisfy { $0.subject != "policy" }, "\(what)")
        }
        // What does not come whole is no document, and no evidence: it is fetched again.
        let offer = try reply(2, genuine.digest)
        try await lab.lied({ $0.hasPrefix("/v1/policy/") ? .http(large) : offer }) {
            _ = await lab.poll.turn()
            let lines = lab.log.take()
            #expect(lines.contains { $0.metadata["code"] == "central.oversize" }, "\(lines)")
        }
        try await lab.central.change(.check, LabCatalog.check.description, isEnabled: true, at: lab.site)
        _ = await lab.poll.turn()
        #expect(lab.context.catalog.stamp.policyVersion == 2)
        #expect(try await lab.context.catalog.current()?.isDisabled(LabCatalog.check) == false)
        // An older one, shown again after it.
        let replayed = try reply(1, old.digest)
        try await lab.lied({ _ in replayed }) { _ = await lab.poll.turn() }
        #expect(try await lab.alerts().contains { $0.subject == "policy" && $0.code == "policy.not_newer" })
        #expect(lab.context.catalog.stamp.policyVersion == 2)
    }

    @Test("A new pack under a standing policy: what no longer fits is left out and said, the rest holds, and a restart changes nothing")
    func newPack() async throws {
        try await LiedLab.run { lab in
            try await lab.central.publish(LabCatalog.make(version: 1, file: "/nothing"))
            try await lab.central.change(.check, LabCatalog.check.description, isEnabled: false, at: lab.site)
            try await lab.central.change(.rule, "L1-LAB-001", isEnabled: false, at: lab.site)
            _ = await lab.poll.turn()
            let full = LabCatalog.make(version: 2, file: "/nothing")
            try await lab.central.publish(
                CompiledCatalog(
                    version: 2, digest: .genesis, checks: full.checks, rules: [], runbooks: full.runbooks, runbookDigests: [:],
                    baselines: [:]))
            _ = await lab.poll.turn()
            let loaded = try #require(try await lab.context.catalog.current())
            #expect(loaded.catalog.version == 2 && loaded.policy?.policy.version == 2)
            #expect(loaded.isDisabled(LabCatalog.check) && loaded.fitted.rules.isEmpty)
            let left = try await lab.records().filter { $0.outcome.code == "policy.unknown_rule" }
            #expect(left.map(\.outcome.word) == ["rejected"])
            #expect(loaded.stamp.digest == SitePolicy.ruleset(catalog: loaded.catalog.digest, policy: loaded.policy?.digest))
            // As a process that starts anew reads it.
            let again = ActiveCatalog(database: lab.context.database, identity: lab.context.identity)
            #expect(try await again.current()?.stamp == loaded.stamp)
            #expect(try await again.current()?.isDisabled(LabCatalog.check) == true)
        }
    }
}

extension LiedLab {
    fileprivate func records() async throws -> [BundleRecord] {
        let key = try SigningKey(contentsOf: context.configuration.directory.evidenceKey).verifyingKey
        let keys = [EnrolledKey(key: key, validFrom: Timestamp(milliseconds: 0), validUntil: nil)]
        return try await context.database.read { try EvidenceTable.all(in: $0) }.map { try VerifiedBundle($0.signed, keys: keys).record }
    }
}
