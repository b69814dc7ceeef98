import ArgumentParser
import Catalog
import Conditions
import Documents
import Glibc
import Healing
import Hosts
import Model
import Seal

struct CatalogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "catalog", abstract: "Check, explain, try, compile, sign and compare catalogs; list what they may use.",
        subcommands: [
            Lint.self, Test.self, Pack.self, Sign.self, Diff.self, Explain.self, FactList.self, VerbList.self,
        ])

    struct Lint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a catalog's folder and print every finding as file:line; exit 65 when one is an error.")

        @Argument(help: "The folder with checks, rules, runbooks, baselines and frameworks.") var directory = "Catalog"
        @Flag(help: "Print a JSON object: errors, warnings, findings.") var json = false

        func run() throws {
            let (catalog, findings) = CatalogLoader.lint(directory: directory, schema: .code(), version: 1)
            let errors = findings.count { $0.level == .error }
            if json {
                let value: JSONValue = [
                    "errors": .integer(Int64(errors)), "warnings": .integer(Int64(findings.count - errors)),
                    "findings": .array(
                        findings.map {
                            [
                                "file": .string($0.mark.file), "line": .integer(Int64($0.mark.line)), "level": .string($0.level.rawValue),
                                "code": .string($0.code), "sentence": .string($0.sentence),
                            ]
                        }),
                ]
                print(String(decoding: try value.canonicalBytes(), as: UTF8.self))
            } else {
                for finding in findings { print(finding) }
                if let catalog {
                    print(
                        "\(directory): \(catalog.checks.count) checks, \(catalog.rules.count) rules, \(catalog.runbooks.count) runbooks, "
                            + "\(catalog.baselines.count) baselines; \(findings.count) warnings")
                }
            }
            if catalog == nil { throw CatalogFolder.unusable }
        }
    }

    struct Pack: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Compile a catalog for appliances, and sign it where its key is here.")

        @Argument(help: "The folder with checks, rules, runbooks, baselines and frameworks.") var directory = "Catalog"
        @Option(help: "Version of the pack, above that of every pack before it.") var version: Int64
        @Option(help: "File of the private key that signs catalogs; without it the pack is written unsigned, for `catalog sign`.")
        var key: String?
        @Option(help: "File to write; it is replaced as a whole.") var output: String

        func validate() throws {
            guard version > 0 else { throw ValidationError("--version must be above 0") }
        }

        func run() throws {
            let catalog = try CatalogFolder.load(directory, version: version)
            guard try CatalogFolder.test(directory, catalog) else {
                complain("Nothing was written: the catalog does not do what its examples say.")
                throw CatalogFolder.unusable
            }
            let pack = try CatalogPack.encode(catalog, schema: .code())
            guard let key else {
                try FileReplacement.write(pack, to: output)
                print("\(output): version \(version), digest \(catalog.digest), not signed")
                return
            }
            let signer = try signingKey(key)
            try FileReplacement.write(CatalogPack.sign(pack, with: signer), to: output)
            print("\(output): version \(version), digest \(catalog.digest), signed by \(signer.id)")
        }
    }

    struct Sign: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a pack that `catalog pack` wrote without a key; reads it whole first.",
            discussion: "The key need not be where catalogs are written, nor on Central's machine. Exit code: 0 signed, 1 refused.")

        @Argument(help: "The unsigned pack.") var pack: String
        @Option(help: "File of the private key that signs catalogs.") var key: String
        @Option(help: "The pack in use: a version that is not above its own is not signed.") var after: String?
        @Option(help: "File to write; it is replaced as a whole.") var output: String

        func run() throws {
            let bytes = try YAMLReader.contents(path: pack, bytesMax: CatalogPack.limits.bytesMax)
            let catalog: CompiledCatalog
            do throws(CatalogPackError) {
                catalog = try CatalogPack.decode(bytes, schema: .code())
                if let after {
                    let inUse = try CatalogFolder.readPack(after).version
                    guard catalog.version > inUse else { throw .notNewer(catalog.version, inUse: inUse) }
                }
            } catch {
                complain(error.message)
                throw ExitCode(1)
            }
            let signer = try signingKey(key)
            try FileReplacement.write(CatalogPack.sign(bytes, with: signer), to: output)
            print("\(output): version \(catalog.version), digest \(catalog.digest), signed by \(signer.id)")
        }
    }

    struct Diff: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what one catalog has otherwise than another: folders, or packs, signed or not.",
            discussion:
                "A pack's signature is not verified here: appliances do that. Exit code: 0 no difference, 2 differences, 65 unreadable.")

        @Argument(help: "The older: a folder or a pack.") var old: String
        @Argument(help: "The newer: a folder or a pack.") var new: String
        @Flag(help: "Print a JSON array: change, kind, id, keys.") var json = false

        func run() throws {
            let difference = CatalogDifference(from: try CatalogFolder.read(old), to: try CatalogFolder.read(new))
            var table = CentralTable("change", "kind", "id", "keys")
            for entry in difference.entries {
                table.add(
                    .string(entry.change.rawValue), .string(entry.kind), .string(entry.id),
                    entry.keys.isEmpty ? nil : .string(entry.keys.joined(separator: " ")))
            }
            try table.print(asJSON: json)
            if !difference.entries.isEmpty { throw ExitCode(2) }
        }
    }

    struct Test: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run the catalog's own examples against its checks and rules; exit 65 when one fails.")

        @Argument(help: "The folder with checks, rules, runbooks, baselines, examples and frameworks.") var directory = "Catalog"
        @Option(help: "The baseline that sets the checks' parameters.") var baseline = "default"
        @Flag(help: "Also demand that every rule has an example.") var everyRule = false

        func run() throws {
            let catalog = try CatalogFolder.load(directory)
            guard try CatalogFolder.test(directory, catalog, baseline: baseline, everyRule: everyRule) else {
                throw CatalogFolder.unusable
            }
        }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a check does with given facts: its verdict, and why each clause held or not.")

        @Argument(help: "The check's id.") var check: String
        @Option(help: "The catalog's folder.") var catalog = "Catalog"
        @Option(help: "A JSON file of facts: {\"values\":{name:value},\"unknown\":{name:code}}.") var facts: String
        @Option(help: "The baseline whose parameters apply.") var baseline = "default"

        func run() throws {
            let catalog = try CatalogFolder.load(self.catalog)
            guard let id = CheckID(check), let definition = catalog.checks[id] else {
                let hint = suggestion(for: check, in: catalog.checks.keys.map(\.description))
                throw ValidationError("there is no check \(quoted(check))\(hint)")
            }
            let bytes = try YAMLReader.contents(path: facts, bytesMax: 1 << 20)
            let seen = try Facts(json: JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1 << 20)))
            if let fault = definition.fault(of: seen, schema: .code()) { throw ValidationError("the facts \(fault)") }
            let parameters = catalog.parameters(of: definition, baseline: catalog.baselines[baseline])
            let now = WallClock.system.now()
            let verdict = definition.judge(seen, parameters: parameters, at: now)
            print("\(id): \(definition.described(verdict, of: seen))")
            for (kind, clauses) in [("not applicable", definition.notApplicable), ("drift", definition.drift)] {
                for clause in clauses {
                    print("\(kind) \(clause.code)")
                    for line in clause.condition.explain(seen, parameters: parameters, at: now).lines { print("  \(line)") }
                }
            }
            for rule in catalog.rules where verdict.code.map(rule.codes.contains) == true && rule.check == id {
                let truth = rule.condition?.evaluate(seen, parameters: parameters, at: now) ?? .holds
                print("rule \(rule.id) (\(rule.runbook.map { "runbook \($0)" } ?? "to a person")): \(truth)")
            }
        }
    }
}

