import Appliance
import Catalog
import Database
import Glibc
import Healing
import Hosts
import Model
import Seal

/// The real `martlet-appliance` beside this program, on an enrolled state with the shipped catalog, 20 hosts that refuse the
/// connection, and no Central: from its start to READY on its notification socket, and what it keeps in memory at rest.
enum StartBenchmark {
    private static let hostCount = 20
    /// After the first look at every host.
    static let settleSeconds: UInt32 = 10
    static let restSeconds = 60

    /// Once a second, so that what its work maps for a moment shows as well as what stays.
    struct Rest {
        /// KiB.
        var memory: [(resident: Int, anonymous: Int)] = []
        var processorSeconds = 0.0
    }

    static func run() async throws -> [Line] {
        guard let own = realpath("/proc/self/exe", nil) else { throw BenchmarkFault("cannot find this program") }
        let program = String(cString: own).split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/martlet-appliance"
        free(own)
        guard access(program, X_OK) == 0 else {
            return [Line(what: "start: build martlet-appliance beside this program", value: "not run", peer: "", isReached: nil)]
        }
        let scratch = try ScratchDirectory()
        defer { scratch.remove() }
        try await enroll(scratch)
        var milliseconds: [Double] = []
        var rest = Rest()
        for round in 0..<6 {
            let process = try RunningAppliance(program, scratch)
            defer { process.stop() }
            milliseconds.append(try process.waitUntilReady())
            guard round == 5 else { continue }
            rest = process.rest()
        }
        let share = rest.processorSeconds / Double(restSeconds) * 100
        let usual = rest.memory.sorted { $0.resident < $1.resident }
        guard let most = usual.last else { throw BenchmarkFault("the appliance ended") }
        let median = usual[usual.count / 2]
        return [
            Line(
                what: "appliance started, exec to READY", value: "\(milliseconds.sorted()[3].readable) ms", peer: "median of six",
                isReached: milliseconds.sorted()[3] <= 20),
            Line(
                what: "its resident memory at rest, \(hostCount) hosts", value: "\((Double(median.resident) / 1_024).readable) MiB",
                peer: "anonymous \(median.anonymous) KiB; most \((Double(most.resident) / 1_024).readable) MiB",
                isReached: median.resident <= 16 * 1_024),
            Line(
                what: "its share of a core in that time", value: "\(share.readable) %", peer: "over \(restSeconds) s, children included",
                isReached: share < 0.5),
        ]
    }

    /// What enrolment leaves behind, with a certificate that nobody will ask for.
    private static func enroll(_ scratch: ScratchDirectory) async throws {
        let state = StateDirectory(scratch.path + "/state")
        try state.prepare()
        let database = try SQLiteDatabase(path: state.database)
        try await ApplianceSchema.migrator.migrate(database, now: WallClock.system.now)
        let certificate = try await LocalHost(id: "here").run(
            HostCommand([
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", "/CN=bench", "-keyout", "-", "-out", "-",
            ]))
        guard certificate.exitStatus == 0 else { throw BenchmarkFault("openssl made no certificate") }
        try PrivateFile.create(state.tlsIdentity, certificate.output)
        for path in [state.evidenceKey, state.sealingKey, scratch.path + "/host.key"] {
            try PrivateFile.create(path, SigningKey().seed)
        }
        let catalogKey = SigningKey()
        let now = WallClock.system.now()
        let text = String(decoding: certificate.output, as: UTF8.self)
        guard let start = text.firstRange(of: "-----BEGIN CERTIFICATE-----") else { throw BenchmarkFault("openssl made no certificate") }
        let identity = Identity(
            organization: OrganizationID(at: now), site: SiteID(at: now), appliance: ApplianceID(at: now),
            centralURL: "https://127.0.0.1:9", authority: String(text[start.lowerBound...]), orderKey: catalogKey.verifyingKey,
            receiptKey: catalogKey.verifyingKey, catalogKey: catalogKey.verifyingKey)
        let catalog = try CatalogLoader.load(directory: "Catalog", schema: .code(), version: 1)
        let pack = CatalogPack.sign(try CatalogPack.encode(catalog, schema: .code()), with: catalogKey)
        let settings = String(decoding: try identity.json.canonicalBytes(), as: UTF8.self)
        try await database.write {
            try SettingTable.write(.identity, settings, in: $0)
            try CatalogTable.activate(1, pack, at: now, in: $0)
        }
        await database.close()
        let hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA" + String(repeating: "A", count: 44)
        let hosts = (1...hostCount).map {
            "  - {id: host-\($0), address: 127.0.0.1, port: 9, keyFile: \(scratch.path)/host.key, hostKey: \(hostKey)}\n"
        }
        let configuration = "stateDirectory: \(scratch.path)/state\nclock:\n  servers: []\nhosts:\n\(hosts.joined())"
        try PrivateFile.create(scratch.path + "/appliance.yaml", Array(configuration.utf8))
    }
}

