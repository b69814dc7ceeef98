import Dispatch
import Glibc
package import Model

/// Asks time servers (RFC 5905, client mode, one packet each way). Sockets are connected, bound to a port of the
/// kernel's choice, and open only while a question is out.
package struct SNTPClient: Sendable {
    package struct Server: Hashable, Sendable {
        package let host: String
        package let port: UInt16

        package init(host: String, port: UInt16 = 123) {
            self.host = host
            self.port = port
        }
    }

    private let clock: WallClock

    package init(clock: WallClock) { self.clock = clock }

    /// - Returns: local minus server in milliseconds, one for each server that gave a usable answer before the deadline.
    package func offsets(_ servers: [Server], deadline: Duration = .seconds(2)) async -> [Int64] {
        let now = clock.now
        return await withCheckedContinuation { continuation in
            // getaddrinfo and poll block, so not on a thread of the concurrency pool.
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(returning: Self.ask(servers, milliseconds: Int32(clamping: deadline.wholeMilliseconds), now: now))
            }
        }
    }

    private struct Question {
        let descriptor: Int32
        /// Sent as our transmit time and expected back as the originate time: random, so that nobody off the path can answer.
        let cookie: [UInt8]
        let sent: Timestamp
    }

    private static func ask(_ servers: [Server], milliseconds: Int32, now: () -> Timestamp) -> [Int64] {
        var open = servers.compactMap { question($0, now: now) }
        defer { for question in open { close(question.descriptor) } }
        var offsets: [Int64] = []
        let end = monotonicMilliseconds() + Int64(milliseconds)
        while !open.isEmpty {
            let left = end - monotonicMilliseconds()
            guard left > 0 else { break }
            var polled = open.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            guard poll(&polled, nfds_t(polled.count), Int32(clamping: left)) > 0 else { break }
            for (index, entry) in polled.enumerated().reversed() where entry.revents != 0 {
                let question = open.remove(at: index)
                var packet = [UInt8](repeating: 0, count: 68)
                let count = recv(question.descriptor, &packet, packet.count, Int32(MSG_DONTWAIT))
                let received = now()
                close(question.descriptor)
                if count >= 48, let offset = offset(packet, cookie: question.cookie, sent: question.sent, received: received) {
                    offsets.append(offset)
                }
            }
        }
        return offsets
    }

    private static func question(_ server: Server, now: () -> Timestamp) -> Question? {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        hints.ai_family = AF_UNSPEC
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(server.host, String(server.port), &hints, &found) == 0, let first = found else { return nil }
        defer { freeaddrinfo(found) }
        let descriptor = socket(first.pointee.ai_family, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var random = SystemRandomNumberGenerator()
        let cookie = withUnsafeBytes(of: random.next() as UInt64) { Array($0) }
        // Leap indicator 0, version 4, mode 3; everything else zero but the transmit time.
        let packet = [0x23] + [UInt8](repeating: 0, count: 39) + cookie
        let sent = now()
        guard connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0,
            send(descriptor, packet, packet.count, Int32(MSG_NOSIGNAL)) == packet.count
        else {
            close(descriptor)
            return nil
        }
        return Question(descriptor: descriptor, cookie: cookie, sent: sent)
    }

    /// RFC 5905 section 8, as local minus server. nil for an answer that is not one: wrong mode, somebody else's cookie, a
    /// server that says it is not synchronised (leap indicator 3, stratum 0 or over 15).
    package static func offset(_ packet: [UInt8], cookie: [UInt8], sent: Timestamp, received: Timestamp) -> Int64? {
        guard packet.count >= 48, packet[0] & 7 == 4, packet[0] >> 6 != 3, (1...15).contains(packet[1]),
            Array(packet[24..<32]) == cookie, let arrived = instant(packet[32..<40]), let answered = instant(packet[40..<48])
        else { return nil }
        let there = (arrived.milliseconds - sent.milliseconds) + (answered.milliseconds - received.milliseconds)
        return -there / 2
    }

    /// Seconds since 1900 and a binary fraction. Era 1 begins in 2036: values below 2^31 belong to it.
    private static func instant(_ bytes: ArraySlice<UInt8>) -> Timestamp? {
        let value = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard value != 0 else { return nil }
        let seconds = Int64(value >> 32) + (value >> 63 == 0 ? 1 << 32 : 0) - 2_208_988_800
        let fraction = Int64(((value & 0xffff_ffff) * 1_000 + 0x8000_0000) >> 32)
        return Timestamp(milliseconds: seconds * 1_000 + fraction)
    }

    private static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
