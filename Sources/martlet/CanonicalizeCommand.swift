import ArgumentParser
import Glibc
import Seal

/// `martlet canonicalize`: standard input as RFC 8785 bytes on standard output; exit code 2 and a code when it is not JSON.
struct CanonicalizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "canonicalize", abstract: "Write JSON from standard input in its canonical form (RFC 8785).")

    static let bytesMax = 64 << 20

    func run() throws {
        var input: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        // One byte over the limit is enough for the parser to refuse it.
        while input.count <= Self.bytesMax {
            let count = read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            input += chunk[..<count]
        }
        let bytes: [UInt8]
        do throws(JSONError) {
            let limits = JSONLimits(bytesMax: Self.bytesMax, depthMax: JSONLimits.depthCeiling)
            bytes = try JSONValue(parsing: input, limits: limits).canonicalBytes()
        } catch {
            write("\(error.code): \(error.message)\n".utf8, to: STDERR_FILENO)
            throw ExitCode(2)
        }
        guard write(bytes, to: STDOUT_FILENO) else { throw ExitCode.failure }
    }

    @discardableResult
    private func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
