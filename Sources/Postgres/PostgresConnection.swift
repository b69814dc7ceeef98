import CPostgres
import Database
import Foundation
import Model

/// How long a connection may make its caller wait.
package struct PostgresLimits: Sendable {
    /// Per host of the address, unless the address has its own `connect_timeout`; libpq knows whole seconds, at least 2.
    package var connect: Duration
    /// Enforced by the server, and five seconds later by us, should the server hang.
    package var statement: Duration
    /// Runs of one transaction body, the first included, before a serialization failure or a lost connection is given up.
    package var attemptsMax: Int
    /// Transactions that may wait for a connection.
    package var queueMax: Int

    package init(
        connect: Duration = .seconds(5), statement: Duration = .seconds(30), attemptsMax: Int = 12, queueMax: Int = 10_000
    ) {
        self.connect = connect
        self.statement = statement
        self.attemptsMax = attemptsMax
        self.queueMax = queueMax
    }
}

/// Why a statement did not succeed, before it is known what that means for its transaction.
enum PostgresFailure: Error {
    /// The server answered with an error.
    case refused(state: String, message: String)
    /// No answer came, and none will: the connection is of no more use.
    case lost(String)
}

/// One libpq connection, used by one thread at a time: whoever makes it owns it, which is why it is not Sendable.
package final class PostgresConnection {
    private let connection: OpaquePointer
    private let limits: PostgresLimits
    private var prepared: [String: String] = [:]
    private static let preparedMax = 256

    package init(url: String, limits: PostgresLimits = PostgresLimits()) throws {
        let settings: [(String, String)] = [
            ("connect_timeout", "\(max(2, limits.connect.wholeSeconds))"), ("application_name", "martlet"), ("keepalives_idle", "30"),
            ("options", "-c statement_timeout=\(limits.statement.wholeMilliseconds) -c timezone=UTC -c client_min_messages=warning"),
            // Last, so that what the address says wins.
            ("dbname", url), ("client_encoding", "UTF8"),
        ]
        let opened = withCStrings(settings.map(\.0)) { keys in
            withCStrings(settings.map(\.1)) { values in PQconnectdbParams(keys, values, 1) }
        }
        guard let opened else { throw PostgresFailure.lost("out of memory") }
        guard PQstatus(opened) == CONNECTION_OK else {
            let message = String(cString: PQerrorMessage(opened)).singleLine
            PQfinish(opened)
            throw PostgresFailure.lost(message)
        }
        connection = opened
        self.limits = limits
        PQsetnonblocking(opened, 1)
        PQsetNoticeProcessor(opened, { _, _ in }, nil)
        // A server whose default is `off` would acknowledge commits that a crash takes back; a stricter setting stays.
        try command("SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')")
    }

    deinit { PQfinish(connection) }

    package var isUsable: Bool { PQstatus(connection) == CONNECTION_OK }

    /// Runs statements without parameters and forgets their rows; returns the last one's command tag.
    @discardableResult
    package func command(_ text: String) throws -> String {
        let result = try answer { PQsendQuery(connection, text) }
        defer { PQclear(result) }
        return String(cString: PQcmdStatus(result))
    }

    func query(_ sql: SQL) throws -> [Row] {
        let result = try run(sql)
        defer { PQclear(result) }
        return rows(of: result)
    }

    func execute(_ sql: SQL) throws -> Int {
        let result = try run(sql)
        defer { PQclear(result) }
        return Int(String(cString: PQcmdTuples(result))) ?? 0
    }

    private func run(_ sql: SQL) throws -> OpaquePointer {
        try sql.checkTexts()
        let name = try prepare(sql.text)
        return try withParameters(sql.values) { values, lengths, formats in
            try answer { PQsendQueryPrepared(connection, name, Int32(sql.values.count), values, lengths, formats, 1) }
        }
    }

    private func prepare(_ text: String) throws -> String {
        if let name = prepared[text] { return name }
        if prepared.count >= Self.preparedMax {
            try command("DEALLOCATE ALL")
            prepared = [:]
        }
        let name = "s\(prepared.count)"
        // No parameter types: the server infers them from where the parameters stand.
        PQclear(try answer { PQsendPrepare(connection, name, text, 0, nil) })
        prepared[text] = name
        return name
    }

    /// Sends, and waits for the last result, but never longer than the deadline.
    private func answer(_ send: () -> Int32) throws -> OpaquePointer {
        guard send() == 1 else { throw lost() }
        let deadline = ContinuousClock.now + limits.statement + .seconds(5)
        var last: OpaquePointer?
        while true {
            let flushed = PQflush(connection)
            if flushed < 0 {
                PQclear(last)
                throw lost()
            }
            if flushed == 0, PQisBusy(connection) == 0 {
                guard let result = PQgetResult(connection) else { break }
                // The first error of several statements is the one that tells.
                if let kept = last, PQresultStatus(kept) == PGRES_FATAL_ERROR {
                    PQclear(result)
                } else {
                    PQclear(last)
                    last = result
                }
                continue
            }
            do { try wait(alsoToWrite: flushed == 1, until: deadline) } catch {
                PQclear(last)
                throw error
            }
        }
        guard let last else { throw lost() }
        switch PQresultStatus(last) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: return last
        default:
            defer { PQclear(last) }
            let message = (PQresultErrorField(last, Int32(UInt8(ascii: "M"))).map { String(cString: $0) } ?? "no message").singleLine
            // Without a state it is libpq that speaks, about a connection that broke; 57P0x is a server that ends it.
            guard let state = PQresultErrorField(last, Int32(UInt8(ascii: "C"))).map({ String(cString: $0) }) else { throw lost() }
            if state.hasPrefix("57P0") { throw PostgresFailure.lost(message) }
            throw PostgresFailure.refused(state: state, message: message)
        }
    }

    private func wait(alsoToWrite: Bool, until deadline: ContinuousClock.Instant) throws {
        let left = (deadline - .now).wholeMilliseconds
        var descriptor = pollfd(fd: PQsocket(connection), events: Int16(POLLIN) | (alsoToWrite ? Int16(POLLOUT) : 0), revents: 0)
        let ready = left > 0 ? poll(&descriptor, 1, Int32(clamping: left)) : 0
        if ready < 0 && errno == EINTR { return }
        guard ready > 0 else { throw PostgresFailure.lost("no answer before the deadline") }
        guard descriptor.revents & Int16(POLLIN | POLLHUP | POLLERR) == 0 || PQconsumeInput(connection) == 1 else { throw lost() }
    }

    private func lost() -> PostgresFailure { .lost(String(cString: PQerrorMessage(connection)).singleLine) }

    /// Integers, doubles and text travel as text, bytes as they are.
    private func withParameters<Value>(
        _ values: [SQLValue],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>) throws -> Value
    ) rethrows -> Value {
        var arena: [UInt8] = []
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        var formats: [Int32] = []
        for value in values {
            offsets.append(value == .null ? nil : arena.count)
            var length = 0
            switch value {
            case .null: break
            case .integer(let number): arena.append(contentsOf: String(number).utf8)
            case .double(let number): arena.append(contentsOf: String(number).utf8)
            case .text(let text): arena.append(contentsOf: text.utf8)
            case .blob(let bytes):
                arena.append(contentsOf: bytes)
                length = bytes.count
            }
            arena.append(0)
            lengths.append(Int32(length))
            if case .blob = value { formats.append(1) } else { formats.append(0) }
        }
        return try arena.withUnsafeBytes { arena in
            let pointers = offsets.map { offset in offset.map { arena.baseAddress!.advanced(by: $0).assumingMemoryBound(to: CChar.self) } }
            // Never empty, so that the pointers are there.
            return try body(pointers + [nil], lengths + [0], formats + [0])
        }
    }

    private func rows(of result: OpaquePointer) -> [Row] {
        let columns = PQnfields(result)
        let types = (0..<columns).map { PQftype(result, $0) }
        return (0..<PQntuples(result)).map { row in
            Row(
                values: (0..<columns).map { column in
                    guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else { return .null }
                    let bytes = UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, column)))
                    return SQLValue(binary: bytes, type: types[Int(column)])
                })
        }
    }
}

extension SQLValue {
    /// - Parameter type: the OID from pg_type; what is not a number or bytes is text in UTF-8.
    fileprivate init(binary bytes: UnsafeRawBufferPointer, type: Oid) {
        self =
            switch type {
            case 20: .integer(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
            case 23: .integer(Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self))))
            case 21: .integer(Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self))))
            case 16: .integer(Int64(bytes[0]))
            case 701: .double(Double(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))))
            case 17: .blob([UInt8](bytes))
            default: .text(String(decoding: bytes, as: UTF8.self))
            }
    }
}

extension String {
    fileprivate var singleLine: String {
        split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}

private func withCStrings<Value>(_ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Value) -> Value {
    let copies = texts.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    return body(copies.map { UnsafePointer($0) } + [nil])
}
