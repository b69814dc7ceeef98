import Catalog
import Foundation
import Healing
import Hosts
import Model
import Testing

/// What only a machine with a kernel, a disk and a clock of its own shows, on one in QEMU (`scripts/lab/machine`).
@Suite(.serialized, .enabled(if: Machine.obstacle == nil, "this machine cannot run another (scripts/lab/machine possible)"))
struct MachineTests {
    private let machine: Machine
    private let play: RunbookPlay

    init() throws {
        machine = try Machine.shared.get()
        play = RunbookPlay(host: machine.host, catalog: try ShippedCatalogTests.catalog.get())
    }

    @Test("Audit rules are loaded into the kernel, kernel parameters and a clock that is hours off are set, and each is taken back")
    func kernel() async throws {
        await play(RunbookCase.ofKernel(timeServer: machine.timeServer))
        // The kernel records what the rules watch.
        _ = try await play.script("useradd -M watched; userdel watched")
        #expect(try await play.script("ausearch --input-logs -k martlet -i | grep -c 'name=/etc/passwd'") != "0\n")
        let off = try #require(Int(try await play.script("date +%s").dropLast())) - Int(Date().timeIntervalSince1970)
        #expect(abs(off) < 60, "\(off) s")
    }

    @Test("A volume behind LUKS is told from one in the clear, and nothing is done about the one in the clear but to say so")
    func encryption() async throws {
        let make = """
            set -e; mkdir -p /srv/records; truncate -s 40M /var/records.img; printf secret >/run/records.key
            cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /var/records.img /run/records.key
            cryptsetup open --key-file /run/records.key /var/records.img records; mke2fs -q -t ext4 /dev/mapper/records
            mount /dev/mapper/records /srv/records
            """
        _ = try await play.script(make, deadline: .seconds(120))
        let check = try #require(play.catalog.checks["linux.encryption.at_rest"])
        let item = RunbookCase(
            name: "volumes", check: check.id, code: "encryption.off", runbook: "none", inject: "", state: nil,
            parameters: ["clearMountsAllowed": .strings(["/"])])
        let mapped = await play.observe(check, item)
        #expect(mapped.verdict == .compliant, "\(mapped)")
        let clearAgain = """
            umount /srv/records; cryptsetup close records; mke2fs -q -F -t ext4 /var/records.img; mount -o loop /var/records.img /srv/records
            """
        _ = try await play.script(clearAgain)
        let clear = await play.observe(check, item)
        #expect(clear.verdict == .drift("encryption.off"), "\(clear)")
        #expect(clear.facts["encryption.clear_mounts"] == .strings(["/", "/srv/records"]), "\(clear.facts)")
        #expect(play.catalog.runbooks.values.allSatisfy { !$0.checks.contains(check.id) })
        _ = try await play.script("umount /srv/records; rm -f /var/records.img")
    }

    @Test("When the power goes in the middle of a plan the next start finishes it or puts it back, by what the disk kept")
    func powerCut() async throws {
        let files = ["/etc/practice-one", "/etc/practice-two"]
        _ = try await play.script("for f in \(files.joined(separator: " ")); do echo secret >$f; chmod 666 $f; done; sync")
        let steps = files.map { ("file.set_mode", ["files": TypedValue.strings(["\($0) 0640 root root"])]) }
        let (plan, runbook) = Healer.runbook(steps, host: machine.host.id)
        // Both steps are done and noted, and the check was not made again.
        let intents = KeptIntents()
        let machine = machine
        let result = await Executor(verbs: VerbRegistry(), intents: intents, clock: .system, documents: [:]).run(
            plan, runbook: runbook, runbookDigest: plan.runbookDigest, on: machine.host, preState: Facts(),
            recheck: {
                let started = WallClock.system.now()
                machine.cut()
                return Observation(
                    host: machine.host.id, check: "test.check", verdict: .unknown("host.connection_lost"), facts: Facts(),
                    started: started, ended: WallClock.system.now())
            })
        #expect(result.outcome == .failed("executor.rollback_failed"), "\(result.outcome) \(result.detail)")
        let intent = try #require(try await intents.unfinished().first)
        try machine.boot()
        let healer = Healer(host: machine.host, passes: (["stat", "-c", "%a"] + files, "640\n640\n"))
        let executor = Executor(verbs: VerbRegistry(), intents: intents, clock: .system, documents: [:])
        let recovered = try #require(await executor.recover(intent, on: machine.host, recheck: healer.recheck))
        let modes = try await play.script("stat -c %a \(files.joined(separator: " "))")
        switch recovered.outcome {
        case .success: #expect(modes == "640\n640\n")
        case .reverted: #expect(modes == "666\n666\n")
        default: Issue.record("\(recovered.outcome) \(recovered.detail)")
        }
    }

