import Central
import Crypto
import Evidence
import Foundation
import Model
import NIOSSL
import Seal
import SwiftASN1
import TestSupport
import Testing
import Wire
import X509

/// What a box shows in TLS.
struct BoxIdentity: Sendable {
    let key: P256.Signing.PrivateKey
    let pem: String

    var certificate: NIOSSLCertificate { get throws { try NIOSSLCertificate(bytes: Array(pem.utf8), format: .pem) } }
    var privateKey: NIOSSLPrivateKey { get throws { try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der) } }
}

/// An appliance as Central sees it: keys, a chain, requests. A double that speaks the documented protocol.
struct Box: Sendable {
    let tlsKey = P256.Signing.PrivateKey()
    let evidenceKey = SigningKey()
    private(set) var identity: BoxIdentity?
    private(set) var grant: EnrollmentGrant?
    private(set) var next: Int64 = 0
    private(set) var head = Model.Digest.genesis

    func signingRequest(_ key: P256.Signing.PrivateKey? = nil) throws -> String {
        try CertificateSigningRequest(
            version: .v1, subject: DistinguishedName { CommonName("whatever") }, privateKey: .init(key ?? tlsKey), attributes: .init(),
            signatureAlgorithm: .ecdsaWithSHA256
        ).serializeAsPEM().pemString
    }

    func enrollment(_ secret: String) throws -> EnrollmentRequest {
        EnrollmentRequest(
            claimSecret: secret, signingRequest: try signingRequest(), evidenceKey: evidenceKey,
            sealingKey: [UInt8](repeating: 9, count: 32), hostname: "box", softwareVersion: "0.1.0")
    }

    /// Asks with the code; keeps the identity when it was granted.
    @discardableResult
    mutating func enroll(at central: CentralUnderTest, _ code: ClaimCode) async throws -> Answer {
        try await enroll(at: central.endpoint, code)
    }

    @discardableResult
    mutating func enroll(at central: CentralEndpoint, _ code: ClaimCode) async throws -> Answer {
        let answer = try await central.send("POST", "/v1/enroll", to: .web, body: try enrollment(code.secret).body)
        if answer.status == 200 {
            let grant = try EnrollmentGrant(body: answer.body)
            self.grant = grant
            identity = BoxIdentity(key: tlsKey, pem: grant.certificate)
        }
        return answer
    }

    mutating func renew(at central: CentralUnderTest) async throws {
        let answer = try await central.send(
            "POST", "/v1/certificate", to: .appliances, body: CertificateRequest(signingRequest: try signingRequest()).body, as: identity)
        #expect(answer.status == 200)
        identity = BoxIdentity(key: tlsKey, pem: try CertificateGrant(body: answer.body).certificate)
    }

    func checkin(at central: CentralUnderTest) async throws -> CheckinReply {
        let request = CheckinRequest(
            sent: central.clock.now, softwareVersion: "0.1.0", catalogVersion: 0, chainHead: next - 1, queued: 0, openIncidents: 0,
            isPaused: false, clock: .unknown)
        let answer = try await central.send("POST", "/v1/checkin", to: .appliances, body: request.body, as: identity)
        #expect(answer.status == 200)
        return try CheckinReply(body: answer.body)
    }

    /// The next bundles of the chain.
    mutating func makeBundles(_ count: Int, at now: Timestamp, note: String = "") throws -> [SignedBundle] {
        try (0..<count).map { _ in
            let sealed = try seal(note, at: ChainLink(sequence: next, previous: head), now)
            next += 1
            head = sealed.digest
            return sealed.signed
        }
    }

    /// The next bundle of the chain, with what it says.
    mutating func makeBundle(at now: Timestamp, _ say: (inout Evidence.Bundle) -> Void) throws -> SignedBundle {
        let sealed = try seal("", at: ChainLink(sequence: next, previous: head), now, say)
        next += 1
        head = sealed.digest
        return sealed.signed
    }

    /// Any bundle, in order or not.
    func seal(
        _ note: String, at link: ChainLink, _ now: Timestamp, by key: SigningKey? = nil, site: SiteID? = nil, appliance: ApplianceID? = nil,
        _ say: (inout Evidence.Bundle) -> Void = { _ in }
    ) throws -> (signed: SignedBundle, digest: Model.Digest) {
        let grant = try #require(grant)
        let origin = Bundle.Origin(
            site: site ?? grant.site, appliance: appliance ?? grant.appliance, deploymentMode: .direct, reseller: nil, policyVersion: "1",
            catalogVersion: 1, rulesetDigest: .genesis, nixosRevision: nil, derivationDigest: nil, softwareVersion: "0.1.0")
        var bundle = Evidence.Bundle(
            id: BundleID(at: now), kind: .system, origin: origin, host: "box", observed: now, started: now, ended: now, clock: .unknown,
            outcome: .observed, note: note)
        say(&bundle)
        return try BundleSealer(key: key ?? evidenceKey).seal(bundle, at: link)
    }

    func submit(_ bundles: [SignedBundle], to central: CentralUnderTest) async throws -> EvidenceReply {
        try await submit(bundles, to: central.endpoint)
    }

    func submit(_ bundles: [SignedBundle], to central: CentralEndpoint) async throws -> EvidenceReply {
        let answer = try await central.send(
            "POST", "/v1/evidence", to: .appliances, body: EvidenceSubmission(bundles: bundles).body, as: identity)
        try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
        return try EvidenceReply(body: answer.body)
    }
}

/// A box that is enrolled at a site of its own.
func enrolledBox(at central: CentralUnderTest, _ tenant: CentralUnderTest.Tenant? = nil) async throws -> Box {
    var owner = tenant
    if owner == nil { owner = try await central.makeTenant() }
    var box = Box()
    let answer = try await box.enroll(at: central, central.makeClaim(owner!))
    try #require(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    return box
}
