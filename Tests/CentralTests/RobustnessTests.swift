import Central
import Model
import Seal
import TestSupport
import Testing
import Wire

@Suite struct RobustnessTests {
    @Test(
        "Garbage, truncated, deep and oversize bodies are refused with a code at every route; Central goes on",
        arguments: TestEngine.allCases)
    func badBodies(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let box = try await enrolledBox(at: central)
            let valid = try box.enrollment("0123456789AB").body
            let deep = [UInt8](repeating: UInt8(ascii: "["), count: 4_000)
            let bodies: [([UInt8], String)] = [
                ([], "wire.not_json"), (Array("garbage".utf8), "wire.not_json"), (Array(valid.dropLast()), "wire.not_json"),
                (deep, "wire.not_json"), ([0xff, 0xfe, 0x00], "wire.not_json"), (Array("{}".utf8), "wire.field"),
                (Array("[1]".utf8), "wire.field"), (Array(#"{"a":1,"a":2}"#.utf8), "wire.not_json"),
            ]
            let routes: [(String, CentralEndpoint.Listener)] = [
                ("/v1/enroll", .web), ("/v1/checkin", .appliances), ("/v1/evidence", .appliances), ("/v1/certificate", .appliances),
                ("/v1/orders/\(OrderID(at: central.clock.now))/state", .appliances),
            ]
            for (path, listener) in routes {
                for (body, code) in bodies {
                    let answer = try await central.send("POST", path, to: listener, body: body, as: listener == .web ? nil : box.identity)
                    #expect(answer.status == 400 && answer.code == code, "\(path) \(code) got \(answer.code ?? "nothing")")
                }
                let large = [UInt8](repeating: 32, count: 7 << 20)
                // Central may close before all is sent, which the client then reports in place of the answer.
                if let answer = try? await central.send("POST", path, to: listener, body: large, as: listener == .web ? nil : box.identity)
                {
                    #expect(answer.code == "body.too_large", "\(path)")
                }
            }
            _ = try await box.checkin(at: central)
        }
    }

    @Test("Unknown routes, wrong methods and the other listener's routes answer as problems")
    func unknownRoutes() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let box = try await enrolledBox(at: central)
            #expect(try await central.send("GET", "/nowhere", to: .web).code == "route.unknown")
            #expect(try await central.send("POST", "/v1/checkin", to: .web, body: []).code == "route.unknown")
            #expect(try await central.send("GET", "/v1/enroll", to: .web).status >= 404)
            #expect(try await central.send("POST", "/v1/enroll", to: .appliances, body: [], as: box.identity).code == "route.unknown")
            #expect(try await central.send("GET", "/v1/catalog/1", to: .appliances, as: box.identity).code == "not_found")
            #expect(try await central.send("GET", "/v1/catalog/x", to: .appliances, as: box.identity).code == "not_found")
            #expect(try await central.send("GET", "/healthz", to: .web).status == 200)
        }
    }
}
