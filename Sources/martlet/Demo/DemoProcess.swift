import Foundation

/// A real program that the demo starts and ends: its output goes to a file, which a failure names.
final class DemoProcess {
    private var process: Process?
    private let program: String
    private let arguments: [String]
    private let environment: [String: String]
    let log: String

    init(_ program: String, _ arguments: [String], environment: [String: String], log: String) {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.log = log
    }

    /// Whoever gives up on the way, as when the next one cannot be started, leaves nothing running.
    deinit { stop() }

    var identifier: Int32? { process?.processIdentifier }

    func start() throws {
        if !FileManager.default.fileExists(atPath: log) { _ = FileManager.default.createFile(atPath: log, contents: nil) }
        guard let file = FileHandle(forWritingAtPath: log) else { throw DemoFailure("cannot write \(log)") }
        file.seekToEndOfFile()
        startsBefore = occurrences(of: "started ")
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = environment.merging(["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]) { ours, _ in ours }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = file
        process.standardError = file
        try process.run()
        self.process = process
    }

    /// Asks it to stop and waits for the end.
    func stop() { end(with: SIGTERM) }

    /// As a power cut would.
    func kill() { end(with: SIGKILL) }

    /// Sends SIGHUP once the program says that it has started since the last time it was.
    func hangUp() async throws {
        try await eventually("\(program) to start", within: .seconds(10)) { occurrences(of: "started ") > startsBefore }
        if let process { Glibc.kill(process.processIdentifier, SIGHUP) }
    }

    private var startsBefore = 0
    func occurrences(of text: String) -> Int {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").components(separatedBy: text).count - 1
    }

    private func end(with signal: Int32) {
        guard let process, isRunning else { return }
        Glibc.kill(process.processIdentifier, signal)
        while Self.lives(process.processIdentifier) { usleep(20_000) }
        self.process = nil
    }

    var isRunning: Bool { process.map { Self.lives($0.processIdentifier) } ?? false }

    /// Asked of the system: Foundation learns of an end through a socket that later children inherit, and may learn late.
    private static func lives(_ identifier: Int32) -> Bool {
        guard let status = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8) else { return false }
        return status.split(separator: ")").last?.split(separator: " ").first != "Z"
    }

    /// TCP sockets of the process that listen, as the kernel lists them.
    func listeningSockets() throws -> Int {
        guard let process else { throw DemoFailure("\(program) does not run") }
        let descriptors = "/proc/\(process.processIdentifier)/fd"
        var sockets: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: descriptors) {
            // One that was closed since is nobody's listener.
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(descriptors)/\(name)") else { continue }
            if target.hasPrefix("socket:[") { sockets.insert(String(target.dropFirst(8).dropLast())) }
        }
        return try ["tcp", "tcp6"].reduce(0) { count, table in
            let lines = try String(contentsOfFile: "/proc/\(process.processIdentifier)/net/\(table)", encoding: .utf8).split(
                separator: "\n")
            // Column 3 is the state (0A: listening), column 9 the inode.
            return count
                + lines.dropFirst().count { line in
                    let words = line.split(separator: " ")
                    return words.count > 9 && words[3] == "0A" && sockets.contains(String(words[9]))
                }
        }
    }

    /// A port that nobody listens on now.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard descriptor >= 0, bound else { throw DemoFailure("no free port on loopback") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
