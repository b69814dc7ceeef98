import Documents
import Model
import Testing

private enum Mode: String, CaseIterable { case direct, reseller }

private enum Keys {
    static let url = Setting<String>.text("central.url", manual: "Where Central is.")
    static let interval = Setting<Duration>.duration(
        "poll.interval", .default(.seconds(60)), in: .seconds(10) ... .seconds(3_600), manual: "Time between two questions.")
    static let budget = Setting<Int64>.integer("heal.budgetPerHour", .default(10), in: 0...100, manual: "Repairs an hour, at most.")
    static let mode = Setting<Mode>.choice("mode", .default(.direct), manual: "Who sees events.")
    static let site = Setting<SiteID>.parsed("site", .optional, accepts: "a site id", manual: "The site.")
    static let state = Setting<String>.path("state", .default("/var/lib/martlet"), manual: "Where state is kept.")
    static let token = Setting<Secret>.secret("token", .optional, manual: "Shown once.")
    static let domains = Setting<[String]>.texts("domains", .default([]), countMax: 3, manual: "Names that may be asked.")
    static let hostName = Setting<HostID>.parsed("name", accepts: "a name", manual: "What the site calls it.")
    static let hostPort = Setting<Int64>.integer("ssh.port", .default(22), in: 1...65_535, manual: "Port.")
    static let hosts = Setting<[Settings]>.list(
        "hosts", of: [hostName.declaration, hostPort.declaration], countMax: 2, manual: "Machines.")
    static let schema = SettingsSchema(
        program: "martlet-test", "For tests.",
        [
            url.declaration, interval.declaration, budget.declaration, mode.declaration, site.declaration, state.declaration,
            token.declaration, domains.declaration, hosts.declaration,
        ], otherVariables: ["MARTLET_CONFIG"])
}

@Suite struct SettingsTests {
    private func settings(_ text: String, _ environment: [String: String] = [:]) throws -> Settings {
        let node = text.isEmpty ? nil : try YAMLReader.read(Array(text.utf8), file: "a.yaml")
        return try Settings(Keys.schema, file: node, environment: environment)
    }

    private func faults(_ text: String, _ environment: [String: String] = [:]) -> [String] {
        do {
            _ = try settings(text, environment)
            return []
        } catch let error as Diagnostics {
            return error.all.map(\.description)
        } catch { return ["\(error)"] }
    }

    @Test func theEnvironmentWinsOverTheFileAndTheFileOverDefaults() throws {
        let read = try settings(
            "central: {url: \"https://a.example\"}\npoll: {interval: 5m}\nmode: reseller\nhosts:\n- name: front-desk\n- {name: b, ssh: {port: 2222}}\n",
            ["MARTLET_POLL_INTERVAL": "30s", "MARTLET_DOMAINS": "a.example,b.example", "MARTLET_CONFIG": "x", "HOME": "/"])
        #expect(read[Keys.url] == "https://a.example")
        #expect(read[Keys.interval] == .seconds(30))
        #expect(read.origin(Keys.interval).description == "MARTLET_POLL_INTERVAL")
        #expect(read.origin(Keys.mode).description == "a.yaml:3")
        #expect(read[Keys.budget] == 10)
        #expect(read[Keys.mode] == .reseller)
        #expect(read.optional(Keys.site) == nil)
        #expect(read[Keys.domains] == ["a.example", "b.example"])
        #expect(read[Keys.hosts].map { $0[Keys.hostName] } == ["front-desk", "b"])
        #expect(read[Keys.hosts].map { $0[Keys.hostPort] } == [22, 2_222])
        #expect(read[Keys.hosts].map(\.mark.line) == [5, 6])
    }

    @Test func anEmptyFileIsEnoughWhereVariablesGiveWhatIsRequired() throws {
        #expect(try settings("", ["MARTLET_CENTRAL_URL": "x"])[Keys.url] == "x")
    }

