package import Model
package import Seal

/// Tries against a store what must not succeed, on an object of its own, and reads back what is left.
///
/// The object is kept for a day; the next drill removes it. A drill shows what these credentials cannot do, at this time, through this
/// store: of one that this program enforces (`RetentionEnforcement.program`) it shows the program, not the disk.
package struct RetentionDrill: Sendable {
    private let store: any ObjectStore
    /// Under which the drills' objects stand.
    private let folder: ObjectPrefix
    private static let sweptMax = 100

    package init(_ store: any ObjectStore, folder: ObjectPrefix = ObjectPrefix("drill/")!) {
        self.store = store
        self.folder = folder
    }

    /// Never throws: what could not be tried is a step with its code, and the drill did not pass.
    /// - Parameter nonce: makes key and content of this drill; 8 to 32 random bytes.
    package func run(at now: Timestamp, nonce: [UInt8]) async -> DrillReport {
        guard let key = ObjectKey("\(folder)\(now.milliseconds)-\(nonce.hexadecimal)") else {
            preconditionFailure("folder or nonce too long")
        }
        let content = Array("retention drill \(nonce.hexadecimal) at \(now)\n".utf8)
        let retention = Retention.days(1, from: now)
        var report = DrillReport(key: key, started: now, enforcement: store.enforcement, digest: Digest(of: content), retention: retention)

        await report.take(.write) { () throws(ObjectError) in
            guard try await store.create(key, content, retention: retention) == .created else { throw .existsDifferent(key) }
            return .done
        }
        // Without an object there is nothing to try anything on.
        guard report.steps.last?.outcome == .done else { return report }
        await report.take(.readBack) { () throws(ObjectError) in try await look(key, content, retention) }

        let acts: [(DrillReport.Step.Name, ForbiddenAct)] = [
            (.overwrite, .overwrite(Array("overwritten\n".utf8))), (.earlyDelete, .delete), (.hide, .hide),
            (.shorten, .shorten(now + .seconds(3_600))), (.weaken, .weaken),
        ]
        for (name, act) in acts {
            await report.take(name) { () throws(ObjectError) in
                let answer = try await store.attempt(act, on: key)
                // What counts is not the answer but what is there afterwards.
                let left = try await look(key, content, retention)
                guard left == .done else { return .tookEffect }
                return switch answer {
                case .refused(let code): .refused(code)
                case .accepted: .withoutEffect
                case .notApplicable: .notApplicable
                }
            }
        }
        await report.take(.readAgain) { () throws(ObjectError) in try await look(key, content, retention) }
        await report.take(.sweep) { () throws(ObjectError) in try await sweep(before: key) }
        return report
    }

    private func look(_ key: ObjectKey, _ content: [UInt8], _ retention: Retention) async throws(ObjectError) -> DrillReport.Outcome {
        do throws(ObjectError) {
            guard try await store.read(key, bytesMax: content.count) == content else { return .tookEffect }
            try await store.verifyRetention(key, retention)
            return .done
        } catch {
            switch error {
            case .missing, .corrupt, .tooLarge, .retentionNotApplied: return .tookEffect
            default: throw error
            }
        }
    }

    /// Removes the objects of earlier drills whose day is over.
    private func sweep(before key: ObjectKey) async throws(ObjectError) -> DrillReport.Outcome {
        for old in try await store.list(folder, after: nil, limit: Self.sweptMax).keys where old != key {
            do throws(ObjectError) {
                try await store.delete(old)
            } catch {
                switch error {
                case .retained, .held: continue
                default: throw error
                }
            }
        }
        return .done
    }
}

/// What a drill found: each step with its outcome, for a statement.
package struct DrillReport: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// A step that must succeed did.
        case done
        /// The store said no, with this code.
        case refused(String)
        /// The store took the request, and what was kept is as it was.
        case withoutEffect
        /// What must be kept is changed or gone.
        case tookEffect
        /// The store has no such request.
        case notApplicable
        /// Could not be tried or looked at: the error's code.
        case failed(String)

        var text: String {
            switch self {
            case .done: "done"
            case .refused: "refused"
            case .withoutEffect: "without_effect"
            case .tookEffect: "took_effect"
            case .notApplicable: "not_applicable"
            case .failed: "failed"
            }
        }

        /// Of the store where it refused, of ours where the step failed.
        var storeCode: String? {
            switch self {
            case .refused(let code), .failed(let code): code
            default: nil
            }
        }
    }

    package struct Step: Hashable, Sendable {
        package enum Name: String, Sendable {
            case write
            case readBack = "read_back"
            case overwrite
            case earlyDelete = "early_delete"
            case hide
            case shorten
            case weaken
            case readAgain = "read_again"
            case sweep
        }

        package let name: Name
        package let outcome: Outcome

        /// Only the sweep may fail: it is housekeeping, and says nothing about what is kept.
        package var isPassed: Bool {
            switch (name, outcome) {
            case (_, .tookEffect): false
            case (.sweep, _): true
            case (_, .failed): false
            default: true
            }
        }
    }

    package let key: ObjectKey
    package let started: Timestamp
    package let enforcement: RetentionEnforcement
    /// Of the content that was written.
    package let digest: Digest
    package let retention: Retention
    package private(set) var steps: [Step] = []

    init(key: ObjectKey, started: Timestamp, enforcement: RetentionEnforcement, digest: Digest, retention: Retention) {
        self.key = key
        self.started = started
        self.enforcement = enforcement
        self.digest = digest
        self.retention = retention
    }

    mutating func take(_ name: Step.Name, _ body: () async throws(ObjectError) -> Outcome) async {
        do throws(ObjectError) {
            steps.append(Step(name: name, outcome: try await body()))
        } catch {
            steps.append(Step(name: name, outcome: .failed(error.code)))
        }
    }

    /// Every step was taken and none let anything through.
    package var isPassed: Bool { steps.last?.name == .sweep && steps.allSatisfy(\.isPassed) }

    /// `drill.passed`; `drill.<step>_took_effect` where the store let something through; `drill.incomplete` where something could
    /// not be tried or looked at, which shows nothing.
    package var code: String {
        if let step = steps.first(where: { $0.outcome == .tookEffect }) { return "drill.\(step.name.rawValue)_took_effect" }
        return isPassed ? "drill.passed" : "drill.incomplete"
    }

    /// For a signed statement.
    package var json: JSONValue {
        var members: [String: JSONValue] = [
            "schema": "martlet.drill/v1", "key": .string(key.description), "started": .string(started.description),
            "enforcement": .string(enforcement.rawValue), "sha256": .string(digest.description), "code": .string(code),
            "passed": .boolean(isPassed),
            "steps": .array(
                steps.map { step in
                    var members: [String: JSONValue] = ["step": .string(step.name.rawValue), "outcome": .string(step.outcome.text)]
                    if let code = step.outcome.storeCode { members["code"] = .string(code) }
                    return .object(members)
                }),
        ]
        if case .until(let end) = retention { members["retainUntil"] = .string(end.description) }
        return .object(members)
    }
}
