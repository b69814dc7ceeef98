package import Model
package import Seal

/// Two people's word that something need not be seen for a time: `martlet.exception/v1`, signed with the receipt key and logged.
package struct ExceptionStatement: Hashable, Sendable {
    package static let schema = "martlet.exception/v1"
    /// The longest that one may last. Ours: a leap year; an acceptance of risk is looked at anew each year.
    package static let daysMax: Int64 = 366
    package static let reasonBytesMax = 1_000
    package static let personBytesMax = 200

    package let id: String
    package let site: SiteID
    /// nil, here and below: all.
    package let host: HostID?
    package let check: CheckID?
    package let from: Timestamp
    package let until: Timestamp
    package let reason: String
    package let requestedBy: String
    package let approvedBy: String
    /// Nothing before it is excepted.
    package let issued: Timestamp

    package init(
        id: String, site: SiteID, host: HostID? = nil, check: CheckID? = nil, from: Timestamp, until: Timestamp, reason: String,
        requestedBy: String, approvedBy: String, issued: Timestamp
    ) throws(ExceptionError) {
        guard Name<ExceptionSubject>(id) != nil else { throw .id }
        guard from < until, until - from <= .seconds(86_400 * Self.daysMax) else { throw .period }
        guard (1...Self.reasonBytesMax).contains(reason.utf8.count), reason.isPlain else { throw .reason }
        guard (1...Self.personBytesMax).contains(requestedBy.utf8.count), (1...Self.personBytesMax).contains(approvedBy.utf8.count) else {
            throw .person
        }
        guard requestedBy.isPlain, approvedBy.isPlain else { throw .person }
        let people = [Self.folded(requestedBy), Self.folded(approvedBy)]
        guard !people.contains([]) else { throw .person }
        guard people[0] != people[1] else { throw .samePerson }
        self.id = id
        self.site = site
        self.host = host
        self.check = check
        self.from = from
        self.until = until
        self.reason = reason
        self.requestedBy = requestedBy
        self.approvedBy = approvedBy
        self.issued = issued
    }

    /// A person's name as bytes, but for ASCII case and the spaces around: more than that, programs of other ages see differently.
    private static func folded(_ person: String) -> [UInt8] {
        let trimmed = person.utf8.drop { $0 == 0x20 }.reversed().drop { $0 == 0x20 }
        return trimmed.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
    }

    package func speaks(of subject: WatchedCheck) -> Bool {
        (host.map { $0 == subject.host } ?? true) && (check.map { $0 == subject.check } ?? true)
    }
}

private enum ExceptionSubject: Sendable {}

/// Why something is not an exception.
package enum ExceptionError: Error, Hashable, Sendable {
    case id, period, reason, person, samePerson
    case field(FieldError)

    package var code: Code {
        switch self {
        case .id: "exception.id"
        case .period: "exception.period"
        case .reason: "exception.reason"
        case .person: "exception.person"
        case .samePerson: "exception.same_person"
        case .field: "exception.field"
        }
    }

    package var message: String {
        switch self {
        case .id: "exception refused: its id is not 1 to 100 of A-Z a-z 0-9 . _ -; nothing is excepted."
        case .period:
            "exception refused: it does not end after its begin and within \(ExceptionStatement.daysMax) days; nothing is excepted."
        case .reason: "exception refused: its reason is empty, too long, or has control characters; nothing is excepted."
        case .person:
            "exception refused: who requested and who approved it must both be named, without control characters; nothing is excepted."
        case .samePerson: "exception refused: who requested it may not approve it; nothing is excepted. Ask another person."
        case .field(let error): "exception refused: \(error.message)"
        }
    }
}

extension ExceptionStatement {
    package var json: JSONValue {
        [
            "approvedBy": .string(approvedBy), "check": check.map { .string($0.description) } ?? .null,
            "from": .string(from.description), "host": host.map { .string($0.description) } ?? .null, "id": .string(id),
            "issued": .string(issued.description), "reason": .string(reason), "requestedBy": .string(requestedBy),
            "schema": .string(Self.schema), "site": .string(site.description), "until": .string(until.description),
        ]
    }

    package init(json: JSONValue) throws(ExceptionError) {
        let reader: ObjectReader
        let (id, site, host, check): (String, SiteID, HostID?, CheckID?)
        let (from, until, issued): (Timestamp, Timestamp, Timestamp)
        let (reason, requestedBy, approvedBy): (String, String, String)
        do throws(FieldError) {
            reader = try ObjectReader(json)
            guard try reader.string("schema", bytesMax: 100) == Self.schema else { throw .outOfRange("schema", expected: Self.schema) }
            id = try reader.string("id", bytesMax: 100)
            site = try reader.parsed("site")
            host = try reader.optionalParsed("host")
            check = try reader.optionalParsed("check")
            from = try reader.instant("from")
            until = try reader.instant("until")
            issued = try reader.instant("issued")
            reason = try reader.string("reason", bytesMax: Self.reasonBytesMax)
            requestedBy = try reader.string("requestedBy", bytesMax: Self.personBytesMax)
            approvedBy = try reader.string("approvedBy", bytesMax: Self.personBytesMax)
        } catch {
            throw .field(error)
        }
        try self.init(
            id: id, site: site, host: host, check: check, from: from, until: until, reason: reason, requestedBy: requestedBy,
            approvedBy: approvedBy, issued: issued)
    }
}

/// What Central signed about times, in its order.
package enum CentralStatement: Hashable, Sendable {
    case gap(GapStatement)
    case exception(ExceptionStatement)

    package var issued: Timestamp {
        switch self {
        case .gap(let gap): gap.issued
        case .exception(let exception): exception.issued
        }
    }

    package var json: JSONValue {
        switch self {
        case .gap(let gap): gap.json
        case .exception(let exception): exception.json
        }
    }
}
