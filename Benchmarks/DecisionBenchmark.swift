import Catalog
import Healing
import Model
import Seal

/// L1 decisions at 50 and at 10,000 rules, one core.
enum DecisionBenchmark {
    static func run() throws -> [Line] {
        let small = L1Index(Samples.rules(50))
        let large = L1Index(Samples.rules(10_000))
        let rounds = 200
        let operations = rounds * Samples.incidents.count
        var decided = 0

        func decideAll(_ index: L1Index) {
            let platforms = index.platforms(["linux", "debian"])
            for _ in 0..<rounds {
                for incident in Samples.incidents {
                    if case .run = index.decide(incident, on: platforms, facts: incident.facts, parameters: [:], at: Samples.now) {
                        decided += 1
                    }
                }
            }
        }
        let texts = try Samples.incidents.map { try $0.json.canonicalBytes() }
        let memory = JSONMemory()
        func decideAllTexts() throws {
            let platforms = large.platforms(["linux", "debian"])
            for _ in 0..<rounds {
                for text in texts {
                    if case .run = try large.decide(json: text, on: platforms, parameters: [:], at: Samples.now, memory: memory) {
                        decided += 1
                    }
                }
            }
        }
        let figures = try measure([
            Measurement("50 rules", operations: operations) { decideAll(small) },
            Measurement("10,000 rules", operations: operations) { decideAll(large) },
            Measurement("compile 10,000", operations: 1) { _ = L1Index(Samples.rules(10_000)) },
            Measurement("10,000 rules from JSON", operations: operations) { try decideAllTexts() },
        ])
        precondition(decided > 0, "a benchmark that decided nothing")
        return [
            Line(
                what: "L1 decision at 10,000 rules", value: "\(figures[1].rate.readable)/s",
                peer: "at 50 rules \(figures[0].rate.readable)/s: \((figures[1].rate / figures[0].rate).readable)",
                isReached: figures[1].rate >= 3_000_000),
            Line(
                what: "the same from an incident's JSON (\(texts[0].count) B)", value: "\(figures[3].rate.readable)/s", peer: "",
                isReached: figures[3].rate >= 1_000_000),
            Line(
                what: "10,000 rules made and indexed", value: "\((1_000 / figures[2].rate).readable) ms", peer: "",
                isReached: 1_000 / figures[2].rate <= 100),
        ]
    }
}
