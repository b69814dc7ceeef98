import ArgumentParser
import Foundation

/// `martlet demo`: everything on this machine, real, in a minute or so.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Run the main job end to end on this machine.",
        discussion: """
            Starts Central, enrols an appliance, breaks two practice hosts and shows how they are repaired and how it is \
            proven. Exits 0 only if all of it happened. MARTLET_DATABASE_URL=postgres://… puts Central on PostgreSQL.
            """)

    @Flag(help: "Leave everything running at the end, and say how to look around.") var keep = false
    @Flag(help: "Boot no practice hosts: one plain sshd on loopback, which can show less.") var plain = false
    @Option(help: "Where to keep what the demo makes; a new folder below the temporary one by default.") var directory: String?
    @Option(help: "The repository's root: its Catalog and scripts are used.") var repository = FileManager.default.currentDirectoryPath
    @Option(help: "0 to 200: keeps this demo's hosts apart from those of others on the same machine.") var instance = 100

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let narrator = Narrator()
        let folder = try directory ?? Self.temporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let binaries = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        var story: DemoStory?
        var failure: (any Error)?
        do {
            let prepared = try await DemoStory.prepare(
                directory: folder, repository: repository, binaries: binaries, databaseURL: environment["MARTLET_DATABASE_URL"],
                instance: plain ? nil : instance, narrator: narrator)
            story = prepared
            try await prepared.tell()
        } catch {
            failure = error
        }
        if let failure { narrator.chapter("The demo failed: \(failure)\nLogs: \(folder)") }
        if keep, failure == nil {
            narrator.chapter(
                """
                Everything stays up until you press Return. Look around:
                  \(binaries)/martlet-appliance status --config \(folder)/appliance.yaml
                  \(binaries)/martlet verify \(folder)/riverside.zip
                  LAB_INSTANCE=\(instance) \(repository)/scripts/lab/hosts status
                """)
            _ = readLine()
        }
        await story?.end()
        if !plain { await PracticeHosts.shutDown(repository: repository, instance: instance) }
        guard failure == nil else { throw ExitCode(1) }
        if !keep, directory == nil { try? FileManager.default.removeItem(atPath: folder) }
    }

    /// Short: the sockets of kept SSH connections lie below it.
    static func temporaryFolder() throws -> String {
        var template = Array("/tmp/martlet-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DemoFailure("cannot make a folder below /tmp") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
