import Compliance
import Database
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

@testable import Central

@Suite struct CentralStatementTests {
    @Test("A statement is signed, in the log, found by site and time, and there once", arguments: TestEngine.allCases)
    func states(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let statements = central.services.statements
            let now = central.clock.now
            let (early, late) = (now - .seconds(7_200), now - .seconds(3_600))
            func gap(_ from: Timestamp, _ until: Timestamp, _ note: String = "") throws -> GapStatement {
                try #require(
                    GapStatement(site: tenant.site, appliance: nil, from: from, until: until, cause: .silent, issued: now, note: note))
            }
            let first = try gap(early, late)
            let stored = try await statements.append(
                first.json, kind: .gap, about: .site(tenant.site, tenant.scope), during: first.from..<first.until)
            let second = try gap(late, now)
            let other = try await statements.append(
                second.json, kind: .gap, about: .site(tenant.site, tenant.scope), during: second.from..<second.until)
            #expect(other.logIndex == stored.logIndex + 1)
            // Said again it is the same.
            central.clock.advance(by: .seconds(60))
            let again = try await statements.append(
                first.json, kind: .gap, about: .site(tenant.site, tenant.scope), during: first.from..<first.until)
            #expect(again == stored)

            let keys = [central.services.keys.receipts.verifyingKey]
            #expect(try GapStatement(json: stored.payload(schema: GapStatement.schema, keys: keys)) == first)
            #expect(throws: EnvelopeError.self) { try stored.payload(schema: ExceptionStatement.schema, keys: keys) }
            #expect(throws: EnvelopeError.self) { try stored.payload(schema: GapStatement.schema, keys: [SigningKey().verifyingKey]) }

            try await central.process.integrateLog()
            let log = try central.services.log(central.configuration)
            let leaf = LogEntry(document: stored.digest, signer: keys[0]).leafHash
            let trust = LogTrust(logKeys: [try NoteVerifier(name: "localhost/log", key: central.services.keys.log.verifyingKey)])
            _ = try await log.proof(of: stored.logIndex).verify(leaf: leaf, trust: trust)

