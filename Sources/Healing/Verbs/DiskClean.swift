package import Catalog
import Hosts
package import Model
package import Seal

/// Deletes files that may go, when they are old enough: caches, crash dumps, temporary files.
///
/// An entry is `directory suffix days`, suffix `*` for any. Only directories of a fixed list, only regular files, never over a
/// link or into another file system, and never logs: they are evidence. What was deleted cannot be brought back.
package struct DiskClean: Verb {
    package let name = "disk.clean"
    package let signature = VerbSignature(required: ["places": .strings])
    package var canRestore: Bool { false }
    package init() {}

    /// Suffix and least age in days of what may be deleted there; an empty suffix is any.
    private static let allowed: [String: (suffix: String, daysMin: Int)] = [
        "/var/cache/apt/archives": (".deb", 1), "/var/cache/dnf": (".rpm", 1), "/var/crash": ("", 7),
        "/var/lib/systemd/coredump": ("", 7), "/tmp": ("", 7), "/var/tmp": ("", 30),
    ]

    package func target(_ arguments: VerbArguments) -> String { arguments.texts("places").joined(separator: ", ") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        _ = try Place.all(arguments)
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        return .object([:])
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        var effect = StepEffect.unchanged
        for place in try Place.all(arguments) {
            guard try await hands.status(of: place.directory)?.kind == .directory else { continue }
            // One byte for each, whatever its name; find walks by descriptors, so nobody can put a link in its way.
            let result = try await hands.run(
                [
                    "find", "-P", place.directory, "-xdev", "-mindepth", "1", "-type", "f", "-name", "*\(place.suffix)", "-mtime",
                    "+\(place.days)", "-ctime", "+\(place.days)", "-delete", "-printf", ".",
                ], atMost: .seconds(600))
            // Status 1: something went away by itself, or one file could not be deleted; the check says whether it was enough.
            guard result.exitStatus <= 1 else { throw StepError("disk.not_cleaned", place.directory, exitStatus: result.exitStatus) }
            if !result.output.isEmpty { effect = .changed }
        }
        return effect
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    private struct Place {
        let directory: String
        let suffix: String
        let days: Int

        static func all(_ arguments: VerbArguments) throws(StepError) -> [Place] {
            var places: [Place] = []
            for text in arguments.texts("places") {
                let words = text.split(separator: " ").map(String.init)
                guard words.count == 3, let days = Int(words[2]), (0...3_650).contains(days), let rule = DiskClean.allowed[words[0]] else {
                    throw StepError("disk.place_refused", text)
                }
                let suffix = words[1] == "*" ? "" : words[1]
                let isPlain = suffix.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || ".-_".utf8.contains($0) }
                guard isPlain, suffix.hasSuffix(rule.suffix), days >= rule.daysMin else { throw StepError("disk.place_refused", text) }
                places.append(Place(directory: words[0], suffix: suffix, days: days))
            }
            return places
        }
    }
}
