import Model

/// Lines of a backup's manifest, as `sha256sum` writes them beside the archive when the backup is made: of what was backed up, by the
/// names that the archive has.
struct BackupManifest: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        /// Relative, without `.` or `..` in it; `archived` is the same name as the archive spells it.
        let name: String
        let archived: String
        /// 64 hexadecimal digits.
        let digest: String
    }

    /// In the order of the lines, each name once.
    let entries: [Entry]

    /// A file of no bytes proves nothing about bytes that come back.
    private static let digestOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    /// - Throws: `backup.manifest_refused` for a line that is none, a name that leads out of the folder where the backup is restored,
    ///   and a name of two contents.
    init(_ text: String) throws(StepError) {
        var entries: [Entry] = []
        var known: [String: String] = [:]
        for line in text.split(separator: "\n") {
            // How sha256sum begins a line whose name holds a line break or a backslash: other programs spell such names otherwise.
            // And a name that is no UTF-8 cannot be said to any.
            if line.hasPrefix("\\") || line.unicodeScalars.contains("\u{FFFD}") { continue }
            let entry = try Self.entry(line)
            if let other = known[entry.name] {
                guard other == entry.digest else { throw StepError("backup.manifest_refused", "two contents of \(entry.name)") }
                continue
            }
            known[entry.name] = entry.digest
            if entry.digest != Self.digestOfNothing { entries.append(entry) }
        }
        self.entries = entries
    }

    private static func entry(_ line: Substring) throws(StepError) -> Entry {
        let digest = line.prefix(64)
        let rest = line.dropFirst(64)
        let isDigest = digest.utf8.count == 64 && digest.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        guard isDigest, rest.hasPrefix("  ") || rest.hasPrefix(" *") else {
            throw StepError("backup.manifest_refused", "not a line of sha256sum: \(line)")
        }
        let archived = String(rest.dropFirst(2))
        let parts = archived.split(separator: "/", omittingEmptySubsequences: false).filter { $0 != "." }
        guard !archived.hasPrefix("/"), !parts.isEmpty, !parts.contains(".."), !parts.contains(""), archived.utf8.count <= 1_024 else {
            throw StepError("backup.manifest_refused", "a name that leads elsewhere: \(archived)")
        }
        return Entry(name: parts.joined(separator: "/"), archived: archived, digest: String(digest))
    }
}
