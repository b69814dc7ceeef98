import ArgumentParser
import Glibc
import Redaction
import Seal

/// `martlet scrub`: a filter. Each complete line is written as soon as it has been read.
struct ScrubCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub", abstract: "Take health information out of standard input; technical facts stay.",
        discussion: """
            Every identifier becomes [kind:letters]. The letters are a pseudonym under a key: the same value has the same letters \
            wherever the same key was used, and nobody without the key can find out the value by trying. Without --key a key is made \
            for this run and forgotten.
            """)

    @Option(help: "File of the key (32 bytes, mode 0600), as in an appliance's state directory; made when there is none.")
    var key: String?

    func run() throws {
        let pseudonyms: PseudonymKey
        do throws(PrivateFileError) {
            if let key { pseudonyms = try PseudonymKey.load(orCreateAt: key) } else { pseudonyms = PseudonymKey() }
        } catch {
            Output.write("\(error.code): \(error.message)\n".utf8, to: STDERR_FILENO)
            throw ExitCode(2)
        }
        var stream = ScrubStream(Scrubber(key: pseudonyms))
        var output: [UInt8] = []
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 131_072, alignment: 64)
        defer { chunk.deallocate() }
        while true {
            let count = read(STDIN_FILENO, chunk.baseAddress, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                Output.write("scrub.read: Standard input could not be read further; the output ends early.\n".utf8, to: STDERR_FILENO)
                throw ExitCode.failure
            }
            if count == 0 { break }
            stream.feed(UnsafeRawBufferPointer(rebasing: chunk[..<count]), to: &output)
            guard Output.write(output, to: STDOUT_FILENO) else { throw ExitCode.failure }
            output.removeAll(keepingCapacity: true)
        }
        stream.finish(to: &output)
        guard Output.write(output, to: STDOUT_FILENO) else { throw ExitCode.failure }
    }
}

/// Writing to a descriptor until all is written.
private enum Output {
    /// - Returns: false where nobody reads any longer.
    @discardableResult
    static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
        let bytes = ContiguousArray(bytes)
        return bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                written += count
            }
            return true
        }
    }
}
