import Foundation
import Model
import Objects
import Seal
import TestSupport
import Testing

@Suite struct RetentionDrillTests {
    let nonce: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]

    @Test func cephKeepsWhatMustBeKept() async throws {
        try await withStore(.s3) { made in
            let report = await RetentionDrill(made.store).run(at: made.clock.now, nonce: nonce)
            #expect(report.code == "drill.passed")
            #expect(report.isPassed)
            #expect(report.enforcement == .server)
            let outcomes = Dictionary(uniqueKeysWithValues: report.steps.map { ($0.name, $0.outcome) })
            #expect(outcomes[.write] == .done && outcomes[.readBack] == .done && outcomes[.readAgain] == .done)
            // With versions both are accepted, and neither changes what we read.
            #expect(outcomes[.overwrite] == .withoutEffect && outcomes[.hide] == .withoutEffect)
            for step in [DrillReport.Step.Name.earlyDelete, .shorten, .weaken] {
                guard case .refused = outcomes[step] else {
                    Issue.record("\(step): \(String(describing: outcomes[step]))")
                    continue
                }
            }
        }
    }

    @Test func theDirectoryRefusesByItselfAndTheReportSaysSo() async throws {
        try await withStore(.directory) { made in
            let report = await RetentionDrill(made.store).run(at: made.clock.now, nonce: nonce)
            #expect(report.code == "drill.passed")
            #expect(report.enforcement == .program)
            #expect(
                report.steps.map(\.outcome) == [
                    .done, .done, .refused("object.exists_different"), .refused("object.retained"), .notApplicable,
                    .refused("object.retained"), .notApplicable, .done, .done,
                ])
            #expect(report.json["enforcement"] == "program")
            #expect(report.json["passed"] == true)
            #expect(report.json["steps"]?.array?.count == 9)
            #expect(report.json["steps"]?.array?[2]["code"] == "object.exists_different")
        }
    }

    @Test func theNextDrillRemovesTheObjectOfTheLast() async throws {
        try await withStore(.directory) { made in
            let first = await RetentionDrill(made.store).run(at: made.clock.now, nonce: nonce)
            made.clock.advance(by: .seconds(86_400))
            let second = await RetentionDrill(made.store).run(at: made.clock.now, nonce: nonce)
            #expect(second.isPassed)
            let left = try await made.store.list(.all, after: nil, limit: 10)
            #expect(left.keys == [second.key])
            #expect(first.key != second.key)
        }
    }

    @Test("A store whose clock was moved lets the early deletion through, and the drill fails")
    func aMovedClockIsFound() async throws {
        try await withStore(.directory) { made in
            let now = made.clock.now
            made.clock.advance(by: .seconds(2 * 86_400))
            let report = await RetentionDrill(made.store).run(at: now, nonce: nonce)
            #expect(report.code == "drill.early_delete_took_effect")
            #expect(!report.isPassed)
            #expect(report.json["passed"] == false)
        }
    }

    @Test("Whatever the store lets through is named", arguments: LaxStore.Laxity.allCases)
    func everyForbiddenStepThatTookEffectFailsTheDrill(_ laxity: LaxStore.Laxity) async throws {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let store = LaxStore(
            store: try DirectoryObjectStore(path: directory.path, clock: clock.clock), root: directory.path, laxity: laxity)
        let report = await RetentionDrill(store).run(at: clock.now, nonce: nonce)
        #expect(report.code == "drill.\(laxity.rawValue)_took_effect")
        #expect(!report.isPassed)
    }

    @Test func whatCouldNotBeTriedIsNoPass() async throws {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let store = try DirectoryObjectStore(path: directory.path, clock: clock.clock)
        try FileManager.default.removeItem(atPath: directory.file("temporary"))
        let report = await RetentionDrill(store).run(at: clock.now, nonce: nonce)
        #expect(report.steps.map(\.outcome) == [.failed("object.disk")])
        #expect(report.code == "drill.incomplete")
        #expect(!report.isPassed)
    }
}

/// A directory whose owner does to the files what the program refuses: a store that keeps nothing.
struct LaxStore: ObjectStore {
    enum Laxity: String, CaseIterable, Sendable {
        case overwrite
        case earlyDelete = "early_delete"
        case hide, shorten, weaken
    }

    let store: DirectoryObjectStore
    let root: String
    let laxity: Laxity

    var enforcement: RetentionEnforcement { .program }

    func attempt(_ act: ForbiddenAct, on key: ObjectKey) async throws(ObjectError) -> ForbiddenActOutcome {
        let (object, note) = ("\(root)/objects/\(key)", "\(root)/notes/\(key)")
        do {
            switch (act, laxity) {
            case (.overwrite(let bytes), .overwrite):
                try FileManager.default.removeItem(atPath: object)
                try Data(bytes).write(to: URL(fileURLWithPath: object))
            case (.delete, .earlyDelete):
                try FileManager.default.removeItem(atPath: note)
                try FileManager.default.removeItem(atPath: object)
            case (.hide, .hide):
                try FileManager.default.moveItem(atPath: note, toPath: note + ".hidden")
            case (.shorten, .shorten), (.weaken, .weaken):
                let text = try String(contentsOfFile: note, encoding: .utf8)
                try FileManager.default.removeItem(atPath: note)
                try text.replacing(/"retainUntil":"[^"]*",/, with: "").write(toFile: note, atomically: true, encoding: .utf8)
            default: return try await store.attempt(act, on: key)
            }
            return .accepted
        } catch let error as ObjectError {
            throw error
        } catch {
            throw .disk(object, call: "test", 0)
        }
    }

    func create(_ key: ObjectKey, _ bytes: [UInt8], retention: Retention) async throws(ObjectError) -> CreateOutcome {
        try await store.create(key, bytes, retention: retention)
    }
    func create(_ objects: [NewObject]) async throws(ObjectError) { try await store.create(objects) }
    func read(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] { try await store.read(key, bytesMax: bytesMax) }
    func record(of key: ObjectKey) async throws(ObjectError) -> ObjectRecord? { try await store.record(of: key) }
    func list(_ prefix: ObjectPrefix, after: ObjectKey?, limit: Int) async throws(ObjectError) -> ObjectPage {
        try await store.list(prefix, after: after, limit: limit)
    }
    func delete(_ key: ObjectKey) async throws(ObjectError) { try await store.delete(key) }
    func setLegalHold(_ key: ObjectKey, _ isHeld: Bool) async throws(ObjectError) { try await store.setLegalHold(key, isHeld) }
    func extendRetention(_ key: ObjectKey, to retention: Retention) async throws(ObjectError) {
        try await store.extendRetention(key, to: retention)
    }
    func putMutable(_ key: ObjectKey, _ bytes: [UInt8]) async throws(ObjectError) { try await store.putMutable(key, bytes) }
    func readMutable(_ key: ObjectKey, bytesMax: Int) async throws(ObjectError) -> [UInt8] {
        try await store.readMutable(key, bytesMax: bytesMax)
    }
}
