import Hosts
import Model

extension Hands {
    /// Demands that nobody but root, or whoever we are there, can put something else where `path` is, between our look and our change:
    /// commands are given names, and follow what a name has become.
    ///
    /// - Throws: `file.path_refused` for a path that is not plain, `file.behind_link` for a link on the way, `file.path_exposed` where
    ///   a directory on the way is somebody else's or can be written to by others. In a sticky one (`/tmp`) what is ours is safe.
    func requireGuarded(_ path: String) async throws(StepError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard path.hasPrefix("/"), !parts.isEmpty, !parts.contains(where: { ["", ".", ".."].contains($0) }) else {
            throw StepError("file.path_refused", path)
        }
        let directories = ["/"] + parts.indices.dropLast().map { "/" + parts[...$0].joined(separator: "/") }
        let own = Int(try await require(["id", "-u"]).text.filter { $0 != "\n" })
        // Status 1 where the last one is not there; the others are answered.
        let text = try await run(["stat", "-c", "%f %u %g", "--"] + directories + [path]).text
        let found = text.split(separator: "\n").map { $0.split(separator: " ") }
        guard found.count >= directories.count else { throw StepError("file.unreadable", path) }
        // Of the directory before: what is not ours in it can be exchanged by whoever owns that.
        var isOpenAbove = false
        for (number, words) in found.enumerated() {
            guard words.count == 3, let mode = Int(words[0], radix: 16), let owner = Int(words[1]), let group = Int(words[2]) else {
                throw StepError("file.unreadable", path)
            }
            let isLast = number == directories.count
            guard owner == 0 || owner == own || (isLast && !isOpenAbove) else { throw StepError("file.path_exposed", path) }
            if isLast { break }
            guard mode & 0o170000 == 0o040000 else { throw StepError("file.behind_link", path) }
            isOpenAbove = mode & 0o002 != 0 || (mode & 0o020 != 0 && group != 0)
            guard !isOpenAbove || mode & 0o1000 != 0 else { throw StepError("file.path_exposed", path) }
        }
    }
}
