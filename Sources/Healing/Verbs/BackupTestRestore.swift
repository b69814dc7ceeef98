package import Catalog
import Hosts
package import Model
package import Seal

/// Restores some files of the newest backup into a folder that only root may enter, demands that each has the content that the backup's
/// manifest says it had when it was backed up, removes them, and notes the test in the job's status file.
///
/// Nobody's word is taken for it: neither an exit status nor a note that somebody else wrote. The host draws the files, so that each
/// test takes others. What the archive is made of is not trusted: only the drawn names are taken out, without owners, set-id bits,
/// links or devices, and only where there is room for them.
package struct BackupTestRestore: Verb {
    package let name = "backup.test_restore"
    package let signature = VerbSignature(required: ["archive": .string, "manifest": .string, "statusFile": .string])
    package var canRestore: Bool { false }
    private let place: String

    /// - Parameter place: is made and removed. Not in memory, as `/run` is, and not where others may write, as `/var/tmp` is: patients'
    ///   data is in it while a test runs.
    package init(place: String = "/var/lib/martlet-restore") { self.place = place }

    static let filesMax = 20
    /// Drawn, because some lines are passed over: empty files, names that cannot be told to another program.
    private static let linesMax = 200
    /// Must stay free beside what is restored.
    private static let roomMin: Int64 = 64 << 20
    /// Also when the step's own time is over.
    private static let cleaningMax: Duration = .seconds(60)

    package func target(_ arguments: VerbArguments) -> String { arguments.text("archive") }

    package func examine(_ arguments: VerbArguments) throws(StepError) {
        for path in ["archive", "manifest", "statusFile"].compactMap(arguments.given) { try Self.requirePath(path) }
    }

    package func capture(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> JSONValue {
        try examine(arguments)
        _ = try await status(arguments, hands)
        try await hands.requireGuarded(arguments.text("statusFile"))
        return .object([:])
    }

    package func apply(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) -> StepEffect {
        let sample = try await sample(arguments, hands)
        do throws(StepError) {
            try await clean(hands)
            try await hands.require(["mkdir", "-m", "0700", "--", place], code: "backup.place_refused")
            try await compare(sample, from: arguments.text("archive"), hands)
        } catch {
            // Patients' files that stay behind are worse than the test that failed.
            let failure = error
            do throws(StepError) { try await clean(hands) } catch {
                throw StepError("backup.not_cleaned", "after \(failure.code): \(error.detail)", exitStatus: error.exitStatus)
            }
            throw failure
        }
        try await clean(hands)
        try await note(arguments, hands)
        return .changed
    }

    package func restore(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {}

    package func settle(_ arguments: VerbArguments, _ captured: JSONValue, _ hands: Hands) async throws(StepError) {
        try await clean(hands)
    }

    // MARK: steps

    private func sample(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) -> [BackupManifest.Entry] {
        let (manifest, archive) = (arguments.text("manifest"), arguments.text("archive"))
        guard try await isFile(manifest, hands) else { throw StepError("backup.manifest_missing", manifest) }
        guard try await isFile(archive, hands) else { throw StepError("backup.archive_missing", archive) }
        let lines = try await hands.require(
            ["shuf", "-n", "\(Self.linesMax)", "--", manifest], atMost: .seconds(120), code: "backup.manifest_refused")
        let entries = try BackupManifest(lines.text).entries.prefix(Self.filesMax)
        guard !entries.isEmpty else { throw StepError("backup.empty", "\(manifest) names no file with content") }
        return Array(entries)
    }

    private func compare(_ sample: [BackupManifest.Entry], from archive: String, _ hands: Hands) async throws(StepError) {
        let listing = try await tar(["--list", "--verbose", "--numeric-owner"], archive, sample.map(\.archived), hands)
        let lines = listing.split(separator: "\n")
        // A second name of a file comes back only together with the first.
        let sample = sample.filter { entry in
            !lines.contains { $0.hasPrefix("h") && $0.contains(" \(entry.archived) link to ") }
        }
        guard !sample.isEmpty else { throw StepError("backup.empty", "only second names of files were drawn") }
        let names = sample.map(\.archived)
        let bytes = try Self.bytes(lines.filter { !$0.hasPrefix("h") })
        let room = try await room(hands)
        guard bytes <= room - Self.roomMin else { throw StepError("backup.no_room", "\(bytes) bytes of \(room) that are free") }
        _ = try await tar(
            ["--extract", "--directory=\(place)", "--no-same-owner", "--no-same-permissions", "--no-acls", "--no-xattrs"], archive, names,
            hands)
        try await requireFiles(sample, hands)
        let words = ["sha256sum", "--zero", "--"] + sample.map { "\(place)/\($0.name)" }
        let found = try await hands.require(words, atMost: .seconds(86_400), code: "backup.file_unreadable").text
        let digests = found.split(separator: "\0").map { $0.prefix(64) }
        guard digests.count == sample.count else { throw StepError("backup.file_unreadable", "\(digests.count) of \(sample.count)") }
        for (entry, digest) in zip(sample, digests) where digest != entry.digest { throw StepError("backup.file_differs", entry.name) }
    }

    private func tar(
        _ options: [String], _ archive: String, _ names: [String], _ hands: Hands
    ) async throws(StepError) -> String {
        let words = ["tar", "--force-local", "--file=\(archive)"] + options + ["--"] + names
        let result = try await hands.run(words, atMost: .seconds(86_400))
        let said = String(decoding: result.errorOutput, as: UTF8.self)
        guard !result.succeeded else { return result.text }
        // Of what is no archive tar says besides that it does not hold the file.
        let isArchive = said.contains("Not found in archive") && !said.contains("does not look like a tar archive")
        let code: Code = isArchive ? "backup.file_missing" : "backup.archive_unreadable"
        throw StepError(code, String(said.prefix(400)), exitStatus: result.exitStatus)
    }

    /// Of the members that will be taken out; a name that stands for anything but a file is refused.
    private static func bytes(_ lines: [Substring]) throws(StepError) -> Int64 {
        var bytes: Int64 = 0
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 3)
            guard words.count == 4, line.hasPrefix("-"), let size = Int64(words[2]), size >= 0 else {
                throw StepError("backup.not_a_file", String(line))
            }
            let (sum, isOver) = bytes.addingReportingOverflow(size)
            guard !isOver else { throw StepError("backup.no_room", "\(size) bytes") }
            bytes = sum
        }
        return bytes
    }

    private func room(_ hands: Hands) async throws(StepError) -> Int64 {
        let text = try await hands.require(["df", "-B1", "--output=avail", "--", place], code: "backup.no_room").text
        guard let room = text.split(separator: "\n").last.flatMap({ Int64($0.filter { $0 != " " }) }) else {
            throw StepError("backup.no_room", "df names no number")
        }
        return room
    }

    /// A digest follows links, also to the very file that was backed up; so each must be a file itself, below folders.
    private func requireFiles(_ sample: [BackupManifest.Entry], _ hands: Hands) async throws(StepError) {
        let text = try await hands.require(
            ["find", "-P", place, "-mindepth", "1", "-printf", "%y%P\\0"], code: "backup.file_unreadable"
        ).text
        let found = Set(text.split(separator: "\0"))
        for entry in sample where !found.contains("f\(entry.name)") { throw StepError("backup.file_missing", entry.name) }
    }

    /// What an earlier test may have left goes as well.
    private func clean(_ hands: Hands) async throws(StepError) {
        let hands = hands.afterwards(Self.cleaningMax)
        try await hands.require(
            ["rm", "-rf", "--one-file-system", "--", place], atMost: Self.cleaningMax, code: "backup.not_cleaned")
    }

    /// The job's own file, as it is but for the time: where there is none, nothing was ever backed up.
    private func note(_ arguments: VerbArguments, _ hands: Hands) async throws(StepError) {
        var (file, members) = try await status(arguments, hands)
        members["last_restore_test"] = .string(hands.clock.now().description)
        do throws(JSONError) {
            file.bytes = try JSONValue.object(members).canonicalBytes() + Array("\n".utf8)
        } catch {
            throw StepError("backup.status_unreadable", error.message)
        }
        try await hands.write(file, to: arguments.text("statusFile"))
    }

    private func status(
        _ arguments: VerbArguments, _ hands: Hands
    ) async throws(StepError) -> (file: HostFile.Content, members: [String: JSONValue]) {
        let path = arguments.text("statusFile")
        guard let file = try await hands.read(path).content else { throw StepError("backup.status_missing", path) }
        // Whatever an order names, only what a backup job has written is written over.
        guard let status = try? JSONValue(parsing: file.bytes, limits: JSONLimits(bytesMax: 65_536)), let members = status.object,
            members["last_backup"]?.string != nil
        else { throw StepError("backup.status_unreadable", path) }
        return (file, members)
    }

    private func isFile(_ path: String, _ hands: Hands) async throws(StepError) -> Bool {
        try await hands.run(["test", "-f", path]).succeeded
    }

    private static func requirePath(_ path: String) throws(StepError) {
        let isPlain = path.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || "/._-".utf8.contains($0)
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.hasPrefix("/"), isPlain, path.utf8.count <= 200, !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw StepError("backup.path_refused", path)
        }
    }
}
