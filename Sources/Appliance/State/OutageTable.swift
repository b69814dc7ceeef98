package import Database
package import Model

/// What keeps the appliance from looking now, and since when; said in evidence when it is over and cost a slot.
package enum OutageTable {
    package enum Subject: Hashable, Sendable {
        case clock
        case host(HostID)

        var text: String {
            switch self {
            case .clock: "clock"
            case .host(let host): "host:\(host)"
            }
        }
    }

    package static func since(_ subject: Subject, in transaction: any SQLTransaction) throws -> Timestamp? {
        try transaction.query("SELECT since FROM outage WHERE subject = \(subject.text)").first.map {
            Timestamp(milliseconds: try $0.integer(0))
        }
    }

    /// The first begin stands.
    static func begin(_ subject: Subject, at instant: Timestamp, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "INSERT INTO outage (subject, since) VALUES (\(subject.text), \(instant.milliseconds)) ON CONFLICT (subject) DO NOTHING")
    }

    static func end(_ subject: Subject, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM outage WHERE subject = \(subject.text)")
    }
}