/// A catalog as it is written, read by whichever command needs one.
enum CatalogFolder {
    /// EX_DATAERR, and nobody else's: 1 and 2 are what was found, 64 is a wrong question.
    static let unusable = ExitCode(65)

    /// Prints what is wrong with a catalog that cannot be used, and ends with `unusable`.
    static func load(_ directory: String, version: Int64 = 1) throws -> CompiledCatalog {
        let (catalog, findings) = CatalogLoader.lint(directory: directory, schema: .code(), version: version)
        if let catalog { return catalog }
        for finding in findings where finding.level == .error { complain("\(finding)") }
        complain("The catalog in \(directory) cannot be used; nothing was done.")
        throw unusable
    }

    /// - Parameter path: a folder, or a pack with or without a signature.
    static func read(_ path: String) throws -> CompiledCatalog {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return try load(path) }
        do throws(CatalogPackError) { return try readPack(path) } catch {
            complain(error.message)
            throw unusable
        }
    }

    static func readPack(_ path: String) throws(CatalogPackError) -> CompiledCatalog {
        let bytes: [UInt8]
        do throws(Diagnostic) { bytes = try YAMLReader.contents(path: path, bytesMax: CatalogPack.limits.bytesMax * 3 / 2) } catch {
            throw .refused(Diagnostics([error]))
        }
        let limits = JSONLimits(bytesMax: CatalogPack.limits.bytesMax * 3 / 2)
        let payload = (try? SignedEnvelope(parsing: bytes, limits: limits))?.payload ?? bytes
        return try CatalogPack.decode(payload, schema: nil)
    }

    /// Prints each example that does not do what it says.
    /// - Returns: whether all do.
    static func test(
        _ directory: String, _ catalog: CompiledCatalog, baseline: String = "default", everyRule: Bool = false
    ) throws -> Bool {
        let log = DiagnosticLog()
        let examples = CatalogExample.load(directory: directory, catalog: catalog, schema: .code(), log: log)
        let index = L1Index(catalog.rules)
        let now = WallClock.system.now()
        for example in examples {
            let failure = ExampleRun.failure(example, catalog: catalog, index: index, baseline: catalog.baselines[baseline], at: now)
            if let failure { log.error(at: example.mark, code: "example.failed", "\(example.id): \(failure)") }
        }
        if everyRule {
            let shown = Set(examples.compactMap(\.expected.rule))
            for rule in catalog.rules where !shown.contains(rule.id) {
                log.error(
                    at: Mark(file: directory, line: 0), code: "example.missing", "no example is about rule \(rule.id)")
            }
        }
        for finding in log.all { complain("\(finding)") }
        print("\(directory): \(examples.count) examples, \(log.errorCount) failed")
        return log.errorCount == 0
    }
}

private func signingKey(_ file: String) throws -> SigningKey {
    do { return try SigningKey(contentsOf: file) } catch {
        complain(error.message)
        throw ExitCode(1)
    }
}

/// One line on standard error.
func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
