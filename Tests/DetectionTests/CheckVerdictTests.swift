import Catalog
import Hosts
import Model
import Testing

@testable import Detection

/// One look that was recorded, changed as told, judged by the shipped check.
struct Look: CustomTestStringConvertible, Sendable {
    let check: CheckID
    let system: String
    let changes: [(String, String)]
    let parameters: [String: TypedValue]
    let verdict: Verdict

    init(
        _ check: CheckID, _ system: String, changing changes: [(String, String)] = [], with parameters: [String: TypedValue] = [:],
        _ verdict: Verdict
    ) {
        self.check = check
        self.system = system
        self.changes = changes
        self.parameters = parameters
        self.verdict = verdict
    }

    var testDescription: String { "\(check) on \(system) \(changes.map(\.1)) is \(verdict.word) \(verdict.code.map { "\($0)" } ?? "")" }

    static let now = Timestamp("2026-11-21T03:40:00.000Z")!

    func recording(_ definition: CheckDefinition) throws -> Recording { try Recording(system, definition.probe).replacing(changes) }

    func judge(_ results: [Result<CommandResult, HostError>], _ definition: CheckDefinition) -> (verdict: Verdict, facts: Facts) {
        let values = ShippedCatalog.parameters(definition, parameters)
        do throws(ProbeError) {
            let facts = try ProbeRegistry.byID[definition.probe]!.parse(results, values, at: Self.now)
            return (definition.judge(facts, parameters: values, at: Self.now), facts)
        } catch {
            return (.unknown(error.code), Facts())
        }
    }
}

@Suite struct CheckVerdictTests {
    @Test(arguments: Look.all) func aRecordedLookIsJudged(look: Look) throws {
        let check = try ShippedCatalog.check(look.check)
        let judged = look.judge(try look.recording(check).results, check)
        #expect(judged.verdict == look.verdict, "\(judged.facts)")
    }

    @Test func everyShippedCheckHasACompliantADriftingAndAnUnknownLook() {
        for check in ShippedCatalog.checks.keys.sorted() {
            let words = Set(Look.all.filter { $0.check == check }.map(\.verdict.word))
            #expect(words.isSuperset(of: ["compliant", "drift"]), "\(check) has only \(words)")
        }
        #expect(ShippedCatalog.checks.count >= 22)
    }

    /// Whatever single command fails, is cut off or says nonsense: compliance stays only where nothing that the check names has changed.
    @Test(arguments: Look.all.filter { $0.verdict == .compliant }) func nothingBrokenIsCompliant(look: Look) throws {
        let check = try ShippedCatalog.check(look.check)
        let good = try look.recording(check).results
        let facts = look.judge(good, check).facts
        func expectNoPass(_ results: [Result<CommandResult, HostError>], _ what: String) {
            let judged = look.judge(results, check)
            guard judged.verdict == .compliant else { return }
            for name in check.facts where judged.facts[name] != facts[name] || judged.facts.unknowns[name] != nil {
                Issue.record("\(look.testDescription): \(what) still passes, with \(name) \(String(describing: judged.facts[name]))")
            }
        }
        let failures: [HostError] = [
            .timedOut, .connectionLost, .outputLimit(bytes: 1), .notPermitted("x"), .unreachable("x"), .commandMissing("x"),
        ]
        for failure in failures {
            expectNoPass(Array(repeating: .failure(failure), count: good.count), "all \(failure)")
            guard case .unknown = look.judge(Array(repeating: .failure(failure), count: good.count), check).verdict else {
                if failure == .commandMissing("x") { continue }
                Issue.record("\(look.testDescription): a host that cannot be asked is not unknown after \(failure)")
                continue
            }
        }
        for index in good.indices {
            guard case .success(let result) = good[index] else { continue }
            for failure in failures.dropLast() {
                var broken = good
                broken[index] = .failure(failure)
                expectNoPass(broken, "command \(index) \(failure)")
            }
            let refusal = Array("cannot open: Permission denied\n".utf8)
            let spoiled = [
                ("refused", CommandResult(exitStatus: 1, output: [], errorOutput: refusal)),
                ("killed", CommandResult(exitStatus: 137, output: result.output, errorOutput: [])),
                ("nonsense", CommandResult(exitStatus: result.exitStatus, output: Array("\u{FFFD}\u{0} ünsinn".utf8), errorOutput: [])),
                ("cut", CommandResult(exitStatus: result.exitStatus, output: result.output.dropLast(), errorOutput: result.errorOutput)),
                (
                    "half",
                    CommandResult(
                        exitStatus: result.exitStatus, output: Array(result.output.prefix(result.output.count / 2)), errorOutput: [])
                ),
            ]
            for (what, spoiled) in spoiled {
                // Half of a list that ends with a line is a shorter list; only its cut line can be seen.
                if what == "half", spoiled.output.last == 10 { continue }
                if what == "killed", result.exitStatus != 0 { continue }
                var broken = good
                broken[index] = .success(spoiled)
                expectNoPass(broken, "command \(index) \(what)")
            }
        }
    }
}
