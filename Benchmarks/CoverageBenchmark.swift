import Compliance
import Evidence
import Glibc
import Model
import Seal

/// A year of a site of 20 hosts with 60 checks each: 175,200 attestations, all judged, one core; and what the posture was at an instant
/// among the runs of a million bundles.
enum CoverageBenchmark {
    static func run() throws -> [Line] {
        let before = residentMegabytes
        var coverage: Coverage?
        let read = try ContinuousClock().measure { coverage = try year() }
        guard let coverage else { throw BenchmarkFault("no coverage") }
        let statement = try ContinuousClock().measure {
            _ = try ContinuityStatement(coverage, controls: ControlMap([:])).json.canonicalBytes()
        }
        let grown = residentMegabytes - before
        guard coverage.total.required == coverage.total.made + coverage.total.missingCount, coverage.total.missingCount > 0 else {
            throw BenchmarkFault("a year that does not add up")
        }
        let (runs, applied) = millionBundles()
        let ledger = coverage.ledger
        var answered = 0
        let asked = try measure([
            Measurement("posture", operations: 1) {
                answered += runs.posture(at: Samples.now + .milliseconds(Int64(answered % 1_000) * 1_000_000), ledger: ledger).count
            }
        ])
        precondition(answered > 0, "a posture of nothing")
        let milliseconds = 1_000 / asked[0].rate
        return [
            Line(
                what: "a year of 20 hosts, 60 checks: judged", value: "\((read.inSeconds * 1_000).readable) ms",
                peer: "\(bundlesOfYear.readable) bundles, \(coverage.total.required) slots", isReached: read.inSeconds < 30),
            Line(what: "memory for it", value: "\(grown) MiB", peer: "", isReached: grown < 256),
            Line(what: "continuity statement from it", value: "\((statement.inSeconds * 1_000).readable) ms", peer: "", isReached: nil),
            Line(
                what: "bundles applied to verdict runs", value: "\(applied.readable)/s",
                peer: "\(runs.runs.count) runs of 1,000,000 bundles", isReached: nil),
            Line(
                what: "posture at an instant, 1,000,000 bundles, in memory", value: "\(milliseconds.readable) ms", peer: "",
                isReached: milliseconds < 200),
        ]
    }

    private static let hosts = (0..<20).map { HostID("host-\($0)")! }
    private static let checks = (0..<60).map { CheckID("area.check.c\($0)")! }
    private static let midnight = Timestamp(milliseconds: 1_767_225_600_000)
    private static let days = 365
    private static var bundlesOfYear: Double { Double(hosts.count * days * 24) }

    private static func entry(_ sequence: Int64, _ host: HostID, _ instant: Timestamp, _ content: ChainEntry.Content) -> ChainEntry {
        ChainEntry(
            appliance: appliance, sequence: sequence, received: instant + .seconds(5), enrolled: midnight, host: host, observed: instant,
            started: instant, ended: instant, clockOffsetMilliseconds: 3, content: content)
    }
    private static let appliance = ApplianceID(at: Samples.now)
    private static let site = SiteID(at: Samples.now)

    private static var expected: [ExpectedCheck] {
        checks.enumerated().map {
            ExpectedCheck(check: $1, intervalSeconds: $0 % 3 == 0 ? 900 : $0 % 3 == 1 ? 21_600 : 86_400, staleAfterSeconds: 172_800)
        }
    }

    /// Every hour of every host but the 500th.
    private static func year() throws -> Coverage {
        let until = midnight + .seconds(86_400 * days)
        guard let period = CoveragePeriod(from: midnight, until: until, horizon: until + .seconds(1_000_000)) else {
            throw BenchmarkFault("no period")
        }
        var builder = CoverageBuilder(site: site, period: period)
        var sequence: Int64 = 0
        for host in hosts {
            try builder.add(entry(sequence, host, midnight, .expectation(expected)))
            sequence += 1
        }
        for hour in 0..<(days * 24) where hour % 500 != 499 {
            let instant = midnight + .seconds(hour * 3_600 + 1_800)
            for host in hosts {
                let looks = checks.map { ChainEntry.Look(WatchedCheck(host: host, check: $0), at: instant, .compliant) }
                try builder.add(entry(sequence, host, instant, .looks(looks)))
                sequence += 1
            }
        }
        return builder.finish()
    }

    /// A million verdicts, of which every fourth is another than before.
    private static func millionBundles() -> (RunHistory, perSecond: Double) {
        var runs = VerdictRuns(appliance: appliance)
        var history = RunHistory()
        let count: Int64 = 1_000_000
        let taken = ContinuousClock().measure {
            for number in 0..<count {
                let index = Int(number)
                let look = ChainEntry.Look(
                    WatchedCheck(host: hosts[index % hosts.count], check: checks[index / hosts.count % checks.count]),
                    at: Samples.now + .milliseconds(number * 1_000), index / 4_800 % 2 == 0 ? .compliant : .drift("ssh.root_login"))
                history.apply(runs.apply(entry(number, look.subject.host, look.instant, .looks([look]))), of: appliance)
            }
            history.sort()
        }
        return (history, Double(count) / taken.inSeconds)
    }

    private static var residentMegabytes: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(0), &usage)
        return usage.ru_maxrss / 1_024
    }
}
