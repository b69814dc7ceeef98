import Glibc

/// `martlet-bench [SECTION…]`: prints one line per figure, and exits 1 if one that has a bound is not reached.
@main struct Benchmarks {
    static func main() async throws {
        let sections: [(String, () async throws -> [Line])] = [
            ("seal", SealingBenchmark.run),
            ("decide", DecisionBenchmark.run),
            ("catalog", CatalogBenchmark.run),
            ("journal", JournalBenchmark.run),
            ("scan", ScanBenchmark.run),
            ("log", LogBenchmark.run),
            ("intake", IntakeBenchmark.run),
            ("start", StartBenchmark.run),
            ("coverage", CoverageBenchmark.run),
            ("asof", AsOfBenchmark.run),
            ("kit", KitBenchmark.run),
            ("scrub", ScrubBenchmark.run),
            ("learning", LearningBenchmark.run),
            ("lab", LabBenchmark.run),
        ]
        let wanted = CommandLine.arguments.dropFirst()
        if let unknown = wanted.first(where: { name in !sections.contains { $0.0 == name } }) {
            print("there is no section \(unknown), and nothing was measured: \(sections.map(\.0).joined(separator: " "))")
            exit(64)
        }
        var missed = 0
        for (name, run) in sections where wanted.isEmpty || wanted.contains(name) {
            for line in try await run() {
                let mark =
                    switch line.isReached {
                    case true?: "reached"
                    case false?: "MISSED"
                    case nil: ""
                    }
                if line.isReached == false { missed += 1 }
                print("\(name.padded(8)) \(line.what.padded(52)) \(line.value.padded(14)) \(line.peer.padded(46)) \(mark)")
            }
        }
        exit(missed == 0 ? 0 : 1)
    }
}

extension String {
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
