import Catalog
import Detection
import Foundation
import Glibc
import Healing
import Hosts
import Model
import RootHands
import Seal
import Synchronization
import TestSupport
import Testing

/// What crosses the socket, through real sockets and real files.
@Suite(.enabled(if: geteuid() == 0)) struct HandsServiceTests {
    @Test("A drift is seen and repaired through the socket, and what was captured is closed to whoever keeps it")
    func heals() async throws {
        let box = try Box()
        try box.start()
        let client = try box.client()
        #expect(await client.look().verdict == .drift("files.wrong"))
        let intents = KeptIntents()
        let result = await client.heal(intents)
        #expect(result.outcome.word == "success" && result.actions.map(\.result) == ["done", "done"])
        #expect(box.modes == [0o640, 0o640])
        #expect(intents.text.contains("sealed") && !intents.text.contains("\"owner\""))
        // The pack was handed over once, and a helper that starts again still has it.
        #expect(box.log.withLock { $0.count { $0.hasPrefix("catalog ") } } == 1)
        box.stop()
        try box.start()
        #expect(await client.look().verdict == .compliant)
        #expect(box.log.withLock { $0.count { $0.hasPrefix("catalog ") } } == 1)
    }

    @Test("Facts that the check does not judge by do not leave the helper")
    func onlyTheChecksFacts() async throws {
        let box = try Box()
        try box.start()
        let client = try box.client()
        let request = ProbeRequest(check: Box.check, probe: "files", parameters: ["files": .strings(["/etc/shadow 0777 root root"])])
        let facts = try #require(try await client.host.facts([request]).first?.get())
        // Of the catalog's files, whatever the request says.
        #expect(facts.values == ["files.first_wrong_path": .string(box.paths[0])] && facts.unknowns.isEmpty)
        #expect(try await client.host.kind().get()["os.platforms"] != nil)
    }

    enum Refused: CaseIterable {
        case otherHost, otherCheck, otherRunbook, otherDigest, pattern, stranger, missing, otherArguments, otherVerb, notCaptured,
            secondFirst
    }

    @Test("A plan that is not the catalog's, or not for this machine, is refused and nothing is changed", arguments: Refused.allCases)
    func refuses(_ what: Refused) async throws {
        let box = try Box()
        try box.start()
        let client = try box.client()
        _ = await client.look()
        let good = box.entries[0]
        var plan = client.plan()
        var number = 0
        var files: [String]?
        let code: Code
        switch what {
        case .otherHost: (plan, code) = (client.plan(host: "there"), "hands.wrong_host")
        case .otherCheck: (plan, code) = (client.plan(check: "linux.time.sync"), "hands.wrong_check")
        case .otherRunbook: (plan, code) = (client.plan(runbook: "linux.nobody.knows"), "hands.unknown_runbook")
        case .otherDigest: (plan, code) = (client.plan(digest: .genesis), "hands.runbook_changed")
        case .pattern:
            (plan, code) = (client.plan(parameters: ["one": .strings(["/etc/shadow 0777 root root"])]), "hands.parameter_refused")
        case .stranger:
            (plan, code) = (client.plan(parameters: ["one": .strings([good]), "three": .integer(1)]), "hands.parameter_refused")
        case .missing: (plan, code) = (client.plan(parameters: [:]), "hands.parameter_refused")
        case .otherArguments: (files, code) = (["/etc/shadow 0777 root root"], "hands.step_differs")
        case .otherVerb: code = "hands.step_differs"
        case .notCaptured: code = "hands.step_out_of_order"
        case .secondFirst: (number, code) = (1, "hands.step_out_of_order")
        }
        var call = client.call(plan, number, files: files)
        if what == .otherVerb {
            call = StepCall(
                plan: plan, number: 0, step: Intent.Step(verb: "service.start", arguments: ["units": .strings(["cron.service"])]),
                deadline: call.deadline)
        }
        var found: StepError?
        do throws(StepError) {
            if what == .notCaptured {
                let captured = try await client.host.capture(call)
                // Of another plan: its own was never captured.
                _ = try await client.host.apply(client.call(client.plan()), captured)
            } else {
                _ = try await client.host.capture(call)
            }
        } catch {
            found = error
        }
        #expect(found?.code == code && found?.detail.isEmpty == false)
        #expect(box.modes == [0o666, 0o666])
    }

    @Test("While a plan is changing the machine another one is refused; its end, its failure and being put back let the next one in")
    func oneAtATime() async throws {
        let box = try Box()
        try box.start()
        let client = try box.client()
        let (first, second) = (client.plan(), client.plan())
        func capture(_ plan: Plan, _ number: Int = 0) async -> Code? {
            await code { () async throws(StepError) in _ = try await client.host.capture(client.call(plan, number)) }
        }
        // Nothing is changed yet: whoever comes later has it.
        _ = try await client.host.capture(client.call(second))
        let captured = try await client.host.capture(client.call(first))
        _ = try await client.host.apply(client.call(first), captured)
        #expect(await capture(second) == "hands.other_plan")
        #expect(box.modes == [0o640, 0o666])
        // The one that was refused has not ended the one at work.
        let next = try await client.host.capture(client.call(first, 1))
        #expect(await capture(second) == "hands.other_plan")
        _ = try await client.host.apply(client.call(first, 1), next)
        #expect(await capture(second) == nil)

        box.drift()
        let third = client.plan()
        let again = try await client.host.capture(client.call(third))
        _ = try await client.host.apply(client.call(third), again)
        #expect(await capture(second) == "hands.other_plan")
        // Of another plan, and so of nobody's.
        await #expect(throws: StepError.self) { try await client.host.restore(client.call(second), again) }
        #expect(await capture(second) == "hands.other_plan")
        try await client.host.restore(client.call(third), again)
        #expect(await capture(second) == nil && box.modes == [0o666, 0o666])

        let fourth = client.plan()
        let last = try await client.host.capture(client.call(fourth))
        for path in box.paths { unlink(path) }
        let failed = await code { () async throws(StepError) in _ = try await client.host.apply(client.call(fourth), last) }
        #expect(failed == "file.unreadable")
        #expect(await capture(second) == nil)
    }

    @Test("What was captured is good for its own step, unchanged and for a week; then nothing is put back")
    func capturedIsBound() async throws {
        let clock = TestClock()
        let box = try Box(clock: clock.clock)
        try box.start()
        let client = try box.client()
        let plan = client.plan()
        let call = client.call(plan)
        let captured = try await client.host.capture(call)
        _ = try await client.host.apply(call, captured)
        #expect(box.modes == [0o640, 0o666])

        func refusal(_ call: StepCall, _ captured: JSONValue) async -> Code? {
            do throws(StepError) {
                try await client.host.restore(call, captured)
                return nil
            } catch {
                return error.code
            }
        }
        let other = StepCall(plan: client.plan(), number: 0, step: call.step, deadline: call.deadline)
        #expect(await refusal(other, captured) == "hands.captured_forged")
        #expect(await refusal(client.call(plan, 0, files: ["/etc/shadow 0777 root root"]), captured) == "hands.captured_forged")
        var bytes = try #require(captured["sealed"]?.string.flatMap { [UInt8](base64: $0) })
        bytes[bytes.count / 2] ^= 1
        #expect(await refusal(call, ["sealed": .string(bytes.base64)]) == "hands.captured_forged")
        #expect(await refusal(call, ["sealed": "AAAA"]) == "hands.captured_forged")
        #expect(box.modes == [0o640, 0o666])

        clock.advance(by: CaptureSeal.ageMax)
        #expect(await refusal(client.call(plan), captured) == nil)
        #expect(box.modes == [0o666, 0o666])
        clock.advance(by: .milliseconds(1))
        #expect(await refusal(client.call(plan), captured) == "hands.captured_too_old")
        // Put back, the plan goes no further.
        await #expect(throws: StepError.self) { _ = try await client.host.apply(client.call(plan), captured) }
        #expect(box.modes == [0o666, 0o666])
    }

    @Test("While the pause file is there nothing is changed, what was begun is put back, and looks go on")
    func pauses() async throws {
        let box = try Box()
        try box.start()
        let client = try box.client()
        let plan = client.plan()
        let captured = try await client.host.capture(client.call(plan))
        _ = try await client.host.apply(client.call(plan), captured)
        let pause = box.configuration.pauseFiles[0]
        try Data().write(to: URL(filePath: pause))
        let second = await code { () async throws(StepError) in _ = try await client.host.capture(client.call(plan, 1)) }
        #expect(second == "hands.paused")
        #expect(await client.look().verdict == .drift("files.wrong"))
        try await client.host.restore(client.call(plan), captured)
        #expect(box.modes == [0o666, 0o666])
        let result = await client.heal(KeptIntents())
        #expect(result.outcome == .failed("hands.paused"))
        unlink(pause)
        #expect(await client.heal(KeptIntents()).outcome.word == "success")
    }

    @Test("A machine that its own configuration calls clinical is looked at and never changed")
    func clinical() async throws {
        let box = try Box()
        try box.start { $0.isClinical = true }
        let client = try box.client()
        #expect(await client.look().verdict == .drift("files.wrong"))
        #expect(await client.heal(KeptIntents()).outcome == .failed("hands.clinical"))
        #expect(box.modes == [0o666, 0o666])
    }

    @Test("A pack is taken by its signature and its growing version only")
    func catalogs() async throws {
        let box = try Box()
        try box.start()
        // Signed by a key that the appliance was made to believe, and root was not.
        let forged = try box.client(by: SigningKey())
        #expect(await forged.look().verdict == .unknown("hands.catalog_refused"))
        #expect(await forged.heal(KeptIntents()).outcome == .failed("hands.catalog_refused"))
        let second = try box.client(box.catalog(version: 2, retitled: "Newer"))
        #expect(await second.look().verdict == .drift("files.wrong"))
        let first = try box.client()
        #expect(await first.look().verdict == .unknown("hands.catalog_refused"))
        let same = try box.client(box.catalog(version: 2, retitled: "Another of this number"))
        #expect(await same.look().verdict == .unknown("hands.catalog_refused"))
        #expect(box.modes == [0o666, 0o666])
        #expect(await second.heal(KeptIntents()).outcome.word == "success")
    }

    @Test("Another baseline than the one that root named is refused")
    func baseline() async throws {
        let box = try Box()
        try box.start { $0.baseline = "strict" }
        #expect(try await box.client().look().verdict == .unknown("hands.unknown_baseline"))
    }

    @Test("Where nobody listens everything is unknown, and nothing is changed; so too where there is no helper at all")
    func nobodyThere() async throws {
        let box = try Box()
        let client = try box.client()
        #expect(await client.look().verdict == .unknown("hands.unreachable"))
        #expect(await client.heal(KeptIntents()).outcome == .failed("hands.unreachable"))
        let bare = BareHost(id: "here", clock: .system)
        #expect(await client.look(on: bare).verdict == .unknown("hands.not_configured"))
        #expect(await client.heal(KeptIntents(), through: bare).outcome == .failed("hands.not_configured"))
        #expect(try await HostPlatforms.read(bare, at: WallClock.system.now()).contains("linux"))
        await #expect(throws: HostError.self) { _ = try await bare.run(HostCommand(["true"])) }
        await #expect(throws: HostError.self) { _ = try await client.host.run(HostCommand(["true"])) }
        #expect(box.modes == [0o666, 0o666])
    }

    @Test("What installs software is started by systemd with the step's time as its limit; everything else is run as it is")
    func installers() {
        for words in [
            ["apt-get", "-y", "install", "cron"], ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "upgrade"], ["nixos-rebuild"],
        ] {
            let placed = MachineHost.placed(HostCommand(words, deadline: .seconds(90))).arguments
            #expect(
                placed.first == "systemd-run" && placed.contains("--property=RuntimeMaxSec=90s") && placed.suffix(words.count) == words[...]
            )
        }
        for words in [["systemctl", "restart", "apt-get"], ["env", "A=b", "cat"], ["env"], ["pgrep", "apt-get"]] {
            #expect(MachineHost.placed(HostCommand(words)).arguments == words)
        }
    }

    private func code(_ body: () async throws(StepError) -> Void) async -> Code? {
        do throws(StepError) {
            try await body()
            return nil
        } catch {
            return error.code
        }
    }
}
