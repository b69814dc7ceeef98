import ArgumentParser
import Catalog
import Documents
import Foundation
import Healing
import Hosts
import Model
import Planner
import PlannerDouble
import Redaction
import Seal
import UnixSignals

struct PlannerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "planner", abstract: "Try language models against incidents with known answers.",
        subcommands: [Score.self, Size.self, Double.self])

    /// `martlet planner score`: exit code 0 whatever the score is, 1 where it could not be measured.
    struct Score: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask a model about labelled incidents, and count.",
            discussion: """
                Nothing is repaired. Right: it chose what a person would. Wrong: it chose something else. Timid: it handed over what a \
                person would have repaired. Failed: no answer that could be used.
                """)
        @Option(help: "JSON list of incidents with the runbooks that are right (docs/planner.md).") var incidents: String
        @Option(help: "anthropic, openai, azure-openai, ollama, llama.cpp or vllm.") var provider: ProviderConfiguration.Kind
        @Option(help: "Where it is, as planner.address of Central.") var address: String
        @Option(help: "The model's name.") var model: [String]
        @Option(help: "File with the provider's key, mode 0600.") var keyFile: String?
        @Option(help: "Dollars for a million tokens of a question.") var inputPrice = "0"
        @Option(help: "Dollars for a million tokens of an answer.") var outputPrice = "0"
        @Option(help: "PEM file of a private authority that vouches for the provider.") var ca: String?
        @Option(help: "The catalog's directory.") var catalog = "Catalog"
        @Option(help: "Stop asking after so many dollars.") var dollarsMax = "5"
        @Option(help: "Seconds that an answer may take.") var deadline = 30
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            guard let input = Dollars.micros(inputPrice), let output = Dollars.micros(outputPrice), let most = Dollars.micros(dollarsMax),
                let price = ProviderConfiguration.Price(input: input, output: output)
            else { throw ValidationError("prices are dollars up to 1000 with at most six decimals, such as 0.25") }
            guard (1...600).contains(deadline) else { throw ValidationError("--deadline takes 1 to 600 seconds") }
            let clock = WallClock.system
            let labelled = try Self.read(incidents, at: clock.now())
            let compiled = try CatalogLoader.load(directory: catalog, schema: .code(), version: 1)
            var settings = PlannerSettings()
            settings.callsPerHourMax = .max
            settings.costPerDayMax = most
            settings.cacheEntriesMax = 0
            settings.deadline = .seconds(deadline)
            var table = CentralTable(
                "provider", "model", "asked", "score", "right", "wrong", "timid", "failed", "dollars", "medianSeconds", "inputTokens",
                "outputTokens", "failures")
            for name in model {
                let configuration = try ProviderConfiguration(
                    kind: provider, endpoint: address, model: name, key: try keyFile.map { try APIKey(contentsOf: $0) }, price: price,
                    authorities: try ca.map { String(decoding: try YAMLReader.contents(path: $0, bytesMax: 1 << 20), as: UTF8.self) })
                let planner = try L2Planner(configuration: configuration, settings: settings, clock: clock) { _ in false }
                let report = await AccuracyReport.measure(
                    labelled, with: planner, configuration: configuration, catalog: compiled, scrubber: Scrubber(key: PseudonymKey()),
                    site: SiteID(at: clock.now()), at: clock.now())
                await planner.close()
                let failures = report.failed.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
                table.add(
                    .string(report.provider), .string(report.model), .integer(Int64(report.count)),
                    report.score.map { .string("\(Int(($0 * 100).rounded())) %") } ?? .null, .integer(Int64(report.right)),
                    .integer(Int64(report.wrong)), .integer(Int64(report.timid)), .integer(Int64(report.failed.values.reduce(0, +))),
                    .string(Dollars.text(report.cost)),
                    report.medianLatency.map { .string("\($0.wholeMilliseconds / 1_000).\($0.wholeMilliseconds / 100 % 10)") } ?? .null,
                    .integer(report.inputTokens), .integer(report.outputTokens), failures.isEmpty ? .null : .string(failures))
            }
            try table.print(asJSON: json)
        }

        fileprivate static func read(_ path: String, at now: Timestamp) throws -> [LabelledIncident] {
            let value = try JSONValue(
                parsing: try YAMLReader.contents(path: path, bytesMax: 4 << 20), limits: JSONLimits(bytesMax: 4 << 20))
            guard let items = value.array, !items.isEmpty else { throw ValidationError("\(path) holds no list of incidents") }
            return try items.map { try LabelledIncident(json: $0, at: now) }
        }
    }
}

extension PlannerCommand {
    /// `martlet planner size`: no model is asked.
    struct Size: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How large the questions about labelled incidents are, and how large they were before.",
            discussion: "A token is taken for four bytes. docs/planner.md says how each part is counted.")
        @Option(help: "JSON list of incidents (docs/planner.md).") var incidents: String
        @Option(help: "The catalog's directory.") var catalog = "Catalog"
        @Flag(help: "For programs.") var json = false

        func run() async throws {
            let now = WallClock.system.now()
            let compiled = try CatalogLoader.load(directory: catalog, schema: .code(), version: 1)
            let scrubber = Scrubber(key: PseudonymKey())
            let sizes = try Score.read(incidents, at: now).compactMap { labelled in
                try labelled.request(compiled, scrubber: scrubber, at: now).map { try QuestionSize(labelled, $0) }
            }
            var table = CentralTable("incident", "bytes", "answer", "tokens", "beforeAtLeast", "beforeAtMost")
            func add(_ name: String, _ question: Int?, _ answer: Int, _ before: ClosedRange<Int>) {
                func tokens(_ bytes: Int) -> JSONValue { .integer(Int64(QuestionSize.tokens(bytes))) }
                table.add(
                    .string(name), question.map { .integer(Int64($0)) } ?? .null, .integer(Int64(answer)),
                    question.map { tokens($0 + answer) } ?? .null, tokens(before.lowerBound), tokens(before.upperBound))
            }
            for size in sizes { add(size.name, size.question, size.answer, size.before) }
            let asked = sizes.filter { $0.question != nil }
            func sum(_ part: (QuestionSize) -> Int) -> Int { asked.reduce(0) { $0 + part($1) } }
            add(
                "all that are asked about", sum { $0.question ?? 0 }, sum(\.answer),
                sum(\.before.lowerBound)...sum(\.before.upperBound))
            try table.print(asJSON: json)
        }
    }

    struct Double: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stand in for a model on this machine: no model, a script that takes the first repair it is offered.",
            discussion: "For demonstrations and for trying a configuration. It speaks all formats that the planner asks in.")
        @Option(help: "Where to listen on loopback; 0 takes a free port.") var port = 0

        func run() async throws {
            let double = try await ModelDouble(port: port)
            FileHandle.standardOutput.write(
                Data("This is a double and no language model. It answers at \(double.address), until it is stopped.\n".utf8))
            for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { break }
            await double.stop()
        }
    }
}

extension ProviderConfiguration.Kind: ExpressibleByArgument {}
