package import Database
import Witness

/// The tables of the appliance's one SQLite file, and who writes each. `docs/storage.md` says what losing one would cost.
package enum ApplianceSchema {
    package static let migrator = Migrator([
        Migration(1, "first", sqlite: first, postgres: ""), Migration(2, "expectations", sqlite: expectations, postgres: ""),
        Migration(3, "outbox", sqlite: outbox, postgres: ""),
        WitnessSchema.migration(4), Migration(5, "approvals", sqlite: approvals, postgres: ""),
        Migration(6, "site policy", sqlite: sitePolicy, postgres: ""),
        Migration(7, "proposals", sqlite: proposals, postgres: ""),
        Migration(8, "unanswered incidents", sqlite: unanswered, postgres: ""),
    ])

    private static let first: StaticString = """
        -- Written by EvidenceJournal only. Every index would be one more page to sync with each bundle.
        CREATE TABLE evidence (
            sequence INTEGER PRIMARY KEY CHECK (sequence >= 0),
            made INTEGER NOT NULL,
            signature BLOB NOT NULL CHECK (length(signature) = 64),
            bytes BLOB NOT NULL
        ) STRICT;
        -- The chain's end, kept apart from its links: a file that lost its newest rows disagrees with itself.
        -- What comes after `acknowledged` has no receipt of Central yet: the outbox.
        CREATE TABLE chain (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            sequence INTEGER NOT NULL CHECK (sequence >= 0),
            digest BLOB NOT NULL CHECK (length(digest) = 32),
            acknowledged INTEGER NOT NULL DEFAULT -1 CHECK (acknowledged BETWEEN -1 AND sequence)
        ) STRICT;
        CREATE TABLE receipt (
            last_sequence INTEGER PRIMARY KEY CHECK (last_sequence >= first_sequence),
            first_sequence INTEGER NOT NULL,
            head BLOB NOT NULL CHECK (length(head) = 32),
            envelope TEXT NOT NULL,
            received INTEGER NOT NULL
        ) STRICT;

        -- Written by IncidentTable only. At most one incident is open for a host and check.
        CREATE TABLE incident (
            id TEXT PRIMARY KEY,
            host TEXT NOT NULL,
            check_id TEXT NOT NULL,
            code TEXT NOT NULL,
            severity TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'deferred', 'escalated', 'resolved')),
            opened INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            resolved INTEGER CHECK ((state = 'resolved') = (resolved IS NOT NULL)),
            attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
            facts TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX incident_one_open ON incident (host, check_id) WHERE state <> 'resolved';
        CREATE INDEX incident_resolved ON incident (resolved) WHERE resolved IS NOT NULL;

        -- Written by ObservationTable only: the newest look of each check at each host, and when each host was last attested.
        CREATE TABLE observation (
            host TEXT NOT NULL,
            check_id TEXT NOT NULL,
            verdict TEXT NOT NULL,
            code TEXT,
            facts_digest BLOB NOT NULL CHECK (length(facts_digest) = 32),
            started INTEGER NOT NULL,
            ended INTEGER NOT NULL,
            PRIMARY KEY (host, check_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE attestation (host TEXT PRIMARY KEY, attested INTEGER NOT NULL) STRICT, WITHOUT ROWID;

        -- Written by DecisionTable only: what was last decided about a host's check without acting, so that the same answer
        -- becomes evidence once; and until when nobody needs to ask again.
        CREATE TABLE decision (
            host TEXT NOT NULL,
            check_id TEXT NOT NULL,
            incident TEXT NOT NULL,
            outcome TEXT NOT NULL,
            code TEXT NOT NULL,
            until INTEGER,
            decided INTEGER NOT NULL,
            PRIMARY KEY (host, check_id)
        ) STRICT, WITHOUT ROWID;

        -- Written by IntentTable only: plans that were admitted, from before their first step until their evidence is durable.
        CREATE TABLE intent (
            plan_id TEXT PRIMARY KEY,
            host TEXT NOT NULL,
            check_id TEXT NOT NULL,
            incident TEXT,
            order_id TEXT,
            body TEXT NOT NULL,
            begun INTEGER NOT NULL,
            finished INTEGER,
            outcome TEXT CHECK ((outcome IS NULL) = (finished IS NULL))
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX intent_unfinished ON intent (begun) WHERE finished IS NULL;
        CREATE INDEX intent_place ON intent (host, check_id, begun);

        -- Written by OrderTable only. A nonce or sequence is never taken twice.
        CREATE TABLE order_inbox (
            order_id TEXT PRIMARY KEY,
            sequence INTEGER NOT NULL UNIQUE,
            nonce TEXT NOT NULL UNIQUE,
            is_for_all INTEGER NOT NULL CHECK (is_for_all IN (0, 1)),
            envelope TEXT NOT NULL,
            envelope_digest BLOB NOT NULL UNIQUE CHECK (length(envelope_digest) = 32),
            state TEXT NOT NULL CHECK (state IN ('accepted', 'running', 'completed', 'failed', 'rejected', 'expired')),
            deferred_until INTEGER,
            defer_code TEXT,
            received INTEGER NOT NULL,
            finished INTEGER
        ) STRICT, WITHOUT ROWID;
        -- Envelopes that were refused, by digest, so that one that is sent again does not become evidence again.
        CREATE TABLE order_refusal (
            envelope_digest BLOB PRIMARY KEY CHECK (length(envelope_digest) = 32),
            code TEXT NOT NULL,
            refused INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE order_report (
            number INTEGER PRIMARY KEY,
            order_id TEXT NOT NULL,
            state TEXT NOT NULL,
            code TEXT,
            evidence_sequence INTEGER,
            UNIQUE (order_id, state)
        ) STRICT;

        -- Written by CatalogTable only. The pack in force, and the one before it to go back to.
        CREATE TABLE catalog_pack (
            version INTEGER PRIMARY KEY,
            envelope BLOB NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('active', 'previous', 'refused')),
            code TEXT,
            stored INTEGER NOT NULL
        ) STRICT;
        CREATE UNIQUE INDEX catalog_one_active ON catalog_pack (state) WHERE state <> 'refused';

        -- Written by AlertTable only: what is wrong now and was said in evidence, so that it is said once.
        CREATE TABLE alert (
            subject TEXT PRIMARY KEY,
            code TEXT NOT NULL,
            note TEXT NOT NULL,
            raised INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- Written by SettingTable only: identity, pause, last check-in and the like.
        CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """

    private static let expectations: StaticString = """
        -- Written by ExpectationTable only: what was last said, in evidence, that has to be looked at on each host.
        CREATE TABLE expectation (host TEXT PRIMARY KEY, expected TEXT NOT NULL, catalog INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        -- Written by OutageTable only: what keeps from looking now, and since when.
        CREATE TABLE outage (subject TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        """

    private static let approvals: StaticString = """
        -- Written by ApprovalTable only. Plans that wait for a second person, as that person is asked to approve them.
        CREATE TABLE approval_request (
            plan BLOB PRIMARY KEY CHECK (length(plan) = 32),
            statement TEXT NOT NULL,
            host TEXT NOT NULL,
            check_id TEXT NOT NULL,
            incident TEXT,
            order_id TEXT,
            asked INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- Approvals that were taken. A nonce is never taken twice, and one approval never spent on two plans.
        CREATE TABLE approval (
            nonce TEXT PRIMARY KEY,
            plan BLOB NOT NULL CHECK (length(plan) = 32),
            approver TEXT NOT NULL,
            envelope TEXT NOT NULL,
            expires INTEGER NOT NULL,
            received INTEGER NOT NULL,
            used_by TEXT UNIQUE
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX approval_by_plan ON approval (plan) WHERE used_by IS NULL;
        """

    private static let sitePolicy: StaticString = """
        -- Written by PolicyTable only. The document in force; and the digests of those that were refused.
        CREATE TABLE site_policy (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            version INTEGER NOT NULL CHECK (version > 0),
            envelope BLOB NOT NULL,
            stored INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE site_policy_refusal (
            digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
            code TEXT NOT NULL,
            refused INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        -- What would be expected of the host, were it not switched off.
        ALTER TABLE expectation ADD COLUMN switched_off TEXT NOT NULL DEFAULT '[]';
        """

    private static let proposals: StaticString = """
        -- Written by ProposalTable only. What a model was asked about an incident, at most once, and what it proposes: `asking` while this
        -- appliance's own question is under way, `waiting` until the gate has had its last word, then `ended`.
        CREATE TABLE proposal (
            incident TEXT PRIMARY KEY,
            state TEXT NOT NULL CHECK (state IN ('asking', 'waiting', 'ended')),
            proposal TEXT NOT NULL,
            order_id TEXT,
            asked INTEGER,
            taken INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX proposal_open ON proposal (taken) WHERE state <> 'ended';
        """

    private static let unanswered: StaticString = """
        -- `Stamp.digest` of the rules that did not answer the incident; other ones may. Of what was escalated before this was kept it is
        -- not known which rules they were: none that are in force now.
        ALTER TABLE decision ADD COLUMN unanswered_by BLOB CHECK (length(unanswered_by) = 32);
        UPDATE decision SET unanswered_by = zeroblob(32) WHERE code = 'rule.none';
        """

    private static let outbox: StaticString = """
        -- What comes after `acknowledged` has no receipt of Central yet. The chain's end is its newest row: written once more here it
        -- would be one more page to sync with each bundle, and no harder to change than the row.
        CREATE TABLE outbox (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            acknowledged INTEGER NOT NULL CHECK (acknowledged >= -1)
        ) STRICT;
        INSERT INTO outbox (only, acknowledged) SELECT 1, coalesce((SELECT acknowledged FROM chain), -1);
        DROP TABLE chain;
        """
}
