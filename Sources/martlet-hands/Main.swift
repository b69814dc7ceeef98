import Documents
import Glibc
import Model
import RootHands

/// `martlet-hands [run] [--config PATH]`: what acts on this machine, as root, for `martlet-appliance`, which may not.
@main struct Main {
    static func main() {
        var words = CommandLine.arguments.dropFirst()
        if words.first == "--version" { end(0, "martlet-hands \(softwareVersion)") }
        if words.first == "--help" || words.first == "help" { end(0, usage) }
        if words.first == "run" { words.removeFirst() }
        var path: String?
        if words.count == 2, words.first == "--config" {
            path = words.last
        } else if !words.isEmpty {
            end(64, "martlet-hands takes no \"\(words.joined(separator: " "))\"; nothing was done.\n\(usage)")
        }
        do {
            guard geteuid() == 0 else { throw HandsStartError.notRoot }
            let environment = Self.environment
            let process = try HandsProcess.build(try HandsConfiguration(path: path, environment: environment), environment: environment) {
                Self.write($0, to: STDERR_FILENO)
            }
            process.run()
            end(1, "martlet-hands: its socket was closed; nothing is answered any more. [hands.socket]")
        } catch {
            end(1, "martlet-hands: \(sentence(error))")
        }
    }

    private static let usage = """
        usage: martlet-hands [run] [--config PATH]
               martlet-hands --version
        """

    private static func sentence(_ error: any Error) -> String {
        switch error {
        case let error as HandsStartError: "\(error.message) [\(error.code)]"
        case is Diagnostics, is Diagnostic: "The configuration was refused and nothing was started:\n\(error) [configuration]"
        default: "\(error); nothing was started. [failed]"
        }
    }

    private static func end(_ status: Int32, _ text: String) -> Never {
        write(text, to: status == 0 ? STDOUT_FILENO : STDERR_FILENO)
        exit(status)
    }

    private static func write(_ text: String, to descriptor: Int32) {
        // One line, whatever is in it: nobody may write others' entries into the journal.
        let bytes = text.utf8.map { $0 < 32 && $0 != 10 ? 32 : $0 } + [10]
        _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    /// The environment is read here and nowhere else.
    private static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return variables
    }
}
