import Appliance
import Dispatch
import Glibc
import Model
import TestSupport
import Testing

@Suite struct SNTPClientTests {
    let clock = TestClock(at: Timestamp("2026-11-21T02:33:00.000Z")!)

    /// A server on loopback that answers `count` packets as `reply` says.
    private func server(_ reply: @escaping @Sendable ([UInt8]) -> [UInt8]) -> (SNTPClient.Server, stop: () -> Void) {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        Thread.detached {
            while true {
                var packet = [UInt8](repeating: 0, count: 100)
                var from = sockaddr()
                var size = socklen_t(MemoryLayout<sockaddr>.size)
                let count = recvfrom(descriptor, &packet, packet.count, 0, &from, &size)
                guard count > 1 else { break }
                let answer = reply(Array(packet[..<count]))
                _ = sendto(descriptor, answer, answer.count, 0, &from, size)
            }
            close(descriptor)
        }
        return (SNTPClient.Server(host: "127.0.0.1", port: port), { _ = shutdown(descriptor, Int32(SHUT_RDWR)) })
    }

    private static func answer(_ question: [UInt8], serverAt instant: Timestamp, mode: UInt8 = 4, stratum: UInt8 = 2, leap: UInt8 = 0)
        -> [UInt8]
    {
        let seconds = UInt64(instant.milliseconds / 1_000 + 2_208_988_800)
        let fraction = UInt64(instant.milliseconds % 1_000) << 32 / 1_000
        let time = (0..<8).map { UInt8(truncatingIfNeeded: ((seconds << 32) | fraction) >> UInt64(56 - 8 * $0)) }
        var packet = [leap << 6 | 4 << 3 | mode, stratum] + [UInt8](repeating: 0, count: 22)
        packet += question[40..<48]
        return packet + time + time
    }

    @Test("Ahead of the server is positive, behind is negative", arguments: [Int64(0), 7_200, -12_345])
    func measuresOffset(ahead: Int64) async {
        let now = clock.now
        let (address, stop) = server { Self.answer($0, serverAt: now - .milliseconds(ahead)) }
        defer { stop() }
        let offsets = await SNTPClient(clock: clock.clock).offsets([address])
        #expect(offsets.count == 1)
        #expect(abs((offsets.first ?? .max) - ahead) <= 1)
    }

    @Test("A server that is unsynchronised, forged, short or of another mode is not believed", arguments: 0..<5)
    func refusesBadAnswers(kind: Int) async {
        let now = clock.now
        let (address, stop) = server { question in
            switch kind {
            case 0: Self.answer(question, serverAt: now, leap: 3)
            case 1: Self.answer(question, serverAt: now, stratum: 0)
            case 2: Self.answer([UInt8](repeating: 7, count: 48), serverAt: now)
            case 3: Self.answer(question, serverAt: now, mode: 3)
            default: Array(Self.answer(question, serverAt: now)[..<40])
            }
        }
        defer { stop() }
        #expect(await SNTPClient(clock: clock.clock).offsets([address], deadline: .milliseconds(300)).isEmpty)
    }

    @Test("Silence, a closed port and an unknown name cost the deadline and no more")
    func survivesSilence() async {
        let client = SNTPClient(clock: clock.clock)
        #expect(await client.offsets([.init(host: "127.0.0.1", port: 9)], deadline: .milliseconds(200)).isEmpty)
        #expect(await client.offsets([], deadline: .milliseconds(200)).isEmpty)
    }

    @Test("The median of the sources counts, a single liar does not")
    func takesMedian() {
        let state = ClockState()
        state.heard(servers: [20, 9_000_000, 10], at: clock.now)
        #expect(state.reading(at: clock.now) == ClockReading(offsetMilliseconds: 20, source: "ntp:3 sources"))
        state.heard(servers: [10, 20], at: clock.now)
        #expect(state.reading(at: clock.now).offsetMilliseconds == 15)
    }

    @Test("Servers are believed before Central, Central before nobody, and an old word not at all")
    func prefersServers() {
        let state = ClockState()
        #expect(state.reading(at: clock.now) == .unknown)
        state.heard(central: clock.now - .milliseconds(50), sent: clock.now - .milliseconds(20), answered: clock.now)
        #expect(state.reading(at: clock.now) == ClockReading(offsetMilliseconds: 40, source: "central"))
        state.heard(servers: [1], at: clock.now)
        #expect(state.reading(at: clock.now).source == "ntp:1 source")
        #expect(state.reading(at: clock.now + .seconds(3_600)).source == "ntp:1 source")
        #expect(state.reading(at: clock.now + .seconds(3_601)) == .unknown)
    }
}

private enum Thread {
    static func detached(_ body: @escaping @Sendable () -> Void) { DispatchQueue(label: "time server").async(execute: body) }
}
