import Documents
import Model
import Testing

private enum Colour: String, CaseIterable { case red, green }

@Suite struct NodeReaderTests {
    private func reader(_ text: String, _ log: DiagnosticLog) throws -> NodeReader {
        let node = try YAMLReader.read(Array(text.utf8), file: "a.yaml")
        return try #require(NodeReader(node, kind: "thing", log: log))
    }

    @Test func readsEveryKindOfValue() throws {
        let log = DiagnosticLog()
        var thing = try reader(
            "id: a.b\ntitle: A title\ncount: 3\nflag: true\nwait: 15m\ncolour: green\nwords: [no, \"1\"]\nnames: [x]\n", log)
        #expect(thing.name("id", as: CheckID.self) == "a.b")
        #expect(thing.text("title") == "A title")
        #expect(thing.integer("count", in: 1...3) == 3)
        #expect(thing.boolean("flag") == true)
        #expect(thing.duration("wait", in: .seconds(1) ... .seconds(900)) == .seconds(900))
        #expect(thing.choice("colour", of: Colour.self) == .green)
        #expect(thing.texts("words") == ["no", "1"])
        #expect(thing.names("names", as: Code.self) == ["x"])
        #expect(thing.names("absent", as: Code.self, default: []) == [])
        #expect(thing.integer("other", in: 0...9, default: 4) == 4)
        thing.finish()
        #expect(log.all.isEmpty)
    }

    @Test func collectsEveryFaultWithItsLine() throws {
        let log = DiagnosticLog()
        var thing = try reader("id: a b\ncount: 4\nflag: yes\nwait: 15 minutes\ncolour: gren\nwords: x\ntitel: x\nbig: 1e3\n", log)
        _ = thing.name("id", as: CheckID.self)
        _ = thing.text("title")
        _ = thing.integer("count", in: 1...3)
        _ = thing.integer("big", in: 1...3)
        _ = thing.boolean("flag")
        _ = thing.duration("wait", in: .seconds(1) ... .seconds(900))
        _ = thing.choice("colour", of: Colour.self)
        _ = thing.texts("words")
        thing.finish()
        #expect(
            log.all.map { "\($0.mark.line) \($0.code)" } == [
                "1 value.name", "1 document.missing_key", "2 value.range", "8 value.type", "3 value.type", "4 value.type", "5 value.choice",
                "6 value.type", "7 document.unknown_key",
            ])
        #expect(log.all.last?.sentence == "thing has no key \"titel\"; did you mean \"title\"?")
        #expect(throws: Diagnostics.self) { try log.throwIfErrors() }
    }

    @Test(
        "Durations: unit, bounds, nothing else",
        arguments: [
            ("90s", 90), ("15m", 900), ("1h", 3_600), ("30d", 2_592_000), ("0s", 0), ("3660d", 316_224_000), ("3661d", nil), ("1", nil),
            ("", nil),
            ("s", nil), ("-1s", nil), ("1.5h", nil), ("1H", nil), ("1w", nil), ("99999999999d", nil), (" 1s", nil),
        ] as [(String, Int64?)])
    func readsDurations(text: String, seconds: Int64?) {
        #expect(DurationText.parse(text)?.wholeSeconds == seconds)
        if let seconds { #expect(DurationText.parse(DurationText.text(.seconds(seconds)))?.wholeSeconds == seconds) }
    }

    @Test func suggestsOnlyWhatIsNear() {
        let known = ["sshd.permit_root_login", "sshd.installed", "id"]
        #expect(nearestName(to: "sshd.permit_root_logn", in: known) == "sshd.permit_root_login")
        #expect(nearestName(to: "firewall.active", in: known) == nil)
        #expect(nearestName(to: "ab", in: known) == nil)
        #expect(nearestName(to: "inervtal", in: ["interval"]) == "interval")
    }

    @Test func valuesAreReadByTheirDeclaredTypeNeverGuessed() throws {
        let log = DiagnosticLog()
        func value(_ text: String, _ type: ValueType) throws -> TypedValue? {
            try YAMLReader.read(Array(text.utf8), file: "a").value("x", of: type, log: log)
        }
        #expect(try value("22", .string) == .string("22"))
        #expect(try value("22", .integer) == .integer(22))
        #expect(try value("\"22\"", .integer) == nil)
        #expect(try value("022", .integer) == nil)
        #expect(try value("no", .string) == .string("no"))
        #expect(try value("no", .boolean) == nil)
        #expect(try value("\"true\"", .boolean) == nil)
        #expect(try value("1.10", .version) == .version(Version("1.10")!))
        #expect(try value("[a, 1]", .strings) == .strings(["a", "1"]))
        #expect(try value("a", .strings) == nil)
        #expect(try value("2026-11-21T02:33:00.000Z", .instant) == .instant(Timestamp("2026-11-21T02:33:00.000Z")!))
        #expect(try value("2026-11-21", .instant) == nil)
        #expect(try value("~", .string) == nil)
        #expect(try value("\"\"", .string) == .string(""))
    }

    @Test func aFloodOfFaultsIsCountedAndNotKept() {
        let log = DiagnosticLog()
        for _ in 0..<5_000 { log.error(at: Mark(file: "a", line: 1), code: "x", "y") }
        #expect(log.all.count == DiagnosticLog.keptMax)
        #expect(log.errorCount == 5_000)
    }
}
