import Glibc
import Healing
import Hosts
import Model
import Seal
import Synchronization

/// A practice host of `scripts/lab/hosts`: real systemd, sshd and nftables in a network namespace.
///
/// The set is number `LAB_INSTANCE`, 5 if not given; what was started stays up for the next run.
struct PracticeHost: Sendable {
    let host: SSHHost
    let number: Int
    let address: String

    /// Why there can be none on this machine; nil if there can.
    static let obstacle: String? =
        Process.run(["possible"]).status == 0 ? nil : "this machine cannot run practice hosts (scripts/lab/hosts possible)"

    /// `scripts/lab/practice.sh`, which `martlet lab` runs on its hosts as well.
    static let preparation = Result {
        let path = String(#filePath.dropLast("Tests/HealingTests/PracticeHost.swift".utf8.count)) + "scripts/lab/practice.sh"
        guard let bytes = fileBytes(path) else { throw LabError(output: "cannot read \(path)") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Each test takes hosts of a number that no other test of this target uses at the same time.
    static func start(_ number: Int, user: String = "root", become: HostAccess.Become = .none) throws -> PracticeHost {
        try Startup.shared.withLock { isUp in
            if isUp { return }
            let started = Process.run(["start", "5"])
            guard started.status == 0 else { throw LabError(output: started.output) }
            isUp = true
        }
        var settings: [String: String] = [:]
        for line in Process.run(["status"]).output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { settings[String(parts[0])] = String(parts[1]) }
        }
        guard let address = settings["HOST\(number)"], let key = settings["SSH_KEY"], let known = settings["SSH_KNOWN_HOSTS"],
            let line = String(decoding: fileBytes(known) ?? [], as: UTF8.self).split(separator: "\n").first(where: {
                $0.hasPrefix(address + " ")
            })
        else { throw LabError(output: "no host \(number)") }
        let hostKey = line.dropFirst(address.utf8.count + 1)
        // Everything else runs beside this: a new connection may take longer than an appliance would wait for it.
        var limits = SSHLimits()
        limits.connect = .seconds(30)
        let host = try SSHHost(
            id: HostID("practice-\(number)")!, address: SSHAddress(host: address, user: user, keyFile: key, hostKey: String(hostKey)),
            become: become, stateDirectory: "/tmp/martlet-heal-\(getpid())-\(number)-\(user)", limits: limits)
        return PracticeHost(host: host, number: number, address: address)
    }

    @discardableResult
    func run(_ arguments: String..., input: String = "") async throws -> String {
        let result = try await host.run(HostCommand(arguments, input: Array(input.utf8)))
        guard result.succeeded else {
            throw LabError(output: "\(arguments): \(String(decoding: result.errorOutput, as: UTF8.self))")
        }
        return result.text
    }

    func succeeds(_ arguments: String...) async throws -> Bool { try await host.run(HostCommand(arguments)).succeeded }

    private struct Startup { static let shared = Mutex(false) }

    struct LabError: Error { let output: String }

    enum Process {
        static func run(_ arguments: [String], of kind: String = "hosts") -> (status: Int32, output: String) {
            let script = String(#filePath.dropLast("Tests/HealingTests/PracticeHost.swift".utf8.count)) + "scripts/lab/\(kind)"
            let instance = getenv("LAB_INSTANCE").map { String(cString: $0) } ?? "5"
            var descriptors: [Int32] = [0, 0]
            guard pipe(&descriptors) == 0 else { return (-1, "") }
            for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, descriptors[1], 1)
            defer { posix_spawn_file_actions_destroy(&actions) }
            var words: [UnsafeMutablePointer<CChar>?] = ([script] + arguments).map { (word: String) in strdup(word) } + [nil]
            var environment: [UnsafeMutablePointer<CChar>?] = [
                strdup("LAB_INSTANCE=" + instance), strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nil,
            ]
            var pid: pid_t = 0
            guard posix_spawn(&pid, script, &actions, nil, &words, &environment) == 0 else { return (-1, "") }
            close(descriptors[1])
            let output = readAll(descriptors[0])
            close(descriptors[0])
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            return ((status >> 8) & 0xff, String(decoding: output, as: UTF8.self))
        }
    }
}

/// Intents as the appliance keeps them: as canonical bytes, so that a test's crash loses what a real one loses.
final class KeptIntents: IntentStore {
    private let rows = Mutex<[PlanID: [UInt8]]>([:])
    private let saves = Mutex(0)
    /// The save of this number, from 0, is not made; every later call fails too: the process is dead.
    let diesAtSave: Int?

    init(diesAtSave: Int? = nil) { self.diesAtSave = diesAtSave }

    struct Dead: Error {}

    func save(_ intent: Intent) async throws {
        let number = saves.withLock { count in
            defer { count += 1 }
            return count
        }
        if let diesAtSave, number >= diesAtSave { throw Dead() }
        let bytes = try intent.json.canonicalBytes()
        rows.withLock { $0[intent.plan.id] = bytes }
    }

    func unfinished() async throws -> [Intent] {
        try rows.withLock { rows in
            try rows.values.map { try Intent(json: JSONValue(parsing: $0, limits: JSONLimits(bytesMax: 4 << 20))) }
        }
        .sorted { $0.started < $1.started }
    }

    /// What the caller's transaction with the evidence does.
    func end(_ plan: PlanID) { rows.withLock { $0[plan] = nil } }
}
