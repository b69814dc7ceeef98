import Catalog
import Central
import Database
import Evidence
import Foundation
import Healing
import Hosts
import Model
import Reports
import Seal
import TransparencyLog
import Wire

/// The main job, end to end, with nothing simulated but the practice. What it says of verdicts, repairs, deferrals and
/// refusals was read from evidence that Central had stored and that was verified again here; the rest is what it did itself.
struct DemoStory {
    let directory: String
    let repository: String
    let binaries: String
    let narrator: Narrator
    let central: DemoCentral
    let model: DemoModel
    let catalog: CompiledCatalog
    let practice: PracticeHosts
    let box: PracticeBox
    private var appliance: DemoProcess { box.process }

    static func prepare(
        directory: String, repository: String, binaries: String, databaseURL: String?, instance: Int?, narrator: Narrator
    ) async throws -> DemoStory {
        narrator.chapter("A practice, its hosts, and Central")
        let catalog = try CatalogLoader.load(directory: repository + "/Catalog", schema: .code(), version: 1).naming("martlet")
        guard let firewall = catalog.baselines["default"]?.documents["nftables.ruleset"] else {
            throw DemoFailure("the default baseline has no nftables.ruleset")
        }
        narrator.tell("catalog: \(catalog.checks.count) checks, \(catalog.rules.count) rules, \(catalog.runbooks.count) runbooks, linted")

        let practice: PracticeHosts
        let obstacle = instance == nil ? "asked for" : await PracticeHosts.whyImpossible(repository: repository)
        if let obstacle {
            narrator.tell("no practice hosts (\(obstacle)): one plain sshd on loopback takes their place, and shows less", .waiting)
            practice = try await PracticeHosts.loopback(directory: directory)
        } else {
            practice = try await PracticeHosts.boot(
                repository: repository, instance: instance ?? 0, firewall: firewall, state: directory + "/ssh")
            for member in practice.members {
                narrator.tell(
                    "\(member.id): Debian under its own systemd, sshd and nftables at \(member.address.host), brought to the baseline")
            }
        }

        try FileManager.default.createDirectory(
            atPath: directory + "/central", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let model = try DemoModel(directory: directory, binaries: binaries)
        try await model.start()
        let central = try await DemoCentral(
            directory: directory + "/central", databaseURL: databaseURL, binaries: binaries, model: model.address)
        try await central.start()
        narrator.tell("Central (pid \(central.identifier ?? 0)) listens on loopback, on \(databaseURL == nil ? "SQLite" : "PostgreSQL")")
        guard let signer = central.services.keys.catalogSigner else { throw CentralError.notFound("catalog key") }
        let signed = try CatalogPack.sign(
            CatalogPack.encode(
                practice.areMachines ? catalog : catalog.repairingOnly(directory + "/loopback/records.txt"), schema: .code()),
            with: signer)
        let version = try await central.publish(signed)
        narrator.tell("organization and site made; catalog version \(version) signed and published")

        return DemoStory(
            directory: directory, repository: repository, binaries: binaries, narrator: narrator, central: central, model: model,
            catalog: catalog, practice: practice, box: PracticeBox(directory: directory, binaries: binaries))
    }

    func tell() async throws {
        try await enrol()
        try await firstScan()
        if practice.areMachines {
            try await healFourDrifts()
            try await askAModel()
            try await askAPerson()
        } else {
            try await healModes()
        }
        try await refuseBadOrders()
        try await surviveCentral()
        try await proveIt()
        try await catchARewrite()
        if practice.areMachines { try await learnARule() }
        narrator.chapter("All of it happened, in \(narrator.elapsed.wholeSeconds) s.")
    }

    func end() async {
        appliance.stop()
        central.stop()
        central.witness.stop()
        model.stop()
        await central.services.database.close()
        for member in practice.members { await member.host.disconnect() }
        practice.loopbackServer?.stop()
    }

    // MARK: Chapters

    private func enrol() async throws {
        narrator.chapter("An appliance joins")
        let code = try await central.makeClaimCode()
        try box.configure(PracticeBox.Settings(window: PracticeBox.closedWindow(at: WallClock.system.now())), practice.members)
        try await box.enrol(at: central.enrollmentURL, with: code)
        try await central.findAppliance()
        narrator.tell(
            "claim code \(code.text.prefix(5))-… used once; keys made on the box; enrolled as \(central.appliance?.description ?? "")")
        try appliance.start()
        narrator.tell("appliance (pid \(appliance.identifier ?? 0)) runs")
    }

    private func firstScan() async throws {
        narrator.chapter("The first look")
        var verdicts: [String: Verdict] = [:]
        var handedOver: Set<String> = []
        var waiting: Set<String> = []
        let expected = catalog.checks.count * practice.members.count
        try await eventually("a verdict of every check on every host, and somebody to see to each drift", within: .seconds(90)) {
            for record in try await central.newEvidence() {
                if let check = record.check {
                    let key = "\(record.host)/\(check)"
                    if let verdict = record.verdict { verdicts[key] = verdict }
                    if record.kind == .decision, record.outcome.word == "alert" { handedOver.insert(key) }
                    if record.kind == .decision, record.outcome.word == "deferred" { waiting.insert(key) }
                }
                for attested in record.attested { verdicts["\(record.host)/\(attested.check)"] = attested.verdict }
            }
            return verdicts.count >= expected
                && verdicts.allSatisfy {
                    $0.value.word != "drift" || handedOver.contains($0.key) || waiting.contains($0.key)
                }
        }
        // Central's two are found the same way, so that finding none of the appliance's means something.
        guard try central.listeningSockets() == 2, try appliance.listeningSockets() == 0 else {
            throw DemoFailure("the appliance listens on a network socket, or Central does not on its two")
        }
        narrator.tell("the appliance polls, looks and sends, and has no listening network socket")
        for member in practice.members {
            let own = verdicts.filter { $0.key.hasPrefix("\(member.id)/") }.values
            let words = ["compliant", "drift", "unknown", "not_applicable"].map { word in "\(own.count { $0.word == word }) \(word)" }
            narrator.tell("\(member.id): \(own.count) checks: " + words.joined(separator: ", "), .found)
        }
        waiting.subtract(handedOver)
        narrator.tell("no rule repairs \(handedOver.count) of these drifts: each is handed to a person, with evidence", .note)
        if !waiting.isEmpty { narrator.tell("\(waiting.count) wait for the maintenance window, or for another try", .waiting) }
    }

    private func healFourDrifts() async throws {
        narrator.chapter("Four things break, and one that may not be repaired now")
        try await practice.run("front-desk", ["nft", "flush", "ruleset"])
        narrator.tell("front-desk: somebody flushed the firewall", .found)
        try await practice.run("front-desk", ["tee", "/etc/ssh/sshd_config.d/00-vendor.conf"], input: "PermitRootLogin yes\n")
        try await practice.run("front-desk", ["systemctl", "reload", "ssh"])
        narrator.tell("front-desk: a vendor's drop-in lets root log in over SSH", .found)
        try await practice.run("front-desk", ["systemctl", "stop", "cron"])
        narrator.tell("front-desk: cron was stopped", .found)
        try await practice.run(
            "records", ["tee", "/var/lib/backup/status.json"],
            input: "{\"last_backup\":\"2026-01-05T01:00:00Z\",\"last_restore_test\":\"2026-01-05T02:00:00Z\"}\n")
        narrator.tell("records: the backup is months old", .found)
        try await practice.run(
            "records", ["tee", "/etc/systemd/system/intake-forms.service"], input: "[Service]\nType=oneshot\nExecStart=/bin/false\n")
        _ = try? await practice.run("records", ["systemctl", "start", "intake-forms"])
        narrator.tell("records: intake-forms.service has failed; restarting it would interrupt people", .found)

        try await follow(
            order: "look now: something broke",
            healed: [
                "front-desk/linux.firewall.ruleset", "front-desk/linux.ssh.hardening", "front-desk/host.services.critical",
                "records/backup.job.success",
            ], deferred: ["records/host.services.critical"])
    }

    private func healModes() async throws {
        narrator.chapter("A file's mode drifts")
        try await practice.run("front-desk", ["chmod", "666", directory + "/loopback/records.txt"])
        try await follow(order: "look now: something broke", healed: ["front-desk/linux.files.permissions"], deferred: [])
        narrator.tell(
            "firewall, SSH, service, backup, a model, people and learning are not shown: they would change this machine", .waiting)
    }

    /// Orders a look and tells what arrives until all that was to happen has.
    private func follow(order reason: String, healed: Set<String>, deferred: Set<String>) async throws {
        let order = try await central.order(.check, reason)
        narrator.tell("order \(order.id.description.prefix(12))… from alice@msp.example: look now; the appliance fetches it", .note)
        var (missingRepairs, missingDeferrals) = (healed, deferred)
        try await eventually("\(healed.count) repairs", within: .seconds(60)) {
            for record in try await central.newEvidence() {
                guard let check = record.check else { continue }
                let key = "\(record.host)/\(check)"
                switch (record.kind, record.outcome.word) {
                case (.verdict, _):
                    if case .drift(let code)? = record.verdict, healed.contains(key) || deferred.contains(key) {
                        narrator.tell("\(record.host) \(check): drift \(code)", .found)
                    }
                case (.healing, "success"):
                    let milliseconds = (record.ended - record.started).wholeMilliseconds
                    narrator.tell(
                        "\(record.host) \(check): \(record.runbook?.description ?? "") by \(record.requester ?? ""), "
                            + "checked again, healed in \(milliseconds) ms")
                    missingRepairs.remove(key)
                case (.healing, let word):
                    narrator.tell(
                        "\(record.host) \(check): \(record.runbook?.description ?? "") \(word) \(record.outcome.code?.description ?? "")",
                        .refused)
                    if healed.contains(key) { throw DemoFailure("\(key) was not healed: \(word)") }
                case (.decision, "deferred") where deferred.contains(key):
                    narrator.tell(
                        "\(record.host) \(check): disruptive, deferred until \(record.outcome.until.map(\.description) ?? "?") (\(record.outcome.code?.description ?? ""))",
                        .waiting)
                    missingDeferrals.remove(key)
                default: break
                }
            }
            return missingRepairs.isEmpty && missingDeferrals.isEmpty
        }
    }

    private func refuseBadOrders() async throws {
        narrator.chapter("Two orders that must not be obeyed")
        let forged = try await central.order(.pause, "stop all repair")
        try await central.replaceEnvelope(of: forged, with: SignedOrder(signing: forged, with: SigningKey()).text)
        narrator.tell("an order to stop all repair, signed with a key that is not Central's", .found)
        let late = try await central.order(.check, "look now")
        let past = WallClock.system.now() - .seconds(3_600)
        let stale = Order(
            id: late.id, site: late.site, appliance: late.appliance, host: nil, kind: late.kind, runbook: nil, check: nil, parameters: [:],
            issued: past, expires: past + .seconds(900), nonce: late.nonce, sequence: late.sequence, requester: late.requester,
            reason: late.reason, approver: nil)
        try await central.replaceEnvelope(of: late, with: SignedOrder(signing: stale, with: central.services.keys.orders).text)
        narrator.tell("an order with a good signature that expired long ago", .found)

        var missing: Set<String> = ["rejected", "expired"]
        try await eventually("both refusals in evidence", within: .seconds(40)) {
            for record in try await central.newEvidence() where record.kind == .order && missing.contains(record.outcome.word) {
                missing.remove(record.outcome.word)
                narrator.tell(
                    "order discarded: \(record.outcome.word), \(record.outcome.code?.description ?? ""); nothing was run", .refused)
            }
            return missing.isEmpty
        }
    }

    private func surviveCentral() async throws {
        narrator.chapter("Central dies, and comes back")
        central.kill()
        narrator.tell("Central killed with SIGKILL", .found)
        if practice.areMachines {
            try await practice.run("records", ["chmod", "666", "/etc/shadow"])
            narrator.tell("records: /etc/shadow is readable by everybody, and nobody can be asked", .found)
        }
        appliance.kill()
        try appliance.start()
        narrator.tell("the appliance is killed too, and started again", .note)
        if practice.areMachines {
            try await appliance.hangUp()
            narrator.tell("an operator at the box asks it to look now (SIGHUP)", .note)
            try await eventually("the appliance to repair without Central", within: .seconds(60)) {
                let result = try await practice["records"].host.run(HostCommand(["stat", "-c", "%a", "/etc/shadow"]))
                return result.succeeded && result.text != "666\n"
            }
            narrator.tell("repaired without Central; the evidence waits on the appliance")
        }
        try await central.start()
        var records: [BundleRecord] = []
        try await eventually("the queue to arrive", within: .seconds(90)) {
            records += try await central.newEvidence()
            return records.contains { record in
                practice.areMachines
                    ? record.kind == .healing && record.check == "linux.files.permissions" && record.outcome.word == "success"
                    : record.kind == .system && record.note.contains("crash")
            }
        }
        narrator.tell("Central is back: what had waited arrived in order (\(records.count)), and nothing is missing")
    }

    private func proveIt() async throws {
        narrator.chapter("A stranger checks")
        let path = directory + "/riverside.zip"
        let summary = try await central.packet(to: path)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        narrator.tell("kit of \(summary.bundles) bundles, \(size / 1_024) KiB: \(path)")
        let verifier = KitVerifier(trust: .keyID(summary.manifestKey), workers: ProcessInfo.processInfo.activeProcessorCount)
        let report = await verifier.verify(path)
        guard report.exitCode == 0 else { throw DemoFailure("the kit does not verify:\n\(report.table)") }
        guard let log = report.log, log.cosignatures == 1 else {
            throw DemoFailure("no witness has signed the kit's checkpoint:\n\(report.table)")
        }
        narrator.tell(
            "martlet verify: \(report.appliances.reduce(0) { $0 + $1.verified }) bundles verified, each in the log that a witness cosigned, exit 0"
        )

        let here = LocalHost(id: "here")
        let python = try await here.run(HostCommand(["python3", repository + "/scripts/verify_kit.py", path], deadline: .seconds(60)))
        guard python.exitStatus == 0 else { throw DemoFailure("scripts/verify_kit.py: exit \(python.exitStatus)\n\(python.text)") }
        narrator.tell("scripts/verify_kit.py, written independently: exit 0")
        try await openInBrowser(path)

        let (changed, name) = try KitDamage.flipOneByte(of: path, to: directory + "/changed.zip")
        let damaged = await verifier.verify(changed)
        guard damaged.exitCode == 1, let finding = damaged.findings.first(where: { $0.code.description.hasPrefix("bundle.") }) else {
            throw DemoFailure("one changed byte in \(name) was not named:\n\(damaged.table)")
        }
        narrator.tell("one byte of \(name) changed: exit 1, \(finding.code)", .refused)
        narrator.tell("\(finding.subject): \(finding.sentence)", .note)
    }

    /// What the page says of a kit without findings.
    private static let pageVerdict = "Everything that can be checked here is right"

    /// The page that lies in the kit, in a real browser without a network.
    private func openInBrowser(_ kit: String) async throws {
        let here = LocalHost(id: "here")
        let (page, picture) = (directory + "/verify.html", directory + "/verify.png")
        let unpacked = try await here.run(HostCommand(["unzip", "-p", kit, "verify.html"], outputBytesMax: 4 << 20))
        guard unpacked.succeeded, FileManager.default.createFile(atPath: page, contents: Data(unpacked.output)) else {
            throw DemoFailure("verify.html is not in the kit")
        }
        let shown = try await here.run(
            HostCommand(
                ["python3", repository + "/scripts/checks/kit_page.py", "show", page, kit, picture], deadline: .seconds(60)))
        guard shown.succeeded, shown.text.contains(Self.pageVerdict) else {
            throw DemoFailure("verify.html: \(shown.text)\(String(decoding: shown.errorOutput, as: UTF8.self))")
        }
        narrator.tell("verify.html out of the kit, in Chromium without a network: \"\(Self.pageVerdict)\"")
    }

    private func catchARewrite() async throws {
        narrator.chapter("Somebody rewrites the log")
        var cosigned: SignedNote?
        try await eventually("the witness to have cosigned a checkpoint", within: .seconds(30)) {
            cosigned = try await central.witnessed(from: 1)
            return cosigned != nil
        }
        guard let cosigned else { return }
        narrator.tell(
            "\(central.witness.key?.name ?? ""), run by somebody else, has cosigned \(try Checkpoint(text: cosigned.text).size) entries",
            .note)
        let rewritten = try await central.rewritten(cosigned)
        narrator.tell("somebody with Central's log key signs a history in which entry \(rewritten.index) is another", .found)
        let status = try await central.witness.answer(to: rewritten.request)
        guard status != 200 else { throw DemoFailure("the witness cosigned a rewritten log") }
        let proof = directory + "/dispute"
        let kept = try await central.witness.disputes(to: proof)
        let trust = LogTrust(logKeys: [try central.logKey])
        let notes = try ["cosigned", "refused"].map { name in
            try VerifiedCheckpoint([UInt8](Data(contentsOf: URL(filePath: "\(proof)/1-\(name).note"))), trust: trust)
        }
        guard notes[0].size == notes[1].size, notes[0].root != notes[1].root else { throw DemoFailure("the notes prove nothing:\n\(kept)") }
        narrator.tell("the witness refuses to cosign it (\(status)), and keeps both notes", .refused)
        narrator.tell("each verifies under the log's own key, and they contradict: whoever holds them can prove it to anybody")
    }
}
