import Catalog
import Central
import Model
import Seal
import TestSupport
import Testing
import Wire

@Suite struct OrderTests {
    private func draft(_ box: Box, timeToLive: Duration = .seconds(900)) throws -> OrderDraft {
        OrderDraft(
            appliance: try #require(box.grant?.appliance), host: "front-desk", kind: .check, check: "linux.ssh.hardening",
            timeToLive: timeToLive, requester: "alice@msp.example", reason: "ticket 42")
    }

    private func report(
        _ state: OrderReport.State, _ order: OrderID, by box: Box, at central: CentralUnderTest, code: Code? = nil, evidence: Int64? = nil
    ) async throws -> Answer {
        let report = OrderReport(order: order, state: state, code: code, evidenceSequence: evidence)
        return try await central.send("POST", "/v1/orders/\(order)/state", to: .appliances, body: report.body, as: box.identity)
    }

    @Test("Delivered until acknowledged, then completed once; the appliance can authenticate it", arguments: TestEngine.allCases)
    func lifecycle(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let neighbour = try await enrolledBox(at: central, tenant)
            let first = try await central.services.orders.create(draft(box), in: tenant.scope)
            let second = try await central.services.orders.create(draft(box), in: tenant.scope)
            #expect((first.sequence, second.sequence) == (1, 2))

            let reply = try await box.checkin(at: central)
            let limits = JSONLimits(bytesMax: OrderAuthenticator.bytesMax)
            let opened = try reply.orders.map { text in
                try Order(
                    json: SignedEnvelope(parsing: text, limits: limits).open(
                        schema: Order.schema, keys: [central.services.keys.orders.verifyingKey], limits: limits
                    ).payload)
            }
            #expect(opened == [first, second])
            #expect(try await neighbour.checkin(at: central).orders.isEmpty)
            #expect(try await box.checkin(at: central).orders.count == 2)

            #expect(try await report(.acknowledged, first.id, by: neighbour, at: central).code == "not_found")
            for _ in 0..<2 { #expect(try await report(.acknowledged, first.id, by: box, at: central).status == 204) }
            #expect(try await box.checkin(at: central).orders.count == 1)
            for _ in 0..<2 { #expect(try await report(.completed, first.id, by: box, at: central, evidence: 7).status == 204) }
            #expect(try await report(.failed, first.id, by: box, at: central, code: "step.failed").code == "order.ended")
            #expect(try await report(.rejected, second.id, by: box, at: central, code: "order.replayed").status == 204)
            let listed = try await central.services.orders.list(appliance: nil, for: CentralUnderTest.person, limit: 10)
            #expect(listed.map(\.state) == ["rejected", "completed"])
            #expect(listed[1].evidenceSequence == 7)
            #expect(listed[1].check == "linux.ssh.hardening")
            #expect(listed[0].code == "order.replayed")
            #expect(try await box.checkin(at: central).orders.isEmpty)
        }
    }

    @Test("An order is not delivered at its end or after it, and its end is visible", arguments: TestEngine.allCases)
    func expires(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let order = try await central.services.orders.create(draft(box, timeToLive: .seconds(60)), in: tenant.scope)
            central.clock.advance(by: .milliseconds(59_999))
            #expect(try await box.checkin(at: central).orders.count == 1)
            central.clock.advance(by: .milliseconds(1))
            #expect(try await box.checkin(at: central).orders.isEmpty)
            let listed = try await central.services.orders.list(
                appliance: box.grant?.appliance, for: CentralUnderTest.person, limit: 10)
            #expect(listed.map(\.state) == ["expired"])
            // It had been taken in time, and the box was slow to say so.
            #expect(try await report(.completed, order.id, by: box, at: central, evidence: 0).status == 204)
        }
    }

