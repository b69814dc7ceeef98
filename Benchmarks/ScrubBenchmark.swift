import Redaction
import TestSupport

/// The scrubber on one core: ordinary logs, logs of which every second line names a patient, and the short texts of facts.
enum ScrubBenchmark {
    static func run() throws -> [Line] {
        let scrubber = Scrubber(key: PseudonymKey())
        var corpus = RedactionCorpus(seed: 1)
        let log = corpus.log(bytes: 16 << 20)
        var mixed: [UInt8] = []
        while mixed.count < 8 << 20 {
            for line in corpus.lines(2_000) { mixed += Array(line.text.utf8) + [10] }
        }
        let texts = (0..<10_000).map {
            ["no", "sshd.service", "22", "prohibit-password", "/srv/records/backup-2026-11-20.tar.zst"][$0 % 5]
        }
        var output: [UInt8] = []
        output.reserveCapacity(log.count * 2)
        func stream(_ bytes: [UInt8]) {
            output.removeAll(keepingCapacity: true)
            var stream = ScrubStream(scrubber)
            stream.feed(bytes, to: &output)
            stream.finish(to: &output)
        }
        var sum: UInt64 = 0
        let figures = try measure([
            Measurement("logs", operations: log.count) { stream(log) },
            Measurement("mixed", operations: mixed.count) { stream(mixed) },
            Measurement("texts", operations: texts.count) {
                for text in texts { sum &+= UInt64(scrubber.scrub(text).description.utf8.count) }
            },
            Measurement("bytes added up", operations: log.count) { for byte in log { sum = sum &* 31 &+ UInt64(byte) } },
        ])
        let rates = figures.map(\.rate)
        return [
            Line(
                what: "ordinary logs, one core", value: "\((rates[0] / 1e6).readable) MB/s",
                peer: "a multiplication a byte: \((rates[3] / 1e6).readable) MB/s", isReached: rates[0] >= 400e6 && sum != 1),
            Line(what: "every second line names a patient", value: "\((rates[1] / 1e6).readable) MB/s", peer: "", isReached: nil),
            Line(what: "short texts", value: "\(rates[2].readable)/s", peer: "", isReached: rates[2] >= 1_000_000),
        ]
    }
}
