import Appliance
import Database
import Documents
import Glibc
import Logging
import Model
import Seal

/// The command line, taken apart by hand: the daemon's start is on the clock.
struct Arguments {
    enum Command: String {
        case run, enroll, status, help, version
        case catalogKey = "catalog-key"
    }

    private var command = Command.run
    private var options: [String: String] = [:]

    private static let known: [Command: Set<String>] = [
        .run: ["config", "crash-at"], .status: ["config"], .catalogKey: ["config"], .enroll: ["config", "central", "code"], .help: [],
        .version: [],
    ]

    init(_ words: [String]) throws(UsageError) {
        var rest = words[...]
        if let first = rest.first, !first.hasPrefix("-") {
            guard let command = Command(rawValue: first) else { throw UsageError("there is no command \"\(first)\"") }
            self.command = command
            rest.removeFirst()
        } else if let first = rest.first, first == "--help" || first == "--version" {
            command = first == "--help" ? .help : .version
            rest.removeFirst()
        }
        while let word = rest.popFirst() {
            let name = word.hasPrefix("--") ? String(word.dropFirst(2)) : ""
            guard Self.known[command]!.contains(name) else { throw UsageError("\(command.rawValue) takes no \"\(word)\"") }
            guard let value = rest.popFirst() else { throw UsageError("--\(name) needs a value") }
            options[name] = value
        }
    }

    /// - Returns: the process's exit status.
    func perform() async throws -> Int32 {
        switch command {
        case .help:
            Output.line(UsageError.usage)
            return 0
        case .version:
            Output.line("martlet-appliance \(softwareVersion)")
            return 0
        case .run: return try await run()
        case .enroll: return try await enroll()
        case .status: return try await status()
        case .catalogKey: return try await catalogKey()
        }
    }

    private func run() async throws -> Int32 {
        let environment = Environment.all()
        let configuration = try ApplianceConfiguration(path: options["config"] ?? environment["MARTLET_CONFIG"], environment: environment)
        let logger = Logger(label: "martlet-appliance") { _ in JournalLogHandler(level: Logger.Level(configuration.logLevel)) }
        let manager = ServiceManager(socketPath: environment["NOTIFY_SOCKET"], watchdogMicroseconds: environment["WATCHDOG_USEC"])
        let process = try await ApplianceProcess.build(
            configuration, faults: try faults(), manager: manager, logger: logger, softwareVersion: softwareVersion,
            atRest: { ResidentMemory.release() })
        try await process.run()
        return 0
    }

    private func enroll() async throws -> Int32 {
        guard let central = options["central"], let code = options["code"] else {
            throw UsageError("enroll needs --central URL and --code CODE")
        }
        let environment = Environment.all()
        let configuration = try ApplianceConfiguration(path: options["config"] ?? environment["MARTLET_CONFIG"], environment: environment)
        try configuration.directory.prepare()
        try configuration.directory.lock()
        let database = try SQLiteDatabase(path: configuration.directory.database)
        try await ApplianceSchema.migrator.migrate(database, now: WallClock.system.now)
        let enrollment = Enrollment(
            directory: configuration.directory, database: database, hostname: Environment.hostname(), softwareVersion: softwareVersion)
        let identity = try await enrollment.run(central: central, code: code)
        await database.close()
        Output.line("Enrolled as \(identity.appliance) of \(identity.site); Central answers at \(identity.centralURL).")
        Output.line("Write down, for whoever verifies its evidence: \(StatusReport.key(identity, configuration.directory))")
        return 0
    }

    /// 0 when nothing needs a person, 2 when something does, 1 when it could not be told.
    private func status() async throws -> Int32 {
        let environment = Environment.all()
        let configuration = try ApplianceConfiguration(path: options["config"] ?? environment["MARTLET_CONFIG"], environment: environment)
        guard access(configuration.directory.database, R_OK | W_OK) == 0 else {
            let number = errno
            guard number == ENOENT else {
                Output.error(
                    "martlet-appliance: \(configuration.directory.database) cannot be opened (\(String(cString: strerror(number)))); "
                        + "nothing was read. Run it as root or as the appliance's user. [state.unreadable]")
                return 1
            }
            Output.line("There is no state in \(configuration.directory.path): this machine is not enrolled.")
            return 2
        }
        let database = try SQLiteDatabase(path: configuration.directory.database)
        let report = try await StatusReport(configuration, database: database, at: WallClock.system.now())
        await database.close()
        Output.text(report.text)
        return report.needsAttention ? 2 : 0
    }

    /// Prints the public key that the catalog must be signed with, for root to put where `martlet-hands` reads it.
    private func catalogKey() async throws -> Int32 {
        let environment = Environment.all()
        let configuration = try ApplianceConfiguration(path: options["config"] ?? environment["MARTLET_CONFIG"], environment: environment)
        guard access(configuration.directory.database, R_OK | W_OK) == 0 else { throw StartError.notEnrolled }
        let database = try SQLiteDatabase(path: configuration.directory.database)
        let identity = try await Identity.load(database)
        await database.close()
        guard let identity else { throw StartError.notEnrolled }
        Output.text(identity.catalogKey.pem)
        Output.error("This is \(identity.catalogKey.id): compare it with what Central's operator names before root trusts it.")
        return 0
    }

    /// For tests of what a sudden end leaves behind: ends this process without warning at the given durable step.
    private func faults() throws(UsageError) -> Faults {
        guard let text = options["crash-at"] else { return .none }
        #if DEBUG
        guard let faults = Faults(killingAt: text) else { throw UsageError("--crash-at takes STEP or STEP:COUNT") }
        return faults
        #else
        throw UsageError("run takes no \"--crash-at\"")
        #endif
    }
}

/// The command line is not one.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ reason: String) { description = "\(reason); nothing was done.\n\(Self.usage)" }

    static let usage = """
        usage: martlet-appliance [run] [--config PATH]
               martlet-appliance enroll --central URL --code CODE [--config PATH]
               martlet-appliance status [--config PATH]
               martlet-appliance catalog-key [--config PATH]
               martlet-appliance --version
        """
}
