import Foundation
import Glibc
import Healing
import Hosts
import Model
import RootHands
import Seal
import Synchronization
import TestSupport
import Testing

/// What is sent by somebody who does not follow the rules, over a real socket.
@Suite(.enabled(if: geteuid() == 0)) struct HandsSocketTests {
    /// - Parameter user: who connects.
    private func send(_ hexadecimal: String, to socket: String, as user: Int = 0) async throws -> String {
        let script = """
            import os,socket,struct,sys
            if int(sys.argv[3]): os.setgid(int(sys.argv[3])); os.setuid(int(sys.argv[3]))
            s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(30)
            try: s.sendall(bytes.fromhex(sys.argv[2]))
            except OSError: pass
            out=b''
            while True:
                try: more=s.recv(65536)
                except OSError: break
                if not more: break
                out+=more
            print(out[4:].decode())
            """
        // The helper that it asks is in this process.
        return try await runCommandAside("/usr/bin/python3", ["-c", script, socket, hexadecimal, "\(user)"])
    }

    private func frame(_ text: String, length: Int? = nil) -> String {
        let bytes = Array(text.utf8)
        let count = length ?? bytes.count
        return ([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + bytes).hexadecimal
    }

    @Test("What is not exactly a request is refused with a code, and the next one is answered")
    func malformed() async throws {
        let box = try Box()
        try box.start()
        let kind = #"{"do":"kind","schema":"martlet.hands/v1"}"#
        #expect(try await send(frame(kind), to: box.socket).contains("os.platforms"))
        let bad = [
            #"{"do":"kind", "schema":"martlet.hands/v1"}"#, #"{"schema":"martlet.hands/v1","do":"kind"}"#, "", "[]", "{",
            #"{"do":"run","schema":"martlet.hands/v1"}"#, #"{"argv":["id"],"do":"kind","schema":"martlet.hands/v1"}"#,
            #"{"do":"kind","schema":"martlet.hands/v2"}"#, #"{"do":"kind","do":"kind","schema":"martlet.hands/v1"}"#,
            #"{"baseline":"default","catalog":"00","checks":[],"do":"look","schema":"martlet.hands/v1"}"#,
            #"{"baseline":"default","checks":["a b"],"do":"look","schema":"martlet.hands/v1"}"#,
            #"{"do":"apply","schema":"martlet.hands/v1"}"#, String(repeating: "[", count: 60) + String(repeating: "]", count: 60),
        ]
        for text in bad { #expect(try await send(frame(text), to: box.socket).contains("hands.malformed"), "\(text)") }
        #expect(try await send(frame("", length: 0x7fff_ffff), to: box.socket).contains("hands.too_large"))
        #expect(try await send(frame("", length: -1), to: box.socket).contains("hands.too_large"))
        #expect(try await send(frame(kind), to: box.socket).contains("os.platforms"))
    }

    @Test("Somebody else than root and the appliance's user is refused before anything is read")
    func strangers() async throws {
        let box = try Box()
        try box.start()
        // So that it is the kernel's word for the user that decides, and not the socket's mode.
        chmod(box.directory.path, 0o755)
        chmod(box.socket, 0o666)
        let kind = #"{"do":"kind","schema":"martlet.hands/v1"}"#
        #expect(try await send(frame(kind), to: box.socket, as: 65_534).contains("hands.peer_refused"))
        #expect(box.log.withLock { $0.contains { $0.contains("65534") } })
    }

    @Test("The socket is open to root and the appliance's group only, is taken over from the dead and not from the living")
    func binding() async throws {
        let box = try Box()
        try box.start()
        var status = stat()
        lstat(box.socket, &status)
        #expect(status.st_mode & 0o777 == 0o660 && status.st_uid == 0)
        #expect(throws: HandsStartError.inUse(box.socket)) { try box.start() }
        let other = try Box()
        // A socket that nobody listens on any more.
        try await runCommandAside(
            "/usr/bin/python3", ["-c", "import socket,sys;socket.socket(socket.AF_UNIX).bind(sys.argv[1])", other.socket])
        try other.start()
        #expect(try await other.client().look().verdict == .drift("files.wrong"))
        // Anything else in its place is left alone.
        let third = try Box()
        try Data("mine".utf8).write(to: URL(filePath: third.socket))
        #expect(throws: HandsStartError.self) { try third.start() }
        #expect(try Data(contentsOf: URL(filePath: third.socket)) == Data("mine".utf8))
    }

    @Test("It does not start by keys or settings that somebody else can write, or without any")
    func exposedFiles() throws {
        let box = try Box()
        let key = box.configuration.catalogKey
        chmod(key, 0o664)
        #expect(throws: HandsStartError.exposed(key)) { try box.start() }
        chmod(key, 0o644)
        chown(key, 65_534, 0)
        #expect(throws: HandsStartError.exposed(key)) { try box.start() }
        chown(key, 0, 0)
        try Data("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".utf8).write(to: URL(filePath: key))
        #expect(throws: HandsStartError.noKey(key)) { try box.start() }
        unlink(key)
        symlink("/etc/hostname", key)
        #expect(throws: HandsStartError.self) { try box.start() }
        let settings = box.directory.file("hands.yaml")
        try Data("clinical: true\n".utf8).write(to: URL(filePath: settings))
        chmod(settings, 0o644)
        #expect(try HandsConfiguration(path: settings, environment: [:]).isClinical)
        chmod(settings, 0o666)
        #expect(throws: HandsStartError.exposed(settings)) { try HandsConfiguration(path: settings, environment: [:]) }
        #expect(throws: HandsStartError.userUnknown("nobody-here")) { try box.start { $0.user = "nobody-here" } }
    }
}
