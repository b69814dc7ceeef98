import Foundation
import Glibc

/// Stands between the client and a real server and misbehaves where the test says so. Bytes pass unchanged otherwise, so signatures hold.
package final class HostileProxy: Sendable {
    package struct Request: Sendable {
        package let method: String
        /// Path and query.
        package let target: String
        /// 1 for the first of all.
        package let number: Int

        /// Of an object, not of a bucket, a lock or a hold.
        package var isPut: Bool { method == "PUT" && target.contains("/objects/") && !target.contains("?") }
        package var isVersionList: Bool { target.contains("?versions") }
    }

    package struct Reply: Sendable {
        package var head: [String]
        package var body: [UInt8]
    }

    package enum Treatment: Sendable {
        case pass
        /// These bytes, and the end of the connection.
        case answer([UInt8])
        /// The connection breaks; the server hears nothing.
        case reset
        /// The server does it; the client hears of a broken connection only.
        case passAndReset
        /// No answer, until the client gives up.
        case hang
        /// The server's answer, ended after so many bytes of its body.
        case cut(Int)
        /// A head that promises and a body that never ends.
        case flood
        case edit(@Sendable (inout Reply) -> Void)

        package static func status(_ status: Int, code: String) -> Treatment {
            let body = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code></Error>"
            return .answer(Array("HTTP/1.1 \(status) Word\r\ncontent-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n\(body)".utf8))
        }

        package static func body(_ body: String) -> Treatment {
            .answer(Array("HTTP/1.1 200 OK\r\ncontent-length: \(body.utf8.count)\r\nconnection: close\r\n\r\n\(body)".utf8))
        }
    }

    package let port: Int
    private let listener: Int32
    private let upstream: Int
    private let treat: @Sendable (Request) -> Treatment
    private let seen = Shared<[Request]>([])

    package var requests: [Request] { seen.current }

    package init(before upstream: Int, _ treat: @escaping @Sendable (Request) -> Treatment) throws {
        self.upstream = upstream
        self.treat = treat
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 64) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw CommandFailed(description: "no port for the proxy") }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        let thread = Thread { [self] in acceptAll() }
        thread.start()
    }

    /// Ends the accepting; connections end with their clients.
    package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func acceptAll() {
        while true {
            let client = accept(listener, nil, nil)
            guard client >= 0 else { break }
            Thread { [self] in serve(client) }.start()
        }
        close(listener)
    }

    private func serve(_ client: Int32) {
        defer { close(client) }
        guard let (head, body) = Self.message(from: client, untilEnd: false), let line = head.first else { return }
        let words = line.split(separator: " ").map(String.init)
        let request = seen.withLock { seen in
            let made = Request(method: words[0], target: words[1], number: seen.count + 1)
            seen.append(made)
            return made
        }
        switch treat(request) {
        case .pass: send(client, forward(head, body))
        case .answer(let bytes): Self.write(client, bytes)
        case .reset: Self.reset(client)
        case .passAndReset:
            _ = forward(head, body)
            Self.reset(client)
        case .hang:
            var byte: UInt8 = 0
            while recv(client, &byte, 1, 0) > 0 {}
        case .cut(let count):
            guard var reply = forward(head, body) else { return }
            reply.body = Array(reply.body.prefix(count))
            send(client, reply)
        case .flood:
            Self.write(client, Array("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".utf8))
            let chunk = [UInt8](repeating: UInt8(ascii: "x"), count: 65_536)
            while Self.write(client, chunk) {}
        case .edit(let edit):
            guard var reply = forward(head, body) else { return }
            edit(&reply)
            send(client, reply)
        }
    }

    private func send(_ client: Int32, _ reply: Reply?) {
        guard let reply else { return }
        Self.write(client, Array((reply.head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + reply.body)
    }

    private func forward(_ head: [String], _ body: [UInt8]) -> Reply? {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(server) }
        var address = Self.loopback(upstream)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
        }
        guard isConnected else { return nil }
        // Not signed; with it the end of the answer is the end of the connection.
        let lines = head.filter { !$0.lowercased().hasPrefix("connection:") } + ["Connection: close"]
        Self.write(server, Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
        guard let (answer, content) = Self.message(from: server, untilEnd: true) else { return nil }
        return Reply(head: answer, body: content)
    }

    /// Head lines and body: of its content-length, or all there is.
    private static func message(from socket: Int32, untilEnd: Bool) -> (head: [String], body: [UInt8])? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var head: [String]?
        var start = 0
        var wanted = 0
        while true {
            if head == nil, let end = bytes.indices.first(where: { bytes[$0...].starts(with: [13, 10, 13, 10]) }) {
                let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
                start = end + 4
                wanted =
                    lines.lazy.compactMap { $0.lowercased().hasPrefix("content-length:") ? Int($0.dropFirst(15).filter(\.isNumber)) : nil }
                    .first ?? 0
                head = lines
            }
            if let head, !untilEnd, bytes.count - start >= wanted { return (head, Array(bytes[start...])) }
            let count = recv(socket, &chunk, chunk.count, 0)
            if count <= 0 { return head.map { ($0, Array(bytes[start...])) } }
            bytes += chunk[..<count]
        }
    }

    @discardableResult
    private static func write(_ socket: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// The close that follows is a reset, not an end.
    private static func reset(_ socket: Int32) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
