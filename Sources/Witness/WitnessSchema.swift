package import Database

/// What a witness remembers. Two tables in its owner's database, so that a state and what its owner says of it can be read together.
package enum WitnessSchema {
    /// - Parameter number: the next of the owner's migrations.
    package static func migration(_ number: Int) -> Migration { Migration(number, "witness", text) }

    private static let text: StaticString = """
        -- Written by WitnessBook only. The largest checkpoint that was cosigned for each log: never a smaller one, never two of a size.
        CREATE TABLE witness_state (
            origin TEXT PRIMARY KEY,
            size BIGINT NOT NULL CHECK (size >= 0),
            note TEXT NOT NULL,
            cosigned_at BIGINT NOT NULL
        );
        -- Written by WitnessBook only, and kept for ever: what a log signed and should not have.
        CREATE TABLE witness_dispute (
            number BIGINT PRIMARY KEY CHECK (number > 0),
            origin TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('fork', 'unproven', 'shrunk')),
            digest BYTEA NOT NULL UNIQUE,
            cosigned TEXT NOT NULL,
            refused TEXT NOT NULL,
            refused_text TEXT NOT NULL,
            source TEXT NOT NULL,
            seen_at BIGINT NOT NULL,
            settled_at BIGINT
        );
        """
}
