import Catalog
import Detection
import Glibc
import Healing
import Hosts
import Model

/// One pass of all shipped checks on this machine, by the current directory's catalog.
///
/// What counts is what we spend besides the commands that the checks run: this process's own processor time, on all its
/// threads, with starting the commands, reading what they say, parsing and judging. What the commands spend is their own
/// (`RUSAGE_CHILDREN`), and while they run we wait.
enum ScanBenchmark {
    static func run() async throws -> [Line] {
        let catalog = try CatalogLoader.load(directory: "Catalog", schema: .code(), version: 1)
        // The first writes a line into this machine's log; the commands of the others read whole packages and can take minutes.
        let omitted = ["log", "integrity", "patch", "persistence"]
        let all = catalog.checks.values.filter { $0.probe != "log" }.sorted { $0.id < $1.id }
        let checks = all.filter { !omitted.contains("\($0.probe)") }
        let scanner = Scanner(parameters: { catalog.parameters(of: $0, baseline: catalog.baselines["default"]) }, clock: .system)
        let request = Scanner.Request(host: LocalHost(id: "here"), checks: checks)
        var (own, children, wall): ([Double], [Double], [Double]) = ([], [], [])
        for round in 0..<4 {
            let before = (processorSeconds(RUSAGE_SELF), processorSeconds(RUSAGE_CHILDREN))
            var observations: [Observation] = []
            let taken = await ContinuousClock().measure { observations = await scanner.scan(request) }
            guard observations.count == checks.count else { throw BenchmarkFault("a pass without its observations") }
            if round == 0 { continue }
            own.append(processorSeconds(RUSAGE_SELF) - before.0)
            children.append(processorSeconds(RUSAGE_CHILDREN) - before.1)
            wall.append(taken.inSeconds)
        }
        let before = processorSeconds(RUSAGE_SELF)
        let taken = await ContinuousClock().measure { _ = await scanner.scan(Scanner.Request(host: LocalHost(id: "here"), checks: all)) }
        let whole = (processorSeconds(RUSAGE_SELF) - before) * 1_000
        let milliseconds = [own, children, wall].map { $0.sorted()[$0.count / 2] * 1_000 }
        return [
            Line(
                what: "\(checks.count) checks of a local host, besides its commands", value: "\(milliseconds[0].readable) ms",
                peer: "commands \(milliseconds[1].readable) ms, in all \(milliseconds[2].readable) ms", isReached: milliseconds[0] <= 100),
            Line(
                what: "all \(all.count) that leave no trace, besides its commands", value: "\(whole.readable) ms",
                peer: "once; in all \((taken.inSeconds * 1_000).readable) ms", isReached: whole <= 100),
        ]
    }

    private static func processorSeconds(_ who: __rusage_who) -> Double {
        var usage = rusage()
        getrusage(Int32(truncatingIfNeeded: who.rawValue), &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
    }
}
