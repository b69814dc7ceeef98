import ArgumentParser
import Central
import Model
import Objects
import Seal

/// `martlet central drill`: tries now what must not succeed on the object stores, and states the result. Exit code 2 when one did not pass.
struct CentralDrillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drill", abstract: "Try to overwrite, delete and shorten what the object stores must keep; the result is stated.")
    @OptionGroup var central: CentralOptions
    @Flag(help: "For programs: the statements.") var json = false

    func run() async throws {
        var isPassed = true
        try await central.run { services, person in
            let results = try await services.drills.all(for: person)
            isPassed = results.allSatisfy(\.report.isPassed)
            guard !json else {
                print(String(decoding: try JSONValue.array(results.map(\.report.json)).canonicalBytes(), as: UTF8.self))
                return
            }
            var table = CentralTable("store", "code", "enforcement", "logIndex")
            for result in results {
                table.add(
                    .string(result.store), .string(result.report.code), .string(result.report.enforcement.rawValue),
                    .integer(result.logIndex))
            }
            try table.print(asJSON: false)
        }
        if !isPassed { throw ExitCode(2) }
    }
}
