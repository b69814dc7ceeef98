import Central
import Foundation
import Model
import NIOCore
import TestSupport
import Testing

/// Whoever takes his time, or more connections than one, is cut off; everybody else is served meanwhile.
@Suite struct ListenerTests {
    private static let endless = String(repeating: "x", count: 2_000)

    /// Long enough for an honest handshake and answer beside all other tests.
    private func limits(_ limits: inout ListenerLimits) {
        limits.head = .seconds(4)
        limits.request = .seconds(6)
    }

    @Test("Trickled heads, bodies and handshakes are cut off at their deadline on both listeners; others are served")
    func slowLoris() async throws {
        try await CentralUnderTest.run(.sqlite, change: { limits(&$0.listenerLimits) }) { central in
            let box = try await enrolledBox(at: central)
            let authority = central.endpoint.authority
            let head = "POST /v1/checkin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000\r\n\r\n"
            try await withThrowingTaskGroup(of: (String, Duration).self) { group in
                for (port, identity) in [(central.webPort, nil), (central.appliancePort, box.identity)] {
                    for (text, trickle) in [("GET /healthz HTTP/1.1\r\nX-Slow: ", Self.endless), (head, Self.endless), ("", "")] {
                        group.addTask {
                            try await RawConnection(port: port, authority: authority, as: identity).talk(text, trickle: trickle)
                        }
                    }
                    // Never says a word of TLS, or not even that quickly.
                    group.addTask { try await RawConnection(port: port, authority: nil).talk("") }
                    group.addTask { try await RawConnection(port: port, authority: nil).talk("\u{16}\u{3}\u{1}", trickle: "\u{1}") }
                }
                _ = try await box.checkin(at: central)
                #expect(try await central.send("GET", "/healthz", to: .web).status == 200)
                for try await (reply, lived) in group {
                    #expect(lived >= .milliseconds(3_900) && lived < .seconds(25), "\(lived)")
                    // A body whose route does not exist is answered before it has come; it is cut all the same.
                    #expect(reply.isEmpty || reply.hasPrefix("HTTP/1.1 404"), "\(reply)")
                }
            }
            _ = try await box.checkin(at: central)
        }
    }

    @Test("A connection that is kept serves requests one after the other, and is let go of when none comes")
    func keptAlive() async throws {
        try await CentralUnderTest.run(.sqlite, change: { $0.listenerLimits.idle = .seconds(3) }) { central in
            let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let talk = try await RawConnection(port: central.webPort, authority: central.endpoint.authority).talk(get + get)
            #expect(talk.reply.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            #expect(talk.lived >= .milliseconds(2_900) && talk.lived < .seconds(15))
        }
    }

    @Test(
        "One more connection than the limit is closed at once, on that listener alone; when one goes there is room",
        arguments: [true, false])
    func tooMany(perAddress: Bool) async throws {
        try await CentralUnderTest.run(
            .sqlite,
            change: { configuration in
                // They shall be held until the test lets go of them.
                configuration.listenerLimits.head = .seconds(300)
                configuration.listenerLimits.idle = .seconds(300)
                if perAddress { configuration.listenerLimits.connectionsPerAddressMax = 3 }
                if !perAddress { configuration.listenerLimits.connectionsMax = 3 }
            }
        ) { central in
            let box = try await enrolledBox(at: central)
            let authority = central.endpoint.authority
            // Nothing below throws: a connection that is forgotten without being closed ends the whole process.
            var held: [RawConnection] = []
            // Asks once; an HTTP client would try again by itself until there is room.
            func answers() async -> Bool {
                let get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                let talk = try? await RawConnection(port: central.webPort, authority: authority).talk(get)
                return talk?.reply.hasPrefix("HTTP/1.1 200") == true
            }
            func hold() async {
                if let connection = try? await RawConnection(port: central.webPort, authority: authority) { held.append(connection) }
            }
            for _ in 0..<3 { await hold() }
            #expect(held.count == 3)
            var refused = false
            for _ in 0..<200 where !refused {
                refused = await !answers()
                // One of the three was refused, then, for a connection of the enrolment that was not gone yet.
                if !refused { await hold() }
            }
            #expect(refused && held.count <= 5, "\(held.count)")
            // The connections of the enrolment may not be gone yet; they count at the appliances' listener too.
            var isHeard = false
            for _ in 0..<200 where !isHeard { isHeard = (try? await box.checkin(at: central)) != nil }
            #expect(isHeard)
            await held.popLast()?.close()
            var isServed = false
            for _ in 0..<200 where !isServed { isServed = await answers() }
            #expect(isServed)
            for connection in held { await connection.close() }
        }
    }
}
