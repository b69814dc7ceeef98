import Appliance
import Glibc
import Model
import ServiceLifecycle
import TestSupport
import Testing

@Suite struct RunningTests {
    @Test("A wake that came before the wait is not lost, and many count as one")
    func remembersRing() async {
        let wake = Wake()
        wake.ring()
        wake.ring()
        await wake.wait()
        let second = Task { await wake.wait() }
        second.cancel()
        await second.value
    }

    @Test("Back-off doubles up to its cap, with jitter of at most a half, and starts anew after a success")
    func backsOff() {
        var random = SystemRandomNumberGenerator()
        var backoff = Backoff(first: .seconds(2), cap: .seconds(60))
        for step in [2, 4, 8, 16, 32, 60, 60, 60] as [Int64] {
            let pause = backoff.failed(&random)
            #expect(pause >= .milliseconds(step * 500) && pause <= .seconds(step))
        }
        backoff.succeeded()
        #expect(backoff.failed(&random) <= .seconds(2))
    }

    @Test("A service is overdue after two intervals, not before, and not because the clock was set")
    func noticesSilence() {
        let clock = TestClock()
        let beats = Heartbeats(clock: clock.clock)
        beats.beat("poll", within: .seconds(60))
        clock.advance(by: .seconds(120))
        #expect(beats.overdue(at: clock.now).isEmpty)
        clock.advance(by: .milliseconds(1))
        #expect(beats.overdue(at: clock.now).map(\.service) == ["poll"])
        beats.forgive(.seconds(3_600))
        #expect(beats.overdue(at: clock.now).isEmpty)
        beats.ended("poll")
        clock.advance(by: .seconds(86_400))
        #expect(beats.overdue(at: clock.now).isEmpty)
    }

    @Test("A periodic service turns, rests, is woken early, and stops at once in the middle of a turn")
    func turnsAndStops() async throws {
        let clock = TestClock()
        let (wake, turns, rests) = (Wake(), Shared(0), Shared(0))
        let (reached, continuation) = AsyncStream.makeStream(of: Int.self)
        let service = PeriodicService(
            "test", interval: .seconds(60), wake: wake, clock: clock.clock, heartbeats: Heartbeats(clock: clock.clock),
            atRest: { rests.withLock { $0 += 1 } }
        ) {
            let turn = turns.withLock { turns in
                turns += 1
                return turns
            }
            continuation.yield(turn)
            if turn == 3 { try? await Task.sleep(for: .seconds(600)) }
            return .seconds(60)
        }
        let running = Task { try await service.run() }
        var iterator = reached.makeAsyncIterator()
        #expect(await iterator.next() == 1)
        wake.ring()
        #expect(await iterator.next() == 2)
        wake.ring()
        #expect(await iterator.next() == 3)
        running.cancel()
        try await running.value
        #expect(rests.withLock { $0 } == 2, "before each rest, and not after a turn that was cut short")
    }

    @Test("Memory that is given back leaves a program that runs on, with what the linker wrote into it")
    func releasesMemory() {
        let before = DurableStep.allCases.map(\.rawValue)
        for _ in 0..<3 { ResidentMemory.release() }
        #expect(DurableStep.allCases.map(\.rawValue) == before)
        #expect(DurableStep(rawValue: "pruneAfterDelete") == .pruneAfterDelete)
    }

    @Test("systemd is told on its socket, also on an abstract one, and its absence harms nobody", arguments: [true, false])
    func notifies(isAbstract: Bool) throws {
        let temporary = try TemporaryDirectory()
        let path = isAbstract ? "@\(temporary.path)" : temporary.file("notify")
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        if isAbstract { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        #expect(isBound == 0)
        ServiceManager(socketPath: path, watchdogMicroseconds: nil).send(.ready)
        var received = [UInt8](repeating: 0, count: 100)
        let count = recv(descriptor, &received, received.count, Int32(MSG_DONTWAIT))
        #expect(String(decoding: received.prefix(max(0, count)), as: UTF8.self) == "READY=1")
        ServiceManager(socketPath: temporary.file("absent"), watchdogMicroseconds: nil).send(.watchdog)
    }

    @Test(
        "The watchdog's interval is taken only if it is one",
        arguments: [("30000000", 30), ("0", nil), ("x", nil), ("-5", nil)] as [(String, Int64?)])
    func readsWatchdog(text: String, seconds: Int64?) {
        #expect(ServiceManager(socketPath: nil, watchdogMicroseconds: text).watchdogInterval == seconds.map { .seconds($0) })
    }
}
