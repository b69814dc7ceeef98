import Catalog
import Conditions
import Documents
import Foundation
import Healing
import Hosts
import Model
import Testing

/// The catalog that is shipped, against the probes and verbs that are built.
@Suite struct WholeCatalogTests {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Catalog")

    @Test func theCatalogThatIsShippedHasNoError() throws {
        let (catalog, findings) = CatalogLoader.lint(directory: Self.directory.path, schema: .code(), version: 1)
        #expect(findings.filter { $0.level == .error }.map(\.description) == [])
        #expect(catalog != nil)
    }

    @Test func everyProbeIsUsed() throws {
        let catalog = try CatalogLoader.load(directory: Self.directory.path, schema: .code(), version: 1)
        #expect(Set(CatalogSchema.code().probes.keys).subtracting(catalog.checks.values.map(\.probe)).sorted() == [])
    }

    /// Renames, one at a time, every fact that a check uses: no pack with such a check may be taken.
    @Test func anyOneRenamedFactIsNoticed() throws {
        let schema = CatalogSchema.code()
        let catalog = try CatalogLoader.load(directory: Self.directory.path, schema: schema, version: 1)
        let pack = try CatalogPack.encode(catalog, schema: schema)
        for check in catalog.checks.values {
            let conditions = (check.notApplicable + check.drift).map(\.condition)
            for fact in conditions.reduce(into: Set(check.requires), { $0.formUnion($1.facts) }) {
                var facts = schema.probes[check.probe] ?? [:]
                facts["renamed.fact"] = facts.removeValue(forKey: fact)
                let changed = CatalogSchema(probes: schema.probes.merging([check.probe: facts]) { $1 }, verbs: schema.verbs)
                #expect(throws: CatalogPackError.self, "\(check.id) \(fact)") { try CatalogPack.decode(pack, schema: changed) }
            }
        }
    }

    /// Takes out, one at a time, every check, runbook, probe and verb that something else refers to.
    @Test func anyOneMissingPieceIsNoticed() throws {
        let schema = CatalogSchema.code()
        let catalog = try CatalogLoader.load(directory: Self.directory.path, schema: schema, version: 1)
        let used = (
            checks: Set(catalog.rules.map(\.check) + catalog.runbooks.values.flatMap(\.checks)),
            runbooks: Set(catalog.rules.compactMap(\.runbook)),
            probes: Set(catalog.checks.values.map(\.probe)), verbs: Set(catalog.runbooks.values.flatMap(\.steps).map(\.verb))
        )
        func isTaken(
            checks: [CheckID: CheckDefinition]? = nil, runbooks: [RunbookID: RunbookDefinition]? = nil, schema: CatalogSchema
        ) throws -> Bool {
            let changed = CompiledCatalog(
                version: 1, digest: .genesis, checks: checks ?? catalog.checks, rules: catalog.rules,
                runbooks: runbooks ?? catalog.runbooks,
                runbookDigests: [:], baselines: [:])
            let pack = try CatalogPack.encode(changed, schema: schema)
            return (try? CatalogPack.decode(pack, schema: nil)) != nil
        }
        #expect(try isTaken(schema: schema))
        for id in used.checks { #expect(try !isTaken(checks: catalog.checks.filter { $0.key != id }, schema: schema), "\(id)") }
        for id in used.runbooks { #expect(try !isTaken(runbooks: catalog.runbooks.filter { $0.key != id }, schema: schema), "\(id)") }
        for id in used.probes {
            let poorer = CatalogSchema(probes: schema.probes.filter { $0.key != id }, verbs: schema.verbs)
            #expect(try !isTaken(schema: poorer), "\(id)")
        }
        for verb in used.verbs {
            let poorer = CatalogSchema(probes: schema.probes, verbs: schema.verbs.filter { $0.key != verb })
            #expect(try !isTaken(schema: poorer), "\(verb)")
        }
    }
}
