import Glibc
import Model
import Testing

@testable import Hosts

/// A directory of this test, removed with it.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/mlt-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw PracticeError("no temporary directory") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        var arguments = [strdup("rm"), strdup("-rf"), strdup(path), nil]
        var pid: pid_t = 0
        if posix_spawn(&pid, "/bin/rm", nil, nil, &arguments, nil) == 0 { waitpid(pid, nil, 0) }
        for argument in arguments { free(argument) }
    }
}

struct PracticeError: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
}

/// The machine's own sshd on a free port of loopback, with keys of its own.
final class PracticeSSHD: Sendable {
    let port: UInt16
    let pid: pid_t
    let hostKey: String
    /// The same host with another key.
    let otherKey: String
    let clientKey: String
    /// Not among the authorized ones.
    let strangerKey: String
    let user: String
    private let temporary: TemporaryDirectory
    var directory: String { temporary.path }

    static func start() async throws -> PracticeSSHD {
        let temporary = try TemporaryDirectory()
        let directory = temporary.path
        let here = LocalHost(id: "here")
        func output(_ arguments: [String]) async throws -> String {
            let result = try await here.run(HostCommand(arguments))
            guard result.succeeded else { throw PracticeError("\(arguments): \(String(decoding: result.errorOutput, as: UTF8.self))") }
            return result.text
        }
        for name in ["host", "other", "client", "stranger"] {
            _ = try await output(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "\(directory)/\(name)"])
        }
        let user = try await output(["id", "-un"]).split(separator: "\n").joined()
        _ = try await output(["mkdir", "-p", "/run/sshd"])
        for attempt in 0..<20 {
            let port = UInt16.random(in: 20_000...32_000)
            let script = """
                cat >"$1/config" <<E
                ListenAddress 127.0.0.1:$2
                HostKey $1/host
                AuthorizedKeysFile $1/client.pub
                StrictModes no
                UsePAM no
                PidFile $1/pid
                PermitRootLogin prohibit-password
                E
                /usr/sbin/sshd -f "$1/config" -E "$1/log"
                for i in $(seq 50); do [ -s "$1/pid" ] && cat "$1/pid" && exit; sleep 0.05; done; exit 1
                """
            let started = try await here.run(HostCommand(["sh", "-c", script, "sh", directory, "\(port)"]))
            guard started.succeeded, let pid = pid_t(started.text.split(separator: "\n").joined()) else {
                if attempt == 19 { throw PracticeError("sshd does not start: \(started)") }
                continue
            }
            return PracticeSSHD(
                port: port, pid: pid, hostKey: try await output(["cat", "\(directory)/host.pub"]),
                otherKey: try await output(["cat", "\(directory)/other.pub"]), user: user, temporary: temporary)
        }
        throw PracticeError("no port is free")
    }

    private init(port: UInt16, pid: pid_t, hostKey: String, otherKey: String, user: String, temporary: TemporaryDirectory) {
        self.port = port
        self.pid = pid
        self.hostKey = hostKey.split(separator: "\n").joined()
        self.otherKey = otherKey.split(separator: "\n").joined()
        self.user = user
        self.temporary = temporary
        clientKey = "\(temporary.path)/client"
        strangerKey = "\(temporary.path)/stranger"
    }

    func stop() { kill(pid, SIGTERM) }
}

/// A peer on loopback that is no sshd.
final class Listener: Sendable {
    enum Manner { case silent, closing }
    let port: UInt16
    private let descriptor: Int32

    init(_ manner: Manner) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw PracticeError("cannot listen") }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
        // Silent: the kernel completes the connection, and nobody ever accepts it.
        guard manner == .closing else { return }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { pointer in
                let descriptor = Int32(Int(bitPattern: pointer))
                while case let peer = accept(descriptor, nil, nil), peer >= 0 {
                    // Room for the client's greeting, so that closing is an end and not a reset.
                    var greeting = [UInt8](repeating: 0, count: 64)
                    _ = write(peer, "SSH-2.0-half", 12)
                    _ = read(peer, &greeting, greeting.count)
                    close(peer)
                }
                return nil
            }, UnsafeMutableRawPointer(bitPattern: Int(descriptor)))
        pthread_detach(thread)
    }

    /// How many have connected to a silent listener since it was asked last.
    func waiting() -> Int {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        var count = 0
        while case let peer = accept(descriptor, nil, nil), peer >= 0 {
            close(peer)
            count += 1
        }
        return count
    }

    deinit {
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}
