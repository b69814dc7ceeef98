import Glibc
import Model

/// Several commands as one line for a remote shell, and their results read back out of its two streams.
///
/// One round trip serves a whole pass over a host. The shell prints a marker that nothing on the host can know in advance
/// before the first command and after each, on both streams, so outputs of any bytes can be told apart and a half answer
/// cannot pass for a whole one. It reaches the shell on its standard input: every user of the host can read command lines,
/// and one who knew the marker could plant it in what root's commands print.
struct RemoteBatch {
    let commands: [HostCommand]
    /// 32 hexadecimal digits, fresh for every batch.
    let marker: String

    /// For the line's standard input: the marker, then what the first command reads.
    var input: [UInt8] { Array("\(marker)\n".utf8) + commands[0].input }

    /// What is sent to the log-in shell. A deadline is kept there too, so that nothing stays behind when the
    /// connection breaks.
    func line(become: HostAccess.Become) -> String {
        var script = """
            IFS= read -r m||exit 1;\
            r(){ timeout -k 1 "$@";s=$?;printf '\\n%s %d\\n' $m $s;printf '\\n%s\\n' $m >&2;};\
            printf '%s\\n' $m;printf '%s\\n' $m >&2
            """
        for command in commands {
            script += "\nr \(Self.seconds(command.deadline)) "
            script += command.arguments.map(Self.quoted).joined(separator: " ")
            if command.input.isEmpty { script += " </dev/null" }
        }
        let environment = ProgramPath.environment.map(Self.quoted).joined(separator: " ")
        return "exec \(become == .sudo ? "sudo -n -- " : "")/usr/bin/env -i \(environment) sh -c \(Self.quoted(script))"
    }

    /// The results of the commands that came to their end, in order, from what was received so far; nil if not even the
    /// first marker came.
    func results(output: [UInt8], errorOutput: [UInt8]) -> [Result<CommandResult, HostError>]? {
        let start = Array("\(marker)\n".utf8)
        guard var position = output.offset(of: start, from: 0).map({ $0 + start.count }) else { return nil }
        // The streams are not ordered between each other: the end marker of the other one may not have come.
        var errorPosition = errorOutput.offset(of: start, from: 0).map { $0 + start.count } ?? errorOutput.count
        let end = Array("\n\(marker) ".utf8)
        let errorEnd = Array("\n\(marker)\n".utf8)
        var results: [Result<CommandResult, HostError>] = []
        for command in commands {
            guard let stop = output.offset(of: end, from: position),
                let line = output[(stop + end.count)...].firstIndex(of: UInt8(ascii: "\n")),
                let status = Int(String(decoding: output[(stop + end.count)..<line], as: UTF8.self)),
                let errorStop = errorOutput.offset(of: errorEnd, from: errorPosition)
            else { break }
            let result = CommandResult(
                exitStatus: status, output: Array(output[position..<stop]), errorOutput: Array(errorOutput[errorPosition..<errorStop]))
            results.append(Self.judged(result, of: command))
            position = line + 1
            errorPosition = errorStop + errorEnd.count
        }
        return results
    }

    /// Tells what `timeout` reports of itself from what the command reports.
    private static func judged(_ result: CommandResult, of command: HostCommand) -> Result<CommandResult, HostError> {
        let bytes = result.output.count + result.errorOutput.count
        if bytes > command.outputBytesMax { return .failure(.outputLimit(bytes: bytes)) }
        let isOfTimeout = result.errorOutput.starts(with: Array("timeout: ".utf8))
        switch result.exitStatus {
        // 137: the command ignored SIGTERM and `timeout -k` killed it, or the kernel did for want of memory.
        case 124, 137: return .failure(.timedOut)
        case 127 where isOfTimeout: return .failure(.commandMissing(command.arguments[0]))
        case 126 where isOfTimeout: return .failure(.notPermitted(command.arguments[0]))
        default: return .success(result)
        }
    }

    /// One word of a POSIX shell, whatever the bytes.
    static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }

    private static func seconds(_ span: Duration) -> String {
        let milliseconds = max(span.wholeMilliseconds, 1)
        let fraction = String(1_000 + milliseconds % 1_000).dropFirst()
        return "\(milliseconds / 1_000).\(fraction)"
    }
}

extension [UInt8] {
    /// Where `pattern` begins, at `start` or later.
    func offset(of pattern: [UInt8], from start: Int) -> Int? {
        withUnsafeBytes { all in
            pattern.withUnsafeBytes { wanted in
                var position = start
                while position + wanted.count <= all.count {
                    let found = memchr(all.baseAddress! + position, Int32(wanted[0]), all.count - position - wanted.count + 1)
                    guard let found else { return nil }
                    if memcmp(found, wanted.baseAddress!, wanted.count) == 0 {
                        return all.baseAddress!.distance(to: UnsafeRawPointer(found))
                    }
                    position = all.baseAddress!.distance(to: UnsafeRawPointer(found)) + 1
                }
                return nil
            }
        }
    }
}
