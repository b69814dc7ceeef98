package import Model
import Seal

/// Submits digests to calendars and redeems their promises. One that is dead, slow, lying or endless costs its own answer only.
package struct CalendarClient: Sendable {
    package let policy: CalendarPolicy
    private let transport: AnchorTransport
    private let makeNonce: @Sendable () -> [UInt8]

    /// The published library's own number, in bytes.
    package static let replyBytesMax = 10_000
    /// A calendar that did nothing we could use, and why.
    package struct Failure: Sendable, Equatable {
        package let calendar: String
        package let error: AnchorLinkError
    }

    /// - Parameter makeNonce: 16 random bytes at each call.
    package init(policy: CalendarPolicy, transport: AnchorTransport, makeNonce: @escaping @Sendable () -> [UInt8]) {
        self.policy = policy
        self.transport = transport
        self.makeNonce = makeNonce
    }

    private static let headers = [("accept", "application/vnd.opentimestamps.v1"), ("content-type", "application/octet-stream")]
}

extension CalendarClient {
    package struct Stamp: Sendable {
        /// nil when fewer than `policy.needed` calendars took the digest.
        package let proof: OpenTimestampsProof?
        package let failures: [Failure]
    }

    /// Submits to all calendars at once. They see a digest of the digest and a nonce, so they learn nothing of what is anchored.
    package func stamp(_ digest: Digest) async -> Stamp {
        let nonce = makeNonce()
        let submitted = Digest(of: digest.bytes + nonce)
        let answers = await ask(policy.calendars) { calendar throws(AnchorLinkError) in
            let reply = try await transport.exchange(
                calendar + "/digest", headers: Self.headers, body: submitted.bytes, limit: Self.replyBytesMax)
            return try tree(in: reply, about: submitted.bytes)
        }
        var proof = OpenTimestampsProof(
            digest: digest, tree: ProofTree([.branch(.append(nonce), ProofTree([.branch(.sha256, ProofTree([]))]))]))
        var failures: [Failure] = []
        for (calendar, answer) in answers {
            do throws(AnchorLinkError) {
                let tree = try answer.get()
                do throws(ProofError) { try proof.merge(tree, about: submitted.bytes) } catch { throw .malformed(error.code) }
            } catch {
                failures.append(Failure(calendar: calendar, error: error))
            }
        }
        return Stamp(proof: answers.count - failures.count >= policy.needed ? proof : nil, failures: failures)
    }

    package struct Upgrade: Sendable {
        package let proof: OpenTimestampsProof
        /// Calendars that could not be asked. One that still waits for its block is no failure.
        package let failures: [Failure]
    }

    /// Asks every calendar that has promised something for what it has now. Promises stay in the proof beside what was redeemed.
    package func upgrade(_ proof: OpenTimestampsProof) async -> Upgrade {
        var promises: [String: [UInt8]] = [:]
        for item in proof.attestations {
            guard case .pending(let calendar) = item.attestation, let message = item.message, message.count <= 64,
                policy.permits(calendar), promises.count < CalendarPolicy.calendarsMax
            else { continue }
            promises[calendar] = message
        }
        let answers = await ask(promises.keys.sorted()) { [promises] calendar throws(AnchorLinkError) -> ProofTree? in
            let message = promises[calendar]!
            let base = calendar.hasSuffix("/") ? String(calendar.dropLast()) : calendar
            let reply = try await transport.exchange(
                base + "/timestamp/" + message.hexadecimal, headers: Self.headers, limit: Self.replyBytesMax)
            return reply.status == 404 ? nil : try tree(in: reply, about: message)
        }
        var upgraded = proof
        var failures: [Failure] = []
        for (calendar, answer) in answers {
            do throws(AnchorLinkError) {
                guard let tree = try answer.get(), let message = promises[calendar] else { continue }
                do throws(ProofError) { try upgraded.merge(tree, about: message) } catch { throw .malformed(error.code) }
            } catch {
                failures.append(Failure(calendar: calendar, error: error))
            }
        }
        return Upgrade(proof: upgraded, failures: failures)
    }

    private func tree(in reply: AnchorTransport.Reply, about message: [UInt8]) throws(AnchorLinkError) -> ProofTree {
        guard reply.status == 200 else { throw .refused(status: reply.status) }
        let tree: ProofTree
        do throws(ProofError) { tree = try ProofTree(parsing: reply.body, message: message) } catch { throw .malformed(error.code) }
        for item in tree.attestations(from: message) {
            // A promise that we may not redeem is none.
            if case .pending(let calendar) = item.attestation, !policy.permits(calendar) { throw .malformed("calendar.foreign") }
        }
        return tree
    }

    /// All at once; the answers in the order of the calendars.
    private func ask<Value: Sendable>(
        _ calendars: [String], _ body: @escaping @Sendable (String) async throws(AnchorLinkError) -> Value
    ) async -> [(String, Result<Value, AnchorLinkError>)] {
        await withTaskGroup(of: (Int, Result<Value, AnchorLinkError>).self) { group in
            for (index, calendar) in calendars.enumerated() {
                group.addTask {
                    do throws(AnchorLinkError) {
                        return (index, .success(try await body(calendar)))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            var answers: [(Int, Result<Value, AnchorLinkError>)] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.0 < $1.0 }.map { (calendars[$0.0], $0.1) }
        }
    }
}
