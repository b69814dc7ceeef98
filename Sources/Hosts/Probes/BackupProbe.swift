package import Model
import Seal

/// What the backup job says of itself: a JSON file with `last_backup`, `checksum` and `last_restore_test`, and, where the
/// archive is named, whether it still is what was backed up.
package struct BackupProbe: Probe {
    package let id: ProbeID = "backup"
    package let facts: [FactName: ValueType] = [
        "backup.status_present": .boolean, "backup.last": .instant, "backup.last_restore_test": .instant, "backup.checksum": .string,
        "backup.archive_intact": .boolean,
    ]
    package init() {}

    package func commands(_ parameters: [String: TypedValue]) -> [HostCommand] {
        let archive = parameters.string("archive") ?? ""
        return [HostCommand(["cat", "--", parameters.string("statusFile") ?? "/var/lib/backup/status.json"], outputBytesMax: 65_536)]
            + (archive.isEmpty ? [] : [HostCommand(["sha256sum", "--", archive], deadline: .seconds(120))])
    }

    package func parse(
        _ results: [Result<CommandResult, HostError>], _ parameters: [String: TypedValue], at now: Timestamp
    ) throws(ProbeError) -> Facts {
        let outputs = CommandOutputs(results)
        let read = try outputs.result(0)
        if !read.succeeded, String(decoding: read.errorOutput, as: UTF8.self).contains("No such file or directory") {
            return Facts(["backup.status_present": .boolean(false)])
        }
        let status = try outputs.json(0)
        guard status.object != nil else { throw ProbeError("probe.unparseable", "the status is no JSON object") }
        var facts = Facts(["backup.status_present": .boolean(true)])
        for (name, key) in [("backup.last", "last_backup"), ("backup.last_restore_test", "last_restore_test")] as [(FactName, String)] {
            guard let value = status[key], value != .null else { continue }
            if let text = value.string, let instant = Timestamp(universal: text) {
                facts[name] = .instant(instant)
            } else {
                facts.markUnknown(name, "backup.bad_time")
            }
        }
        if let checksum = status["checksum"]?.string { facts["backup.checksum"] = .string(checksum) }
        guard results.count > 1 else { return facts }
        facts.read("backup.archive_intact") { () throws(ProbeError) in
            let digest = try outputs.result(1)
            if !digest.succeeded, String(decoding: digest.errorOutput, as: UTF8.self).contains("No such file or directory") {
                return ["backup.archive_intact": .boolean(false)]
            }
            guard let found = try outputs.lines(1).first?.words.first, found.utf8.count == 64, let checksum = status["checksum"]?.string
            else {
                throw ProbeError("probe.unparseable", "no checksum to compare")
            }
            return ["backup.archive_intact": .boolean(found == checksum)]
        }
        return facts
    }
}
