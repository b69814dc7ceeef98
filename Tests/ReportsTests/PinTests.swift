import Compliance
import Foundation
import Model
import Seal
import TestSupport
import Testing
import TransparencyLog

@testable import Reports

/// What a reader brings along stands against what the kit says of itself, in both programs.
@Suite struct PinTests {
    let directory: TemporaryDirectory
    let sample: KitSample
    var kit: String { directory.file("kit.zip") }

    init() async throws {
        directory = try TemporaryDirectory()
        sample = try await KitSample(seed: 31)
        try sample.write(to: directory.file("kit.zip"))
    }

    /// Codes and text of both; they must say the same.
    private func judge(_ pins: KitPins, _ arguments: [String]) async throws -> (codes: [Code], report: KitReport, printed: String) {
        let report = await KitVerifier(pins, workers: 2).verify(kit)
        let command = ["-c", "python3 \"$@\"; test $? -lt 2", "sh", "\(repositoryRoot)/scripts/verify_kit.py"] + arguments + [kit]
        let printed = try runCommand("/bin/sh", command)
        let found = printed.split(separator: "\n").filter { $0.hasPrefix("finding") }.map { String($0.split(separator: " ")[1]) }
        #expect(found == report.findings.map(\.code.description))
        return (report.findings.map(\.code), report, printed)
    }

    @Test("A box of another key, or one that is not in the kit, is a finding; with each box named nothing is left to compare")
    func pinsBoxes() async throws {
        let key = sample.evidenceKey.id
        let right = Dictionary(uniqueKeysWithValues: sample.appliances.map { ($0, key) })
        let arguments = sample.appliances.flatMap { ["--appliance", "\($0)=\(key)"] }
        let whole = try await judge(KitPins(appliances: right), arguments)
        #expect(whole.codes == [])
        let open = try await judge(KitPins(), [])
        for (text, name) in [(open.report.table, "Swift"), (open.printed, "Python")] {
            #expect(text.contains("whether these keys are your boxes'"), "\(name)")
            #expect(text.contains("key \(key) from "), "\(name)")
        }
        #expect(!whole.report.table.contains("whether these keys") && !whole.printed.contains("whether these keys"))

        let other = SigningKey().id
        let first = sample.appliances[0]
        let wrong = try await judge(KitPins(appliances: [first: other]), ["--appliance", "\(first)=\(other)"])
        #expect(wrong.codes == ["kit.untrusted_appliance"] && wrong.report.figures != nil)
        var random = SeededGenerator(seed: 1)
        let absent = ApplianceID(at: sample.now, random: &random)
        let missing = try await judge(KitPins(appliances: [absent: key]), ["--appliance", "\(absent)=\(key)"])
        #expect(missing.codes == ["kit.appliance_missing"])
    }

    @Test("Witnesses that the reader names count instead of the provider's, each key once")
    func pinsWitnesses() async throws {
        let genuine = sample.subject.log.witnesses[0]
        let other = try NoteVerifier(name: "auditor.example", algorithm: .cosignature, key: SigningKey().verifyingKey)
        let one = ["--witness", genuine.text]
        let both = one + ["--witness", other.text]
        let alone = try await judge(KitPins(witnesses: [genuine]), one)
        #expect(alone.codes == [] && alone.report.table.contains("by witness.example") && alone.printed.contains("by witness.example"))
        #expect(!alone.report.table.contains("the provider chose them") && !alone.printed.contains("the provider chose them"))
        #expect(try await judge(KitPins(witnesses: [genuine, other]), both).codes == ["log.too_few_witnesses"])
        #expect(try await judge(KitPins(witnesses: [genuine, other], quorum: 1), both + ["--quorum", "1"]).codes == [])
        #expect(try await judge(KitPins(witnesses: [other]), ["--witness", other.text]).codes == ["log.too_few_witnesses"])
    }

    @Test("A kit says up to when it is judged, what its looks found, where a chain begins, and what it cannot show")
    func saysWhatItIsNot() async throws {
        let (_, report, printed) = try await judge(KitPins(), [])
        #expect(report.daysNotJudged == 0 && report.found?.drift ?? 0 > 0)
        for text in [report.table, printed] {
            for words in [
                "judged up to \(sample.subject.period.horizon)", "by these looks: ",
                "begins with number 40: what was before it is not in this kit",
                "1 entries from before these bundles; 0 of them on the provider's word", "1, not checked here",
                "whether a box, the end of a chain, or all of something was left out", "the provider chose them",
                "which checks speak to a control: that list is the provider's",
            ] {
                #expect(text.contains(words), "\(words)")
            }
        }
        var parts = try KitParts(path: kit)
        parts["verify.html"] = Array("<h1>All is well</h1>".utf8)
        try parts.relist(with: sample.central)
        try Data(parts.packed()).write(to: URL(filePath: directory.file("page.zip")))
        let other = await KitVerifier(KitPins(), workers: 2).verify(directory.file("page.zip"))
        #expect(other.exitCode == 0 && other.table.contains("verify.html is not what this program writes"))
    }

    @Test("A text of a kit cannot write lines of a report")
    func escapesTexts() {
        #expect("a\n\u{1b}[8m\u{202e}é".printable == "a\\u{a}\\u{1b}[8m\\u{202e}é")
        #expect("Praxis Grün".isPlain && !"a\u{2028}b".isPlain && !"a\u{7f}".isPlain)
        #expect("164.312(a)".isPrintableASCII && !"".isPrintableASCII && !"\u{212a}".isPrintableASCII)
    }
}
