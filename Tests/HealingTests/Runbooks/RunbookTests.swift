import Catalog
import Detection
import Healing
import Hosts
import Model
import Testing

/// Every Linux runbook on a real host: the drift is found, taken back where the proof fails, repaired, and found and repaired
/// again when it comes back. What is simulated there stands in `docs/runbooks.md`.
@Suite(.serialized, .enabled(if: PracticeHost.obstacle == nil, "this machine cannot run practice hosts"))
struct RunbookTests {
    let practice: PracticeHost
    let play: RunbookPlay

    init() throws {
        practice = try PracticeHost.start(5, user: "martlet", become: .sudo)
        play = RunbookPlay(host: practice.host, catalog: try ShippedCatalogTests.catalog.get())
    }

    @Test func everyDriftIsRepairedTakenBackAndRepairedAgain() async throws {
        let server = try PracticeHost.start(1)
        // As root: a practice host's chronyd may otherwise not have the port.
        let serve = """
            printf 'local stratum 8\\nallow\\n' >/etc/chrony/conf.d/practice.conf
            printf '[Service]\\nUser=root\\nExecStart=\\nExecStart=/usr/sbin/chronyd -n -x -u root\\n' >/etc/systemd/system/chrony.service.d/server.conf
            systemctl daemon-reload; systemctl restart chrony
            """
        try await server.run("sh", "-c", serve)
        _ = try await play.script(RunbookCase.preparation + "\n" + PracticeHost.preparation.get(), deadline: .seconds(120))
        await play(RunbookCase.all(timeServer: server.address))
    }

    @Test func passwordsAreNotSwitchedOffBeforeAnybodyCameInWithAKey() async throws {
        _ = try await play.script(
            """
            rm -f /etc/ssh/sshd_config.d/*.conf; systemctl reload ssh
            journalctl -q --sync; journalctl -q --rotate; rm -f /run/log/journal/*/*@* /var/log/journal/*/*@*
            # Anybody may write this.
            logger -t sshd -p auth.info 'Accepted publickey for mallory'; journalctl -q --sync
            """)
        let steps = [("sshd.set_option", ["option": TypedValue.string("PasswordAuthentication"), "value": .string("no")])]
        let healer = Healer(host: practice.host, passes: (["sh", "-c", "sshd -T | grep -qx 'passwordauthentication no'"], nil))
        let refused = await healer.run(steps)
        #expect(refused.outcome == .reverted("sshd.no_key_proven"), "\(refused.detail)")
        await practice.host.disconnect()
        try await practice.run("true")
        let done = await healer.run(steps)
        #expect(done.outcome.word == "success", "\(done.outcome) \(done.detail)")
        _ = try await play.script("rm -f /etc/ssh/sshd_config.d/00-martlet.conf; systemctl reload ssh")
    }

    @Test func anEndedAccountIsGivenBackAndOurOwnEndsForNoLongerThanTheHostWaits() async throws {
        _ = try await play.script("id leaver >/dev/null 2>&1 || useradd -M leaver; chage -E -1 leaver; chage -E -1 martlet")
        let state = "awk -F: '$1 == \"leaver\" || $1 == \"martlet\" { print $1, $8 }' /etc/shadow"
        let step = { (account: String) in [("account.expire", ["accounts": TypedValue.strings([account])])] }
        let before = try await play.script(state)
        let failed = await Healer(host: practice.host, passes: (["false"], nil)).run(step("leaver"))
        #expect(failed.outcome == .reverted("test.drift"), "\(failed.detail)")
        #expect(try await play.script(state) == before)
        let healer = Healer(host: practice.host, passes: (["sh", "-c", state], "martlet \nleaver 1\n"))
        let done = await healer.run(step("leaver"))
        #expect(done.outcome.word == "success", "\(done.outcome) \(done.detail)")
        // The account by which we come.
        let own = await Healer(host: practice.host, passes: (["true"], nil)).run(step("martlet"), undoAfter: .seconds(3))
        #expect(own.outcome == .reverted("account.cut_off"), "\(own.detail)")
        #expect(try await play.script(state) == "martlet \nleaver 1\n")
        let root = await healer.run(step("root"))
        #expect(root.outcome == .failed("account.refused"))
    }
}
