import Catalog
import Conditions
import Model
import Seal

/// Loading a compiled pack of 10,000 rules over 200 checks, one core: as an appliance does when it starts.
enum CatalogBenchmark {
    static func run() throws -> [Line] {
        let schema = CatalogSchema(
            probes: ["service": ["service.restarts": .integer]], verbs: ["service.start": VerbSignature(required: ["unit": .string])])
        let key = SigningKey()
        let pack = try CatalogPack.encode(catalog, schema: schema)
        let signed = CatalogPack.sign(pack, with: key)
        let figures = try measure([
            Measurement("parse the JSON alone", operations: 1) { _ = try! JSONElement(parsing: pack, limits: CatalogPack.limits) },
            Measurement("read", operations: 1) { _ = try! CatalogPack.decode(pack, schema: schema) },
            Measurement("verify and read", operations: 1) { _ = try! CatalogPack.open(signed, keys: [key.verifyingKey], schema: schema) },
        ])
        let milliseconds = figures.map { 1_000 / $0.rate }
        return [
            Line(
                what: "10,000 rules read from a pack of \(pack.count >> 10) KiB", value: "\(milliseconds[1].readable) ms",
                peer: "of it the JSON \(milliseconds[0].readable) ms", isReached: milliseconds[1] <= 100),
            Line(what: "the same with its envelope and signature", value: "\(milliseconds[2].readable) ms", peer: "", isReached: nil),
        ]
    }

    private static let catalog: CompiledCatalog = {
        let checks = (0..<200).map { number in
            CheckDefinition(
                id: CheckID("area.check.c\(number)")!, title: "check \(number)", probe: "service", platforms: ["linux"], severity: .high,
                interval: .seconds(900), staleAfter: .seconds(3_600), phiRisk: "low", parameters: [:], notApplicable: [],
                drift: (0..<10).map { code in
                    Clause(
                        code: Code("drift.code\(code)")!,
                        condition: .compare(
                            Comparison(fact: "service.restarts", operator: .greater, operand: .literal(.integer(Int64(code))))))
                }, requires: [], controls: [ControlCitation(framework: "gdpr", control: "Art.32(1)(b)", confidence: .direct)])
        }
        let runbook = RunbookDefinition(
            id: "linux.service.start", title: "Start a service", checks: checks.map(\.id), platforms: ["linux"],
            parameters: ["unit": ParameterDefinition(type: .string, summary: "The unit.", pattern: "[a-z.-]{1,80}")],
            steps: [StepDefinition(verb: "service.start", arguments: ["unit": .parameter("unit")])], isDisruptive: false,
            needsReboot: false,
            needsApproval: false, needsWindow: false, timeout: .seconds(60), retries: 0)
        return CompiledCatalog(
            version: 1, digest: .genesis, checks: Dictionary(uniqueKeysWithValues: checks.map { ($0.id, $0) }),
            rules: Samples.rules(10_000),
            runbooks: [runbook.id: runbook], runbookDigests: [:], baselines: [:])
    }()
}
