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
        commandName: "catalog", abstract: "Check, explain and compile a catalog.", subcommands: [Lint.self, Pack.self, Explain.self])

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
        static let configuration = CommandConfiguration(abstract: "Compile and sign a catalog for appliances.")

        @Argument(help: "The folder with checks, rules, runbooks, baselines and frameworks.") var directory = "Catalog"
        @Option(help: "Version of the pack, above that of every pack before it.") var version: Int64
        @Option(help: "File of the private key that signs catalogs.") var key: String
        @Option(help: "File to write; it is replaced as a whole.") var output: String

        func validate() throws {
            guard version > 0 else { throw ValidationError("--version must be above 0") }
        }

        func run() throws {
            let catalog = try CatalogFolder.load(directory, version: version)
            let signer: SigningKey
            do { signer = try SigningKey(contentsOf: key) } catch {
                complain(error.message)
                throw ExitCode(1)
            }
            let pack = try CatalogPack.encode(catalog, schema: .code())
            try FileReplacement.write(CatalogPack.sign(pack, with: signer), to: output)
            print("\(output): version \(version), digest \(catalog.digest), signed by \(signer.id)")
        }
    }

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what a check does with given facts: its verdict, and why each clause held or not.")

        @Argument(help: "The check's id.") var check: String
        @Option(help: "The catalog's folder.") var directory = "Catalog"
        @Option(help: "A JSON file of facts: {\"values\":{name:value},\"unknown\":{name:code}}.") var facts: String
        @Option(help: "The baseline whose parameters apply.") var baseline = "default"

        func run() throws {
            let catalog = try CatalogFolder.load(directory)
            guard let id = CheckID(check), let definition = catalog.checks[id] else {
                let hint = suggestion(for: check, in: catalog.checks.keys.map(\.description))
                throw ValidationError("there is no check \(quoted(check))\(hint)")
            }
            let bytes = try YAMLReader.contents(path: facts, bytesMax: 1 << 20)
            let seen = try Facts(json: JSONValue(parsing: bytes, limits: JSONLimits(bytesMax: 1 << 20)))
            let parameters = catalog.parameters(of: definition, baseline: catalog.baselines[baseline])
            let now = WallClock.system.now()
            let verdict = definition.judge(seen, parameters: parameters, at: now)
            print("\(id): \(verdict.word)\(verdict.code.map { " \($0)" } ?? "")")
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
}

/// One line on standard error.
private func complain(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(STDERR_FILENO, bytes, bytes.count)
}