/// The appliance as systemd would start it.
private final class RunningAppliance {
    private let started: ContinuousClock.Instant
    private let socketDescriptor: Int32
    private var process: pid_t = 0

    init(_ program: String, _ scratch: ScratchDirectory) throws {
        let path = scratch.path + "/notify"
        unlink(path)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { throw BenchmarkFault("\(path) is too long") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard isBound == 0 else { throw BenchmarkFault("cannot listen on \(path)") }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))

        var arguments = copies([program, "run", "--config", scratch.path + "/appliance.yaml"])
        var environment = copies(["NOTIFY_SOCKET=\(path)", "PATH=/usr/bin:/bin", "MARTLET_LOG_LEVEL=error"])
        defer { for text in arguments + environment { free(text) } }
        socketDescriptor = descriptor
        started = .now
        guard posix_spawn(&process, program, nil, nil, &arguments, &environment) == 0 else {
            throw BenchmarkFault("cannot start \(program)")
        }
    }

    func waitUntilReady() throws -> Double {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = recv(socketDescriptor, &bytes, bytes.count, 0)
        guard count > 0, bytes.starts(with: Array("READY=1".utf8)) else { throw BenchmarkFault("the appliance did not become ready") }
        return started.duration(to: .now).inSeconds * 1_000
    }

    func rest() -> StartBenchmark.Rest {
        var rest = StartBenchmark.Rest()
        sleep(StartBenchmark.settleSeconds)
        let before = processorSeconds()
        for _ in 0..<StartBenchmark.restSeconds {
            sleep(1)
            let memory = memory()
            if let resident = memory["VmRSS"] { rest.memory.append((resident, memory["RssAnon"] ?? 0)) }
        }
        rest.processorSeconds = processorSeconds() - before
        return rest
    }

    /// Of all its threads and of the children it has waited for.
    private func processorSeconds() -> Double {
        guard let file = fopen("/proc/\(process)/stat", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1_024)
        guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Its name is in parentheses; 11 fields after it come utime, stime, cutime, cstime.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 14 else { return 0 }
        return fields[11...14].compactMap { Double($0) }.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Lines of `/proc/PID/status` that are in KiB.
    private func memory() -> [String: Int] {
        guard let file = fopen("/proc/\(process)/status", "r") else { return [:] }
        defer { fclose(file) }
        var figures: [String: Int] = [:]
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split {
                ": \t\n".contains($0)
            }
            if words.count == 3, words[2] == "kB" { figures[String(words[0])] = Int(words[1]) }
        }
        return figures
    }

    func stop() {
        kill(process, SIGTERM)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        close(socketDescriptor)
    }
}

/// As execve(2) takes them; to be freed.
private func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
    var copies: [UnsafeMutablePointer<CChar>?] = texts.map { strdup($0) }
    copies.append(nil)
    return copies
}