            func found(_ during: Range<Timestamp>?) async throws -> [Int64] {
                try await statements.list(of: tenant.site, in: tenant.scope, during: during).map(\.logIndex)
            }
            #expect(try await found(nil) == [stored.logIndex, other.logIndex])
            // A time that only touches is another one.
            #expect(try await found(early..<late) == [stored.logIndex])
            #expect(try await found(late..<now) == [other.logIndex])
            #expect(try await found((now + .milliseconds(1))..<(now + .seconds(1))) == [])
        }
    }

    @Test("A site sees its own, its organization's and everyone's, and nobody else's", arguments: TestEngine.allCases)
    func scopes(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let neighbour = try await central.makeTenant("Other Clinic")
            let branch = try await central.services.tenants.createSite("Branch", in: tenant.scope).id
            let statements = central.services.statements
            func state(_ word: String, _ subject: StatementSubject) async throws -> Int64 {
                try await statements.append(["schema": "test/v1", "word": .string(word)], kind: .drill, about: subject).logIndex
            }
            let everyone = try await state("everyone", .everyone)
            let ours = try await state("ours", .organization(tenant.scope))
            let theirs = try await state("theirs", .organization(neighbour.scope))
            let main = try await state("main", .site(tenant.site, tenant.scope))
            let other = try await state("branch", .site(branch, tenant.scope))
            await #expect(throws: CentralError.notFound("site")) { _ = try await state("stolen", .site(tenant.site, neighbour.scope)) }
            func seen(_ site: SiteID, _ scope: TenantScope) async throws -> [Int64] {
                try await statements.list(of: site, in: scope).map(\.logIndex)
            }
            #expect(try await seen(tenant.site, tenant.scope) == [everyone, ours, main])
            #expect(try await seen(branch, tenant.scope) == [everyone, ours, other])
            #expect(try await seen(neighbour.site, neighbour.scope) == [everyone, theirs])
            #expect(try await seen(tenant.site, neighbour.scope) == [everyone, theirs])
            // What was refused took no place in the log.
            #expect([everyone, ours, theirs, main, other] == Array(everyone..<everyone + 5))
        }
    }

    @Test("Statements and bundles share one order without gaps, however they race", arguments: TestEngine.allCases)
    func races(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let box = try await enrolledBox(at: central, tenant)
            let statements = central.services.statements
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var box = box
                    for _ in 0..<6 { _ = try await box.submit(box.makeBundles(3, at: central.clock.now), to: central) }
                }
                for writer in 0..<3 {
                    group.addTask {
                        for number in 0..<5 {
                            _ = try await statements.append(
                                ["schema": "test/v1", "word": .string("\(writer) \(number)")], kind: .drill, about: .everyone)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let bundles = try await central.services.evidence.page(of: tenant.site, in: tenant.scope, limit: 100).map(\.logIndex)
            let said = try await statements.list(of: tenant.site, in: tenant.scope).map(\.logIndex)
            #expect((bundles + said).sorted() == Array(0..<33))
        }
    }

    @Test("What has no schema, no canonical form or no end is not stated")
    func refuses() async throws {
        try await CentralUnderTest.run(.sqlite) { central in
            let tenant = try await central.makeTenant()
            for payload: JSONValue in [
                ["word": "none"], [], ["schema": "test/v1", "text": .string(String(repeating: "x", count: StoredStatement.bytesMax))],
            ] {
                await #expect(throws: CentralError.self) {
                    _ = try await central.services.statements.append(payload, kind: .drill, about: .everyone)
                }
            }
            #expect(try await central.services.statements.list(of: tenant.site, in: tenant.scope).isEmpty)
        }
    }

    @Test("An exception is dated, reasoned, approved by another, and ends when somebody ends it", arguments: TestEngine.allCases)
    func exceptions(engine: TestEngine) async throws {
        try await CentralUnderTest.run(engine) { central in
            let tenant = try await central.makeTenant()
            let register = central.services.exceptions
            let now = central.clock.now
            func draft(days: Int, _ reason: String = "x-ray is moved", _ approver: String = "bob") -> ExceptionRegister.Draft {
                ExceptionRegister.Draft(
                    host: "x-ray", until: now + .seconds(86_400 * days), reason: reason, requestedBy: "alice", approvedBy: approver)
            }
            for refused in [
                draft(days: 367), draft(days: 0), draft(days: 1, ""), draft(days: 1, "why", "alice"), draft(days: 1, "why", ""),
            ] {
                await #expect(throws: (any Error).self) { try await register.add(refused, site: tenant.site, in: tenant.scope) }
            }
            #expect(try await register.list(of: tenant.site, in: tenant.scope).isEmpty)
            let year = try await register.add(draft(days: 366), site: tenant.site, in: tenant.scope)
            let day = try await register.add(draft(days: 1), site: tenant.site, in: tenant.scope)
            #expect([year, day].map(\.statement.id) == ["EX-1", "EX-2"] && year.state(at: now) == "in force")

            central.clock.advance(by: .seconds(3_600))
            let ended = try await register.end("EX-1", site: tenant.site, reason: "moved", by: "carol", in: tenant.scope)
            #expect(ended.statement.until == central.clock.now && ended.state(at: central.clock.now) == "over")
            #expect(ended.statement.reason == "ended by carol: moved" && ended.statement.approvedBy == "bob")
            await #expect(throws: CentralError.self) {
                try await register.end("EX-1", site: tenant.site, reason: "again", by: "carol", in: tenant.scope)
            }
            await #expect(throws: CentralError.notFound("exception")) {
                try await register.end("EX-9", site: tenant.site, reason: "none", by: "carol", in: tenant.scope)
            }
            #expect(try await register.list(of: tenant.site, in: tenant.scope) == [ended, day])
            #expect(try await central.services.statements.list(of: tenant.site, in: tenant.scope).count == 3)
            // One that is ended before it began excepts nothing.
            var coming = draft(days: 9)
            coming.from = now + .seconds(86_400 * 8)
            let later = try await register.add(coming, site: tenant.site, in: tenant.scope)
            #expect(later.state(at: now) == "coming")
            let never = try await register.end("EX-3", site: tenant.site, reason: "no", by: "carol", in: tenant.scope)
            #expect(max(never.statement.from, never.statement.issued) == never.statement.until)
        }
    }
}
