package import Compliance
import Database
package import Model
import Seal

/// Exceptions of sites: made and ended by statements, of which none is ever changed.
package struct ExceptionRegister: Sendable {
    private let statements: StatementStore
    private let now: @Sendable () -> Timestamp
    private let key: VerifyingKey

    init(_ services: CentralServices) {
        statements = services.statements
        now = services.clock.now
        key = services.keys.receipts.verifyingKey
    }

    package struct Draft: Sendable {
        /// nil, here and below: all.
        package var host: HostID?
        package var check: CheckID?
        /// nil: now.
        package var from: Timestamp?
        package var until: Timestamp
        package var reason: String
        package var requestedBy: String
        package var approvedBy: String

        package init(
            host: HostID? = nil, check: CheckID? = nil, from: Timestamp? = nil, until: Timestamp, reason: String, requestedBy: String,
            approvedBy: String
        ) {
            self.host = host
            self.check = check
            self.from = from
            self.until = until
            self.reason = reason
            self.requestedBy = requestedBy
            self.approvedBy = approvedBy
        }
    }

    /// An exception as it stands now: the last statement about its id.
    package struct Entry: Hashable, Sendable {
        package let statement: ExceptionStatement
        package let logIndex: Int64

        /// `coming`, `in force` or `over`.
        package func state(at now: Timestamp) -> String {
            if now >= statement.until { return "over" }
            return now < statement.from ? "coming" : "in force"
        }
    }

    /// - Throws: `ExceptionError`, `CentralError`, `DatabaseError`: nothing is excepted.
    package func add(_ draft: Draft, site: SiteID, in scope: TenantScope) async throws -> Entry {
        try await statements.write { [self] transaction in
            let issued = try LogSequence.instant(now(), in: transaction)
            let from = draft.from ?? issued
            guard draft.until > issued else { throw CentralError.value("an exception ends in the future: what was missed stays missed") }
            let ids = Set(try entries(of: site, scope, in: transaction).map(\.statement.id))
            var number = ids.count + 1
            while ids.contains("EX-\(number)") { number += 1 }
            guard !Self.areAlike(draft.requestedBy, draft.approvedBy) else { throw ExceptionError.samePerson }
            let exception = try ExceptionStatement(
                id: "EX-\(number)", site: site, host: draft.host, check: draft.check, from: from, until: draft.until,
                reason: draft.reason, requestedBy: draft.requestedBy, approvedBy: draft.approvedBy, issued: issued)
            return try state(exception, scope, in: transaction)
        }
    }

    /// One person in two spellings: more is folded here than a reader of a kit could do the same on every machine.
    private static func areAlike(_ one: String, _ other: String) -> Bool {
        func folded(_ name: String) -> String { String(name.lowercased().filter { !$0.isWhitespace }) }
        return folded(one) == folded(other)
    }

    /// Ends one now: slots that begin later have to be seen again.
    /// - Throws: `CentralError` when there is none, or it is over; `DatabaseError`.
    package func end(_ id: String, site: SiteID, reason: String, by person: String, in scope: TenantScope) async throws -> Entry {
        try await statements.write { [self] transaction in
            let issued = try LogSequence.instant(now(), in: transaction)
            guard let old = try entries(of: site, scope, in: transaction).last(where: { $0.statement.id == id })?.statement else {
                throw CentralError.notFound("exception")
            }
            guard old.until > issued else { throw CentralError.value("exception \(id) is over since \(old.until)") }
            // Of those who were asked for it; who ends it says so in the reason. A span that is not yet there has to lie before its end.
            let ended = try ExceptionStatement(
                id: id, site: site, host: old.host, check: old.check, from: min(old.from, issued - .milliseconds(1)), until: issued,
                reason: "ended by \(person): \(reason)", requestedBy: old.requestedBy, approvedBy: old.approvedBy, issued: issued)
            return try state(ended, scope, in: transaction)
        }
    }

    /// As they stand, in the order in which they were made.
    /// - Throws: `EnvelopeError` when one is not what Central signed, `DatabaseError`.
    package func list(of site: SiteID, in scope: TenantScope) async throws -> [Entry] {
        let all = try await statements.list(of: site, in: scope, kinds: [.exception]).map(entry)
        var newest: [String: Int] = [:]
        var entries: [Entry] = []
        for entry in all {
            if let place = newest[entry.statement.id] {
                entries[place] = entry
            } else {
                newest[entry.statement.id] = entries.count
                entries.append(entry)
            }
        }
        return entries
    }

    private func entries(of site: SiteID, _ scope: TenantScope, in transaction: any SQLTransaction) throws -> [Entry] {
        try statements.list(of: site, in: scope, kinds: [.exception], in: transaction).map(entry)
    }

    private func entry(_ stored: StoredStatement) throws -> Entry {
        let payload = try stored.payload(schema: ExceptionStatement.schema, keys: [key])
        return Entry(statement: try ExceptionStatement(json: payload), logIndex: stored.logIndex)
    }

    private func state(_ exception: ExceptionStatement, _ scope: TenantScope, in transaction: any SQLTransaction) throws -> Entry {
        let stored = try statements.append(
            exception.json, kind: .exception, about: .site(exception.site, scope), during: exception.from..<exception.until,
            in: transaction)
        return Entry(statement: exception, logIndex: stored.logIndex)
    }
}
