import Anchors
import Logging
import Model
import Seal
import TestSupport
import Testing

extension LabTests {
    /// The service over real calendars, a real authority and a node; the clock is the test's.
    @Suite(.serialized) struct AnchorServiceTests {
        private let hour: Duration = .seconds(3_600)
        private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        private func target(_ size: Int64) -> AnchorTarget {
            AnchorTarget(treeSize: size, digest: Digest(of: Array("checkpoint \(size)".utf8)))
        }

        private func withMethods<Result: Sendable>(
            calendars: [String]? = nil, _ body: (LabTimestamps, [any AnchorMethod]) async throws -> Result
        ) async throws -> Result {
            try await LabTimestamps.run { lab in
                try await LabAuthority.run { authority in
                    // What answers, answers in milliseconds; on a machine that has much else to do, in many seconds.
                    let transport = try AnchorTransport(deadline: .seconds(120))
                    let policy = try #require(CalendarPolicy(calendars: calendars ?? lab.calendars, needed: 1))
                    let random: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
                    let methods: [any AnchorMethod] = [
                        OpenTimestampsMethod(
                            calendars: CalendarClient(policy: policy, transport: transport) { random(16) },
                            headers: BitcoinNode(address: lab.node, login: lab.login, confirmations: 1, transport: transport)),
                        TimestampAuthorityMethod(
                            authority: TimestampAuthorityClient(
                                address: authority.url + "ecdsa", verifier: try TimestampVerifier(authorities: authority.pem("root")),
                                transport: transport
                            ) { random(8) }),
                    ]
                    do {
                        let result = try await body(lab, methods)
                        await transport.close()
                        return result
                    } catch {
                        await transport.close()
                        throw error
                    }
                }
            }
        }

        private func lane(_ method: any AnchorMethod, _ store: MemoryAnchorStore) -> AnchorLane {
            AnchorLane(method: method, store: store, interval: hour, logger: quiet)
        }

        @Test("Checkpoints are anchored both ways, promises redeemed after mining, and a restart goes on where it was")
        func life() async throws {
            try await withMethods { lab, methods in
                let (store, clock) = (MemoryAnchorStore(), TestClock())
                store.publish(target(1))
                for method in methods {
                    var lane = lane(method, store)
                    #expect(await lane.pass(clock.clock) <= .seconds(60))
                }
                #expect(store.anchors(.openTimestamps, open: true).map(\.target) == [target(1)])
                guard case .stamped? = store.anchors(.timestampAuthority, open: false).first?.state else {
                    Issue.record("no stamp of the authority")
                    return
                }
                try await lab.mine()
                clock.advance(by: hour)
                store.publish(target(2))
                // A new lane: the process was started again. It asks after what is open at once.
                var again = lane(methods[0], store)
                _ = await again.pass(clock.clock)
                let proven = try #require(store.anchors(.openTimestamps, open: false).first)
                #expect(proven.target == target(1))
                #expect(proven.state.isProven)
                #expect(try OpenTimestampsProof(parsing: proven.proof, about: target(1).digest).bytes == proven.proof)
                #expect(store.anchors(.openTimestamps, open: true).map(\.target) == [target(2)])
                let heartbeat = try #require(store.current.heartbeats[.openTimestamps])
                #expect(AnchorHealth(heartbeat, interval: hour, configured: clock.now, at: clock.now) == .working)
            }
        }

        @Test("While every calendar is away the authority's lane works, the other says so within two intervals, and both end well")
        func away() async throws {
            try await withMethods(calendars: ["http://127.0.0.1:9"]) { _, methods in
                let (store, clock) = (MemoryAnchorStore(), TestClock())
                let begin = clock.now
                var lanes = methods.map { lane($0, store) }
                for size in 1...9 {
                    store.publish(target(Int64(size)))
                    for index in lanes.indices { _ = await lanes[index].pass(clock.clock) }
                    clock.advance(by: .seconds(900))
                }
                let health = { (kind: AnchorKind) in
                    AnchorHealth(store.current.heartbeats[kind], interval: self.hour, configured: begin, at: clock.now)
                }
                #expect(health(.openTimestamps) == .stalled(since: begin, code: "anchor.quorum"))
                #expect(health(.timestampAuthority) == .working)
                #expect(store.anchors(.openTimestamps, open: true).isEmpty)
                #expect(store.anchors(.timestampAuthority, open: false).count == 3)
            }
            try await withMethods { _, methods in
                let (store, clock) = (MemoryAnchorStore(), TestClock())
                store.publish(target(9))
                var lane = lane(methods[0], store)
                _ = await lane.pass(clock.clock)
                #expect(store.current.heartbeats[.openTimestamps]?.lastSuccess == clock.now)
            }
        }

        @Test(
            "Whichever write is lost, or kept and reported lost, the next passes store the anchor and go on",
            arguments: [
                [MemoryAnchorStore.Failure.lost], [.keptButReportedLost], [.lost, .lost, .keptButReportedLost],
            ])
        func storeFails(failures: [MemoryAnchorStore.Failure]) async throws {
            try await withMethods { _, methods in
                for method in methods {
                    let (store, clock) = (MemoryAnchorStore(), TestClock())
                    store.publish(target(4))
                    for failure in failures { store.fail(failure) }
                    var lane = lane(method, store)
                    for _ in 0..<5 {
                        _ = await lane.pass(clock.clock)
                        clock.advance(by: .seconds(60))
                    }
                    #expect(store.current.anchors.map(\.target) == [target(4)])
                    #expect(store.current.heartbeats[method.kind]?.lastTarget == target(4))
                    #expect(store.current.heartbeats[method.kind]?.lastFailure == nil)
                }
            }
        }

        @Test("Without a node, anchoring is over when every calendar has named its block, and nothing is called proven")
        func withoutNode() async throws {
            try await LabTimestamps.run { lab in
                let transport = try AnchorTransport(deadline: .seconds(120))
                let policy = try #require(CalendarPolicy(calendars: lab.calendars, needed: 2))
                let calendars = CalendarClient(policy: policy, transport: transport) { [UInt8](repeating: 9, count: 16) }
                let method = OpenTimestampsMethod(calendars: calendars, headers: nil)
                let pending = try await method.stamp(target(6), at: TestClock().now)
                #expect(pending.isOpen)
                try await lab.mine()
                let done = await method.redeem(pending)
                #expect(!done.isOpen)
                #expect(!done.state.isProven)
                // One calendar's block alone leaves the other's promise open.
                var half = try OpenTimestampsProof(parsing: done.proof)
                half.remove([try #require(half.attestations.last { if case .bitcoin = $0.attestation { true } else { false } })])
                #expect(half.tree.hasOpenPromise)
                await transport.close()
            }
        }

        @Test("The service runs on its clock and ends when it is cancelled")
        func runs() async throws {
            try await withMethods { _, methods in
                let (store, clock) = (MemoryAnchorStore(), TestClock())
                store.publish(target(1))
                let service = AnchorService(store: store, methods: methods, interval: hour, clock: clock.clock, logger: quiet)
                let running = Task { await service.run() }
                try await eventually("both are anchored") { store.current.anchors.count == 2 }
                await clock.someoneSleeps()
                running.cancel()
                await running.value
                #expect(Set(store.current.anchors.map(\.kind)) == [.openTimestamps, .timestampAuthority])
            }
        }
    }
}
