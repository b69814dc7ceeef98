import Glibc
import Model
import Seal

/// What the commands of one probe gave, read with one rule: an answer is used only if the command ran, ended as it
/// should and was not cut off. Everything else is a `ProbeError`, which makes facts unknown.
struct CommandOutputs {
    let results: [Result<CommandResult, HostError>]

    init(_ results: [Result<CommandResult, HostError>]) { self.results = results }

    func result(_ index: Int) throws(ProbeError) -> CommandResult {
        guard results.indices.contains(index) else { throw ProbeError("probe.truncated", "no result of command \(index)") }
        switch results[index] {
        case .success(let result): return result
        case .failure(let failure): throw ProbeError(failure.code, "\(failure)")
        }
    }

    /// False only where the program is known not to be there.
    func isInstalled(_ index: Int) -> Bool {
        if results.indices.contains(index), case .failure(.commandMissing) = results[index] { return false }
        return true
    }

    /// Standard output of a command that ended with one of `statuses`. One that failed because it was not allowed something
    /// has seen only a part, whatever its status; `isPartWelcome` where each line is true by itself.
    func text(_ index: Int, statuses: Set<Int> = [0], isPartWelcome: Bool = false) throws(ProbeError) -> String {
        let result = try result(index)
        let isGood = statuses.contains(result.exitStatus)
        if result.exitStatus == 0 || (isGood && isPartWelcome) { return result.text }
        let words = String(decoding: result.errorOutput, as: UTF8.self)
        if Self.refusals.contains(where: { words.contains($0) }) { throw ProbeError("host.not_permitted", words) }
        guard isGood else { throw ProbeError("probe.command_failed", "status \(result.exitStatus): \(words)") }
        return result.text
    }

    /// Lines without their ends. A last line without an end means that the output was cut off.
    func lines(_ index: Int, statuses: Set<Int> = [0], isPartWelcome: Bool = false) throws(ProbeError) -> [Substring] {
        let text = try text(index, statuses: statuses, isPartWelcome: isPartWelcome)
        guard text.isEmpty || text.utf8.last == UInt8(ascii: "\n") else { throw ProbeError("probe.truncated", "the last line has no end") }
        return text.split(separator: "\n")
    }

    /// Lines of a command whose status 1 may only mean that something it was asked about does not exist. Any other complaint
    /// (an input error, a stale mount) means that it has seen only a part.
    func linesOfWhatExists(_ index: Int) throws(ProbeError) -> [Substring] {
        let result = try result(index)
        if result.exitStatus == 1 {
            for line in String(decoding: result.errorOutput, as: UTF8.self).split(separator: "\n")
            where !line.hasSuffix("No such file or directory") {
                let isRefusal = Self.refusals.contains { line.contains($0) }
                throw ProbeError(isRefusal ? "host.not_permitted" : "probe.command_failed", String(line))
            }
        }
        return try lines(index, statuses: [0, 1])
    }

    func json(_ index: Int, statuses: Set<Int> = [0]) throws(ProbeError) -> JSONValue {
        let text = try text(index, statuses: statuses)
        do {
            return try JSONValue(parsing: Array(text.utf8), limits: JSONLimits(bytesMax: 4 << 20, depthMax: 64))
        } catch {
            throw ProbeError(error.code == "json.too_large" ? "probe.too_large" : "probe.unparseable", error.message)
        }
    }

    private static let refusals = [
        "Permission denied", "permission denied", "Operation not permitted", "must be root", "you must be root", "Access denied",
    ]
}

extension Facts {
    /// Facts of one command: what `read` gives, or all of `names` unknown for its reason.
    mutating func read(_ names: FactName..., from read: () throws(ProbeError) -> [FactName: TypedValue]) {
        do throws(ProbeError) {
            for (name, value) in try read() { self[name] = value }
        } catch {
            for name in names { markUnknown(name, error.code) }
        }
    }
}

extension [String: TypedValue] {
    func strings(_ name: String) -> [String] {
        guard case .strings(let values)? = self[name] else { return [] }
        return values
    }

    /// 0 where there is none.
    func integer(_ name: String) -> Int64 {
        guard case .integer(let number)? = self[name] else { return 0 }
        return number
    }

    func string(_ name: String) -> String? {
        guard case .string(let value)? = self[name] else { return nil }
        return value
    }
}

extension StringProtocol {
    /// `key=value` or `key value`: the parts, without blanks and double quotes round the value; nil without `separator`.
    func pair(_ separator: Character) -> (key: String, value: String)? {
        guard let index = firstIndex(of: separator) else { return nil }
        var value = self[self.index(after: index)...].trimmed
        if value.count >= 2, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
        return (String(self[..<index].trimmed), String(value))
    }

    /// Without blanks and carriage returns at either end.
    var trimmed: Substring {
        var text = Substring(self)
        while let first = text.utf8.first, first == 32 || first == 9 || first == 13 { text = text.dropFirst() }
        while let last = text.utf8.last, last == 32 || last == 9 || last == 13 { text = text.dropLast() }
        return text
    }

    /// What stands between blanks.
    var words: [String] { Substring(self).split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init) }
}

extension Timestamp {
    /// Of `find -printf '%T@'`: seconds since 1970, with a fraction that is dropped.
    init?(epoch text: some StringProtocol) {
        guard let seconds = Int64(text.prefix { $0 != "." }), abs(seconds) < 1 << 40 else { return nil }
        self.init(milliseconds: seconds * 1_000)
    }

    /// RFC 3339 in UTC with or without a fraction, as `date -u +%Y-%m-%dT%H:%M:%SZ` writes it.
    init?(universal text: String) {
        if text.utf8.count == 20, text.hasSuffix("Z") {
            self.init(text.dropLast() + ".000Z")
        } else {
            self.init(text)
        }
    }
}