    @Test(
        "A bad value is refused with its key, what is taken, and where it came from",
        arguments: [
            ("poll: {interval: 5s}", "a.yaml:1: error: poll.interval is 5s, taken are 10s to 1h [value.range]"),
            ("poll: {interval: 61m}", "a.yaml:1: error: poll.interval is 61m, taken are 10s to 1h [value.range]"),
            ("poll: 60s", "a.yaml:1: error: poll must be a mapping of keys to values [document.not_mapping]"),
            ("pol: {interval: 60s}", "a.yaml:1: error: there is no setting \"pol\" [settings.unknown_key]"),
            (
                "poll:\n  intervall: 60s",
                "a.yaml:2: error: there is no setting \"poll.intervall\"; did you mean \"poll.interval\"? [settings.unknown_key]"
            ),
            ("heal: {budgetPerHour: 101}", "a.yaml:1: error: heal.budgetPerHour is 101, taken are 0 to 100 [value.range]"),
            ("state: var", "a.yaml:1: error: state is \"var\"; an absolute path is taken [value.path]"),
            ("site: site_1", "a.yaml:1: error: site is \"site_1\"; taken is a site id [value.form]"),
            ("domains: [a, b, c, d]", "a.yaml:1: error: domains has 4 entries, at most 3 are taken [value.too_many]"),
            ("hosts: [{nam: a, name: b}]", "a.yaml:1: error: there is no setting \"nam\"; did you mean \"name\"? [settings.unknown_key]"),
            (
                "hosts: [{}]",
                "a.yaml:1: error: hosts: name must be given (a name); the program does not start without it [settings.missing]"
            ),
        ])
    func refuses(text: String, sentence: String) {
        #expect(faults(text, ["MARTLET_CENTRAL_URL": "x"]) == [sentence])
    }

    @Test func aBadVariableIsNamed() {
        #expect(
            faults("", ["MARTLET_CENTRAL_URL": "x", "MARTLET_HEAL_BUDGET_PER_HOUR": "many", "MARTLET_POLL_INTERVL": "1m"]) == [
                "MARTLET_POLL_INTERVL: error: no setting is read from \"MARTLET_POLL_INTERVL\"; did you mean \"MARTLET_POLL_INTERVAL\"? "
                    + "[settings.unknown_variable]",
                "MARTLET_HEAL_BUDGET_PER_HOUR: error: heal.budgetPerHour must be a whole number without quotes, not \"many\" [value.type]",
            ])
        #expect(
            faults("") == [
                "environment: error: central.url or MARTLET_CENTRAL_URL must be given (text, at most 1000 bytes); the program does not start "
                    + "without it [settings.missing]"
            ])
    }

    @Test func aSecretIsNeverShown() throws {
        let read = try settings("", ["MARTLET_CENTRAL_URL": "x", "MARTLET_TOKEN": "hunter2"])
        let token = try #require(read.optional(Keys.token))
        #expect(token.revealed() == "hunter2")
        var dumped = ""
        dump(token, to: &dumped)
        #expect(!"\(token) \(String(reflecting: token)) \(dumped)".contains("hunter2"))
        #expect(!faults("token: {hunter2: hunter2}", ["MARTLET_CENTRAL_URL": "x"]).joined().contains("hunter2"))
        #expect(!faults("token: \(String(repeating: "hunter2", count: 200))", ["MARTLET_CENTRAL_URL": "x"]).joined().contains("hunter2"))
    }

    @Test func theManualNamesEveryKeyWithItsRangeDefaultAndVariable() {
        let manual = SettingsManual.markdown([Keys.schema])
        for piece in [
            "## martlet-test\n\nFor tests.\n",
            "### `poll.interval`\n\nduration, 10s to 1h · default `1m` · `MARTLET_POLL_INTERVAL`\n\nTime",
            "### `central.url`\n\ntext, at most 1000 bytes · required · `MARTLET_CENTRAL_URL`",
            "### `hosts`\n\nlist of mappings, at most 2 · default `none`\n\nMachines.\n\nEach entry:\n\n- `name` (a name · required): What",
            "- `ssh.port` (whole number, 1 to 65535 · default `22`): Port.",
        ] {
            #expect(manual.contains(piece))
        }
    }
}