    @Test("Too short, too long, without a reason, of another tenant: not issued, and no number is lost", arguments: TestEngine.allCases)
    func refusesDrafts(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let other = try await central.makeTenant("Other")
            let box = try await enrolledBox(at: central, tenant)
            var noReason = try draft(box)
            noReason.reason = ""
            var noRunbook = try draft(box)
            noRunbook.kind = .runbook
            for bad in [
                try draft(box, timeToLive: .seconds(59)), try draft(box, timeToLive: .seconds(7 * 86_400 + 1)), noReason, noRunbook,
            ] {
                let error = await #expect(throws: CentralError.self) { try await central.services.orders.create(bad, in: tenant.scope) }
                #expect(error?.code == "value.invalid")
            }
            let error = await #expect(throws: CentralError.self) { try await central.services.orders.create(draft(box), in: other.scope) }
            #expect(error?.code == "not_found")
            #expect(try await central.services.orders.create(draft(box), in: tenant.scope).sequence == 1)
        }
    }

    @Test("What no appliance would take is not issued: too large, too many parameters; and no number is lost")
    func refusesWhatIsTooLarge() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            func large(_ count: Int, _ bytes: Int) throws -> OrderDraft {
                var order = try draft(box)
                for number in 0..<count { order.parameters["p\(number)"] = .string(String(repeating: "x", count: bytes)) }
                return order
            }
            for (bad, code): (OrderDraft, Code) in [
                (try large(4, 60_000), "order.too_large"), (try large(65, 1), "order.field"), (try large(1, 65_537), "order.field"),
            ] {
                let error = await #expect(throws: CentralError.self) { try await central.services.orders.create(bad, in: tenant.scope) }
                #expect(error?.code == code && error?.status == 400)
            }
            #expect(try await central.services.orders.create(draft(box), in: tenant.scope).sequence == 1)
        }
    }

    @Test("More orders than one reply holds come with the next ones, in order, none twice", arguments: TestEngine.allCases)
    func pagesOrders(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            var large = try draft(box)
            for number in 0..<3 { large.parameters["p\(number)"] = .string(String(repeating: "x", count: 60_000)) }
            let made = 22
            for _ in 0..<made { _ = try await central.services.orders.create(large, in: tenant.scope) }
            var got: [String] = []
            let limits = JSONLimits(bytesMax: OrderAuthenticator.bytesMax)
            while got.count < made {
                let reply = try await box.checkin(at: central)
                try #require(!reply.orders.isEmpty)
                #expect(reply.body.count <= CheckinReply.bytesMax && reply.orders.count < made)
                got += reply.orders
                for text in reply.orders {
                    let order = try Order(
                        json: SignedEnvelope(parsing: text, limits: limits).open(
                            schema: Order.schema, keys: [central.services.keys.orders.verifyingKey], limits: limits
                        ).payload)
                    #expect(try await report(.acknowledged, order.id, by: box, at: central).status == 204)
                }
            }
            #expect(Set(got).count == made)
        }
    }

    @Test("Orders made at once get numbers without a gap", arguments: TestEngine.allCases)
    func numbersUnderConcurrency(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let sequences = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<8 { group.addTask { try await central.services.orders.create(draft(box), in: tenant.scope).sequence } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(sequences.sorted() == Array(1...8))
        }
    }

    @Test(
        "Catalog versions only grow, a published pack is handed out as it is, and one of another key is refused",
        arguments: TestEngine.allCases)
    func catalog(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let box = try await enrolledBox(at: central)
            func pack(_ version: Int64, by key: SigningKey) throws -> [UInt8] {
                let empty = CompiledCatalog(
                    version: version, digest: .genesis, checks: [:], rules: [], runbooks: [:], runbookDigests: [:], baselines: [:])
                return CatalogPack.sign(try CatalogPack.encode(empty, schema: CatalogSchema(probes: [:], verbs: [:])), with: key)
            }
            let catalogs = central.services.catalogs
            let signer = try #require(central.services.keys.catalogSigner)
            let third = try pack(3, by: signer)
            #expect(try await catalogs.publish(third, by: CentralUnderTest.person) == 3)
            for old in [Int64(2), 3] {
                let pack = try pack(old, by: signer)
                await #expect(throws: CentralError.catalogOld(old, newest: 3)) {
                    try await catalogs.publish(pack, by: CentralUnderTest.person)
                }
            }
            let listed = try await catalogs.published()
            #expect(listed.map(\.version) == [3] && listed.map(\.signer) == [signer.id])
            #expect(listed.map(\.by) == [CentralUnderTest.person.name])
            let foreign = try pack(4, by: SigningKey())
            let error = await #expect(throws: CentralError.self) { try await catalogs.publish(foreign, by: CentralUnderTest.person) }
            #expect(error?.code == "envelope.unknown_key")
            let fourth = try SignedEnvelope(parsing: try pack(4, by: signer), limits: CatalogPack.limits).payload
            let spaced = CatalogPack.sign(fourth + [0x0a], with: signer)
            let refusal = await #expect(throws: CentralError.self) { try await catalogs.publish(spaced, by: CentralUnderTest.person) }
            #expect(refusal?.code == "envelope.not_canonical")
            #expect(try await box.checkin(at: central).catalogVersion == 3)
            let answer = try await central.send("GET", "/v1/catalog/3", to: .appliances, as: box.identity)
            #expect(answer.body == third)
            #expect(answer.type == "application/octet-stream")
        }
    }
}
