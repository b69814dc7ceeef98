import Healing
import Hosts
import Model
import Testing

@testable import Healing

@Suite struct NftTextTests {
    @Test(
        "The management port is looked for in the lines that accept",
        arguments: [
            ("tcp dport 22 accept", true), ("tcp dport ssh accept", true), ("tcp dport { 80, 22 } accept", true),
            ("tcp dport 20-30 accept", true),
            ("tcp dport { 80, 443 } accept", false), ("tcp dport 2222 accept", false), ("tcp dport 22 drop", false),
            ("udp dport 22 accept", false),
            ("# tcp dport 22 accept", false), ("type filter hook input priority 0; policy drop;", false),
            ("type filter hook input priority 0; policy accept;", true), ("type filter hook forward priority 0; policy accept;", false),
            ("ct state new tcp dport 22 counter accept comment \"ssh\"", true), ("", false),
        ])
    func admits(line: String, isOpen: Bool) {
        #expect(NftText.admits("table inet filter {\n chain input {\n  \(line)\n }\n}", port: 22) == isOpen)
    }
}

@Suite(.serialized, .enabled(if: PracticeHost.obstacle == nil, "this machine cannot run practice hosts"))
struct NftRestoreTests {
    let practice: PracticeHost

    init() throws { practice = try PracticeHost.start(3) }

    static let good = """
        table inet filter {
            chain input {
                type filter hook input priority filter; policy drop;
                ct state established,related accept
                iif "lo" accept
                tcp dport 22 accept
            }
        }
        """
    /// Looks right, and lets in only somebody else.
    static let cuttingOff = good.replacing("tcp dport 22 accept", with: "ip saddr 192.0.2.0/24 tcp dport 22 accept")
    static let step: [(String, [String: TypedValue])] = [
        ("nft.restore", ["document": .string("nftables.ruleset"), "managementPort": .integer(22), "file": .string("/etc/nftables.conf")])
    ]

    func healer(_ document: String, passes: (command: [String], output: String?)) -> Healer {
        Healer(host: practice.host, documents: ["nftables.ruleset": document], passes: passes)
    }

    func rules() async throws -> String { try await practice.run("nft", "-s", "list", "ruleset") }

    @Test func theBaselineIsPutInForceAndKeptOverAReboot() async throws {
        try await practice.run("nft", "flush", "ruleset")
        let healer = healer(Self.good, passes: (["sh", "-c", "nft list ruleset | grep -q 'policy drop'"], nil))
        let result = await healer.run(Self.step)
        #expect(result.outcome.word == "success", "\(result)")
        let after = try await rules()
        try await practice.run("nft", "-f", "/etc/nftables.conf")
        #expect(try await rules() == after)
        #expect(await healer.run(Self.step).trace == "1 unchanged")
        #expect(try await practice.run("systemctl", "list-timers", "--all", "--no-legend", "martlet-undo-*") == "")
        #expect(try await practice.succeeds("sh", "-c", "ls /run/martlet/*") == false)
        await practice.host.disconnect()
        #expect(try await practice.run("id", "-un") == "root\n")
    }

    @Test func aRecheckThatFailsPutsTheOldRulesBack() async throws {
        try await practice.run("nft", "flush", "ruleset")
        try await practice.run("nft", "add", "table", "ip", "mine")
        let (before, file) = (try await rules(), try await practice.run("cat", "/etc/nftables.conf"))
        #expect(await healer(Self.good, passes: (["false"], nil)).run(Self.step).outcome == .reverted("test.drift"))
        #expect(try await rules() == before)
        #expect(try await practice.run("cat", "/etc/nftables.conf") == file)
    }

    @Test func rulesThatCutUsOffAreUndoneByTheHostItself() async throws {
        try await practice.run("nft", "flush", "ruleset")
        try await practice.run("nft", "add", "table", "ip", "mine")
        let before = try await rules()
        let result = await healer(Self.cuttingOff, passes: (["true"], nil)).run(Self.step, undoAfter: .seconds(4))
        #expect(result.outcome == .reverted("nft.cut_off"), "\(result)")
        await practice.host.disconnect()
        #expect(try await rules() == before)
    }

    @Test(
        "A ruleset without a way in, or that nft does not take, is refused before anything is touched",
        arguments: [
            (NftRestoreTests.good.replacing("tcp dport 22 accept", with: ""), "nft.no_way_in"),
            (NftRestoreTests.good.replacing("iif \"lo\" accept", with: "nonsense"), "nft.invalid"),
        ] as [(String, Code)])
    func refused(document: String, code: Code) async throws {
        let before = try await rules()
        let result = await healer(document, passes: (["true"], nil)).run(Self.step)
        #expect(result.outcome.code == code)
        #expect(try await rules() == before)
    }
}
