package import Database

/// Small values that outlive a restart.
package enum SettingTable {
    package enum Name: String, Sendable {
        /// What enrolment granted (`Identity`); its presence is what "enrolled" means.
        case identity
        /// `https://host:port` of Central's web listener, at which this appliance was enrolled.
        case enrollmentURL
        /// `1` while all automatic repair is stopped.
        case isPaused
        case lastCheckin
        /// Newest order sequence that was accepted.
        case orderSequence
        /// Where the last run of the process ended in good order; absent after a crash.
        case cleanStop
        /// When the process last said that it runs.
        case signOfLife
        /// When a reading of the clock last found it right.
        case clockConfirmed
        /// Why pushing stopped for good, until somebody looks.
        case pushBlocked
        /// The witness's key as evidence states it.
        case witnessStated
        /// The size of the checkpoint that evidence last stated as seen, and when.
        case checkpointSeen
    }

    package static func read(_ name: Name, in transaction: any SQLTransaction) throws -> String? {
        try transaction.query("SELECT value FROM setting WHERE name = \(name.rawValue)").first?.text(0)
    }

    package static func write(_ name: Name, _ value: String, in transaction: any SQLTransaction) throws {
        try transaction.execute(
            "INSERT INTO setting (name, value) VALUES (\(name.rawValue), \(value)) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
    }

    package static func remove(_ name: Name, in transaction: any SQLTransaction) throws {
        try transaction.execute("DELETE FROM setting WHERE name = \(name.rawValue)")
    }
}