    @Test("An overdue restart is made by the machine's own kernel, once")
    func restart() async throws {
        let before = try await play.script("cat /proc/sys/kernel/random/boot_id")
        await play([
            RunbookCase(
                name: "an overdue restart of a kernel", check: "linux.patch.security_updates", code: "patch.restart_overdue",
                runbook: "linux.host.reboot", inject: "touch /var/lib/apt/lists; touch -d '10 days ago' /run/reboot-required", state: nil,
                relapses: false)
        ])
        #expect(try await play.script("cat /proc/sys/kernel/random/boot_id") != before)
        #expect(try await play.script("uptime -p; test ! -e /run/reboot-required").hasPrefix("up "))
    }
}

extension RunbookCase {
    /// - Parameter timeServer: that serves the right time.
    fileprivate static func ofKernel(timeServer: String) -> [RunbookCase] {
        [
            RunbookCase(
                name: "rules of the kernel's audit", check: "linux.audit.rules", code: "audit.disabled",
                runbook: "linux.audit.set_rules",
                inject: """
                    auditctl -D >/dev/null; auditctl -w /etc/hostname -p wa -k other; auditctl -e 0 >/dev/null; rm -f /etc/audit/rules.d/*martlet*
                    """,
                state: "auditctl -l; auditctl -s | grep enabled; ls /etc/audit/rules.d"),
            RunbookCase(
                name: "parameters of the kernel", check: "linux.kernel.hardening", code: "kernel.setting",
                runbook: "linux.kernel.set_parameters",
                inject: "sysctl -qw kernel.dmesg_restrict=0 kernel.randomize_va_space=1 fs.suid_dumpable=2; rm -f /etc/sysctl.d/*martlet*",
                state: "sysctl kernel.dmesg_restrict kernel.randomize_va_space fs.suid_dumpable; ls /etc/sysctl.d"),
            RunbookCase(
                name: "a clock that is two hours ahead", check: "host.time.sync", code: "time.offset", runbook: "linux.time.step",
                inject: """
                    sed -i '/^makestep/d; /^pool/d' /etc/chrony/chrony.conf; mkdir -p /etc/chrony/sources.d
                    echo 'server \(timeServer) iburst' >/etc/chrony/sources.d/lab.sources
                    systemctl stop chrony; date -s '+2 hours' >/dev/null; systemctl start chrony
                    for i in $(seq 100); do chronyc -n tracking | grep -q 'Leap status *: Normal' && break; sleep 0.2; done
                    """, state: nil),
        ]
    }
}

/// One machine for all tests of a run, and its end with it.
private struct Machine: Sendable {
    let host: SSHHost
    let timeServer: String

    /// Why there can be none on this machine; nil if there can.
    static let obstacle: String? = run("possible").status == 0 ? nil : "no machine"

    static let shared = Result { try Machine() }

    private init() throws {
        _ = Self.run("stop")
        let started = Self.run("start")
        guard started.status == 0 else { throw PracticeHost.LabError(output: started.output) }
        var settings: [String: String] = [:]
        for line in started.output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { settings[String(parts[0])] = String(parts[1]) }
        }
        guard let port = settings["MACHINE_PORT"].flatMap({ UInt16($0) }), let server = settings["TIME_SERVER"],
            let key = settings["SSH_KEY"], let known = settings["SSH_KNOWN_HOSTS"],
            let line = try? String(contentsOfFile: known, encoding: .utf8).split(separator: "\n").first,
            let space = line.firstIndex(of: " ")
        else { throw PracticeHost.LabError(output: started.output) }
        timeServer = server
        // Its processor is emulated.
        var limits = SSHLimits()
        limits.connect = .seconds(60)
        host = try SSHHost(
            id: "machine",
            address: SSHAddress(
                host: "127.0.0.1", port: port, user: "root", keyFile: key, hostKey: String(line[line.index(after: space)...])),
            become: .none, stateDirectory: "/tmp/martlet-machine-\(ProcessInfo.processInfo.processIdentifier)", limits: limits)
        atexit { _ = Machine.run("stop") }
    }

    func cut() { _ = Self.run("cut") }

    func boot() throws {
        let booted = Self.run("boot")
        guard booted.status == 0 else { throw PracticeHost.LabError(output: booted.output) }
    }

    private static func run(_ command: String) -> (status: Int32, output: String) { PracticeHost.Process.run([command], of: "machine") }
}
