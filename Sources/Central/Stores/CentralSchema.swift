import Database

/// Central's tables. One migration per change, never edited once released.
enum CentralSchema {
    static let migrator = Migrator(migrations)

    private static let migrations: [Migration] = [
        Migration(
            1, "tenants",
            """
            CREATE TABLE organization (
                id TEXT PRIMARY KEY,
                name TEXT NOT NULL UNIQUE,
                created_at BIGINT NOT NULL
            );
            CREATE TABLE site (
                id TEXT PRIMARY KEY,
                organization_id TEXT NOT NULL REFERENCES organization (id),
                name TEXT NOT NULL,
                created_at BIGINT NOT NULL,
                UNIQUE (organization_id, name),
                UNIQUE (id, organization_id)
            );
            """),
        Migration(
            2, "appliances",
            """
            CREATE TABLE appliance (
                id TEXT PRIMARY KEY,
                organization_id TEXT NOT NULL,
                site_id TEXT NOT NULL,
                hostname TEXT NOT NULL,
                evidence_key BYTEA NOT NULL UNIQUE,
                sealing_key BYTEA NOT NULL,
                software_version TEXT NOT NULL,
                enrolled_at BIGINT NOT NULL,
                revoked_at BIGINT,
                order_sequence BIGINT NOT NULL DEFAULT 0 CHECK (order_sequence >= 0),
                last_checkin_at BIGINT,
                catalog_version BIGINT NOT NULL DEFAULT 0,
                chain_head BIGINT NOT NULL DEFAULT -1,
                queued BIGINT NOT NULL DEFAULT 0,
                open_incidents BIGINT NOT NULL DEFAULT 0,
                is_paused BIGINT NOT NULL DEFAULT 0 CHECK (is_paused IN (0, 1)),
                clock_offset_ms BIGINT,
                FOREIGN KEY (site_id, organization_id) REFERENCES site (id, organization_id),
                UNIQUE (id, site_id, organization_id)
            );
            CREATE TABLE certificate (
                serial TEXT PRIMARY KEY,
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                issued_at BIGINT NOT NULL,
                not_after BIGINT NOT NULL,
                revoked_at BIGINT
            );
            CREATE INDEX certificate_by_appliance ON certificate (appliance_id);
            """),
        Migration(
            3, "claims",
            """
            CREATE TABLE claim (
                secret_digest BYTEA PRIMARY KEY,
                organization_id TEXT NOT NULL,
                site_id TEXT NOT NULL,
                created_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL,
                created_by TEXT NOT NULL,
                used_at BIGINT,
                appliance_id TEXT UNIQUE REFERENCES appliance (id),
                CHECK ((used_at IS NULL) = (appliance_id IS NULL)),
                FOREIGN KEY (site_id, organization_id) REFERENCES site (id, organization_id)
            );
            CREATE TABLE claim_failures (
                source TEXT PRIMARY KEY,
                window_began_at BIGINT NOT NULL,
                failures BIGINT NOT NULL CHECK (failures > 0)
            );
            """),
        Migration(
            4, "orders",
            """
            CREATE TABLE issued_order (
                id TEXT PRIMARY KEY,
                appliance_id TEXT NOT NULL,
                site_id TEXT NOT NULL,
                organization_id TEXT NOT NULL,
                sequence BIGINT NOT NULL CHECK (sequence > 0),
                kind TEXT NOT NULL,
                host TEXT,
                runbook TEXT,
                requester TEXT NOT NULL,
                reason TEXT NOT NULL,
                envelope TEXT NOT NULL,
                issued_at BIGINT NOT NULL,
                expires_at BIGINT NOT NULL,
                state TEXT NOT NULL
                    CHECK (state IN ('created', 'delivered', 'acknowledged', 'completed', 'failed', 'rejected', 'expired')),
                code TEXT,
                evidence_sequence BIGINT,
                changed_at BIGINT NOT NULL,
                UNIQUE (appliance_id, sequence),
                FOREIGN KEY (appliance_id, site_id, organization_id) REFERENCES appliance (id, site_id, organization_id)
            );
            """),
        Migration(
            5, "evidence",
            """
            CREATE TABLE evidence (
                appliance_id TEXT NOT NULL,
                sequence BIGINT NOT NULL CHECK (sequence >= 0),
                site_id TEXT NOT NULL,
                organization_id TEXT NOT NULL,
                bundle_id TEXT NOT NULL,
                digest BYTEA NOT NULL,
                previous BYTEA NOT NULL,
                bytes BYTEA NOT NULL,
                signature BYTEA NOT NULL,
                received_at BIGINT NOT NULL,
                log_index BIGINT NOT NULL,
                PRIMARY KEY (appliance_id, sequence),
                FOREIGN KEY (appliance_id, site_id, organization_id) REFERENCES appliance (id, site_id, organization_id)
            );
            CREATE TABLE receipt (
                appliance_id TEXT NOT NULL,
                first_sequence BIGINT NOT NULL,
                last_sequence BIGINT NOT NULL,
                envelope TEXT NOT NULL,
                received_at BIGINT NOT NULL,
                PRIMARY KEY (appliance_id, last_sequence),
                FOREIGN KEY (appliance_id, last_sequence) REFERENCES evidence (appliance_id, sequence)
            );
            """),
        Migration(
            6, "refusals",
            """
            CREATE TABLE refusal (
                source TEXT NOT NULL,
                code TEXT NOT NULL,
                sequence BIGINT NOT NULL,
                digest BYTEA NOT NULL,
                sentence TEXT NOT NULL,
                organization_id TEXT,
                site_id TEXT,
                appliance_id TEXT,
                first_at BIGINT NOT NULL,
                last_at BIGINT NOT NULL,
                times BIGINT NOT NULL CHECK (times > 0),
                PRIMARY KEY (source, code, sequence, digest)
            );
            CREATE INDEX refusal_by_time ON refusal (last_at);
            """),
        Migration(
            7, "catalog",
            """
            CREATE TABLE catalog_pack (
                version BIGINT PRIMARY KEY CHECK (version > 0),
                digest BYTEA NOT NULL,
                envelope BYTEA NOT NULL,
                published_at BIGINT NOT NULL,
                published_by TEXT NOT NULL
            );
            """),
        Migration(
            8, "recoveries",
            """
            CREATE TABLE recovery_nonce (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                nonce TEXT NOT NULL,
                seen_at BIGINT NOT NULL,
                PRIMARY KEY (appliance_id, nonce)
            );
            CREATE TABLE recovery_failures (
                source TEXT PRIMARY KEY,
                window_began_at BIGINT NOT NULL,
                failures BIGINT NOT NULL CHECK (failures > 0)
            );
            """),
        Migration(
            9, "log",
            """
            CREATE TABLE log_state (
                id BIGINT PRIMARY KEY CHECK (id = 1),
                origin TEXT,
                size BIGINT NOT NULL CHECK (size >= 0)
            );
            INSERT INTO log_state (id, size) VALUES (1, 0);
            CREATE TABLE log_entry (
                log_index BIGINT PRIMARY KEY CHECK (log_index >= 0),
                entry BYTEA NOT NULL
            );
            CREATE TABLE log_checkpoint (
                size BIGINT PRIMARY KEY CHECK (size >= 0),
                note TEXT NOT NULL,
                signed_at BIGINT NOT NULL
            );
            """),
        Migration(10, "refusals by appliance", "CREATE INDEX refusal_by_appliance ON refusal (appliance_id, last_at);"),
        // Only what arrives from now on fills it; every host is attested within the hour.
        Migration(
            11, "hosts",
            """
            CREATE TABLE appliance_host (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                host TEXT NOT NULL,
                last_seen_at BIGINT NOT NULL,
                PRIMARY KEY (appliance_id, host)
            );
            """),
        Migration(12, "order checks", "ALTER TABLE issued_order ADD COLUMN check_id TEXT;"),
        Migration(
            13, "statements",
            """
            CREATE TABLE statement (
                log_index BIGINT PRIMARY KEY,
                kind TEXT NOT NULL,
                organization_id TEXT REFERENCES organization (id),
                site_id TEXT,
                digest BYTEA NOT NULL UNIQUE,
                envelope TEXT NOT NULL,
                from_at BIGINT NOT NULL,
                until_at BIGINT NOT NULL CHECK (until_at > from_at),
                made_at BIGINT NOT NULL,
                CHECK (site_id IS NULL OR organization_id IS NOT NULL),
                FOREIGN KEY (site_id, organization_id) REFERENCES site (id, organization_id)
            );
            CREATE INDEX statement_by_owner ON statement (organization_id, site_id, log_index);
            """),
        Migration(
            14, "anchors",
            """
            CREATE TABLE anchor (
                kind TEXT NOT NULL,
                digest BYTEA NOT NULL,
                tree_size BIGINT NOT NULL REFERENCES log_checkpoint (size),
                made_at BIGINT NOT NULL,
                proof BYTEA NOT NULL,
                state TEXT NOT NULL,
                is_open BIGINT NOT NULL CHECK (is_open IN (0, 1)),
                PRIMARY KEY (kind, digest)
            );
            CREATE TABLE anchor_heartbeat (
                kind TEXT PRIMARY KEY,
                since_at BIGINT NOT NULL,
                last_success_at BIGINT,
                last_failure TEXT,
                last_size BIGINT,
                last_digest BYTEA,
                oldest_pending_at BIGINT,
                CHECK ((last_size IS NULL) = (last_digest IS NULL))
            );
            """),
        Migration(
            15, "recurring work",
            """
            CREATE TABLE work (
                name TEXT PRIMARY KEY,
                since_at BIGINT NOT NULL,
                last_success_at BIGINT,
                failure_code TEXT,
                failure_sentence TEXT,
                failing_since_at BIGINT,
                CHECK ((failure_code IS NULL) = (failing_since_at IS NULL))
            );
            """),
        Migration(
            16, "archive",
            """
            CREATE TABLE archive_chunk (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                organization_id TEXT NOT NULL REFERENCES organization (id),
                first_sequence BIGINT NOT NULL CHECK (first_sequence >= 0),
                last_sequence BIGINT NOT NULL CHECK (last_sequence >= first_sequence),
                newest_received_at BIGINT NOT NULL,
                planned_at BIGINT NOT NULL,
                retained_until BIGINT,
                is_held BIGINT NOT NULL DEFAULT 0 CHECK (is_held IN (0, 1)),
                pruned_at BIGINT CHECK (pruned_at IS NULL OR retained_until IS NOT NULL),
                removed_at BIGINT CHECK (removed_at IS NULL OR pruned_at IS NOT NULL),
                PRIMARY KEY (appliance_id, first_sequence),
                UNIQUE (appliance_id, last_sequence)
            );
            CREATE INDEX archive_chunk_unstored ON archive_chunk (planned_at) WHERE retained_until IS NULL;
            CREATE TABLE legal_hold (
                organization_id TEXT NOT NULL REFERENCES organization (id),
                number BIGINT NOT NULL CHECK (number > 0),
                is_set BIGINT NOT NULL CHECK (is_set IN (0, 1)),
                reason TEXT NOT NULL,
                made_by TEXT NOT NULL,
                made_at BIGINT NOT NULL,
                log_index BIGINT NOT NULL REFERENCES statement (log_index),
                PRIMARY KEY (organization_id, number)
            );
            CREATE TABLE drill (
                store TEXT NOT NULL,
                log_index BIGINT NOT NULL REFERENCES statement (log_index),
                started_at BIGINT NOT NULL,
                code TEXT NOT NULL,
                is_passed BIGINT NOT NULL CHECK (is_passed IN (0, 1)),
                PRIMARY KEY (store, log_index)
            );
            """),
        // 2190 days: docs/objects.md. The term of an organization's evidence only grows.
        Migration(
            17, "retention",
            """
            ALTER TABLE organization ADD COLUMN retention_days BIGINT NOT NULL DEFAULT 2190 CHECK (retention_days >= 2190);
            ALTER TABLE evidence ADD COLUMN pruned_at BIGINT;
            """),
        Migration(
            18, "log repair",
            """
            CREATE UNIQUE INDEX evidence_by_log ON evidence (log_index);
            CREATE TABLE log_fault (path TEXT PRIMARY KEY, code TEXT NOT NULL, since_at BIGINT NOT NULL);
            CREATE TABLE log_walk (
                id BIGINT PRIMARY KEY CHECK (id = 1),
                next_bundle BIGINT NOT NULL CHECK (next_bundle >= 0),
                began_at BIGINT NOT NULL
            );
            """),
        Migration(
            19, "witnesses",
            """
            CREATE TABLE log_witness (
                vkey TEXT PRIMARY KEY,
                name TEXT NOT NULL,
                appliance_id TEXT REFERENCES appliance (id),
                size BIGINT NOT NULL CHECK (size >= -1),
                seen_at BIGINT NOT NULL
            );
            CREATE TABLE log_cosignature (
                size BIGINT NOT NULL REFERENCES log_checkpoint (size),
                vkey TEXT NOT NULL REFERENCES log_witness (vkey),
                line TEXT NOT NULL,
                received_at BIGINT NOT NULL,
                PRIMARY KEY (size, vkey)
            );
            CREATE INDEX log_cosignature_by_witness ON log_cosignature (vkey, size);
            CREATE TABLE log_dispute (
                source TEXT NOT NULL,
                digest BYTEA NOT NULL,
                kind TEXT NOT NULL,
                cosigned TEXT NOT NULL,
                refused TEXT NOT NULL,
                seen_at BIGINT NOT NULL,
                received_at BIGINT NOT NULL,
                PRIMARY KEY (source, digest)
            );
            """),
        // All of it follows from the evidence and can be made again from it: `RunRebuild`.
        Migration(
            20, "verdict runs",
            """
            CREATE TABLE run_state (
                appliance_id TEXT PRIMARY KEY REFERENCES appliance (id),
                last_sequence BIGINT NOT NULL,
                newest_at BIGINT,
                confirmed_at BIGINT,
                floor_at BIGINT,
                newest_run_at BIGINT,
                newest_effective_at BIGINT
            );
            CREATE TABLE run_subject (
                site_id TEXT NOT NULL,
                host TEXT NOT NULL,
                check_id TEXT NOT NULL,
                PRIMARY KEY (site_id, host, check_id)
            );
            CREATE TABLE verdict_run (
                site_id TEXT NOT NULL,
                host TEXT NOT NULL,
                check_id TEXT NOT NULL,
                first_at BIGINT NOT NULL,
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                first_sequence BIGINT NOT NULL,
                last_at BIGINT NOT NULL CHECK (last_at >= first_at),
                last_sequence BIGINT NOT NULL CHECK (last_sequence >= first_sequence),
                verdict TEXT NOT NULL CHECK (verdict IN ('compliant', 'drift', 'unknown', 'not_applicable')),
                code TEXT,
                reach_seconds BIGINT NOT NULL,
                is_open BIGINT NOT NULL CHECK (is_open IN (0, 1)),
                PRIMARY KEY (site_id, host, check_id, first_at, appliance_id, first_sequence)
            );
            CREATE UNIQUE INDEX verdict_run_open ON verdict_run (appliance_id, host, check_id) WHERE is_open = 1;
            CREATE TABLE expectation (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                sequence BIGINT NOT NULL,
                site_id TEXT NOT NULL,
                host TEXT NOT NULL,
                effective_at BIGINT NOT NULL,
                checks BIGINT NOT NULL CHECK (checks >= 0),
                expected TEXT NOT NULL,
                PRIMARY KEY (appliance_id, sequence)
            );
            CREATE INDEX expectation_by_site ON expectation (site_id, effective_at);
            CREATE INDEX expectation_by_host ON expectation (appliance_id, host, sequence);
            """),
        Migration(
            21, "silence",
            """
            CREATE TABLE silence (
                appliance_id TEXT PRIMARY KEY REFERENCES appliance (id),
                since_at BIGINT NOT NULL,
                since_sequence BIGINT NOT NULL,
                said_until BIGINT NOT NULL
            );
            """),
        // Those that were stated and are not over; the statement says the rest.
        Migration(
            22, "anchor stalls",
            """
            CREATE TABLE anchor_stall (
                kind TEXT PRIMARY KEY,
                from_at BIGINT NOT NULL,
                code TEXT NOT NULL,
                issued_at BIGINT NOT NULL,
                log_index BIGINT NOT NULL REFERENCES statement (log_index)
            );
            """),
        Migration(23, "expectations that ask for less", "ALTER TABLE run_state ADD COLUMN told_at BIGINT;"),
        Migration(
            24, "approvals",
            """
            CREATE TABLE approver (
                organization_id TEXT NOT NULL REFERENCES organization (id),
                name TEXT NOT NULL,
                key BYTEA NOT NULL,
                added_at BIGINT NOT NULL,
                added_by TEXT NOT NULL,
                removed_at BIGINT,
                removed_by TEXT
            );
            CREATE UNIQUE INDEX approver_name ON approver (organization_id, name) WHERE removed_at IS NULL;
            CREATE UNIQUE INDEX approver_key ON approver (organization_id, key) WHERE removed_at IS NULL;
            CREATE TABLE approval_request (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                plan BYTEA NOT NULL,
                statement TEXT NOT NULL,
                heard_at BIGINT NOT NULL,
                PRIMARY KEY (appliance_id, plan)
            );
            """),
        // Tickets go by their incident. Events of an incident are kept from its first on, whether it becomes a ticket or not.
        Migration(
            25, "tickets",
            """
            CREATE TABLE ticket (
                incident_id TEXT PRIMARY KEY,
                organization_id TEXT NOT NULL REFERENCES organization (id),
                site_id TEXT NOT NULL REFERENCES site (id),
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                host TEXT NOT NULL,
                check_id TEXT NOT NULL,
                code TEXT NOT NULL,
                priority TEXT NOT NULL CHECK (priority IN ('low', 'medium', 'high', 'critical')),
                state TEXT NOT NULL CHECK (state IN ('open', 'acknowledged', 'resolved')),
                assignee TEXT,
                level BIGINT NOT NULL,
                opened_at BIGINT NOT NULL,
                respond_by BIGINT NOT NULL,
                escalate_by BIGINT NOT NULL,
                resolve_by BIGINT NOT NULL,
                responded_at BIGINT,
                resolved_at BIGINT,
                response_late BIGINT NOT NULL DEFAULT 0,
                resolution_late BIGINT NOT NULL DEFAULT 0
            );
            CREATE INDEX ticket_open ON ticket (appliance_id, host, check_id) WHERE state <> 'resolved';
            CREATE INDEX ticket_alike ON ticket (organization_id, check_id, code);
            CREATE TABLE incident_event (
                incident_id TEXT NOT NULL,
                number BIGINT NOT NULL,
                at BIGINT NOT NULL,
                kind TEXT NOT NULL,
                person TEXT,
                appliance_id TEXT,
                sequence BIGINT,
                code TEXT,
                text TEXT NOT NULL,
                PRIMARY KEY (incident_id, number)
            );
            CREATE TABLE delivery (
                channel TEXT NOT NULL,
                incident_id TEXT NOT NULL,
                number BIGINT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'dead')),
                attempts BIGINT NOT NULL,
                made_at BIGINT NOT NULL,
                next_at BIGINT,
                failure TEXT,
                PRIMARY KEY (channel, incident_id, number)
            );
            CREATE INDEX delivery_due ON delivery (next_at) WHERE state = 'waiting';
            """),
        // What the log bears already is the floor of what it will.
        Migration(
            26, "the log's newest date",
            """
            ALTER TABLE log_state ADD COLUMN newest_at BIGINT;
            UPDATE log_state SET newest_at = (SELECT MAX(received_at) FROM evidence);
            UPDATE log_state SET newest_at = (SELECT MAX(made_at) FROM statement)
                WHERE EXISTS (SELECT 1 FROM statement)
                    AND (newest_at IS NULL OR newest_at < (SELECT MAX(made_at) FROM statement));
            """),
        // Runs by the rules from before 23 are made again from the bundles, by `RunCatchUp` at the next start; but where the begin of
        // a chain was pruned they cannot be, and stay.
        Migration(
            27, "runs by the rule for what asks for less",
            """
            DELETE FROM verdict_run WHERE appliance_id NOT IN
                (SELECT appliance_id FROM evidence WHERE sequence = 0 AND pruned_at IS NOT NULL);
            DELETE FROM expectation WHERE appliance_id NOT IN
                (SELECT appliance_id FROM evidence WHERE sequence = 0 AND pruned_at IS NOT NULL);
            DELETE FROM run_state WHERE appliance_id NOT IN
                (SELECT appliance_id FROM evidence WHERE sequence = 0 AND pruned_at IS NOT NULL);
            """),
        // Changes of what is switched off, each a statement; never changed or removed. `site_policy` has every document that was signed.
        Migration(
            28, "site policies",
            """
            ALTER TABLE appliance ADD COLUMN policy_version BIGINT NOT NULL DEFAULT 0;
            CREATE TABLE enablement (
                log_index BIGINT PRIMARY KEY REFERENCES statement (log_index),
                site_id TEXT NOT NULL REFERENCES site (id),
                appliance_id TEXT REFERENCES appliance (id),
                kind TEXT NOT NULL CHECK (kind IN ('check', 'rule', 'runbook')),
                subject TEXT NOT NULL,
                is_enabled BIGINT NOT NULL CHECK (is_enabled IN (0, 1)),
                person TEXT NOT NULL,
                reason TEXT NOT NULL,
                changed_at BIGINT NOT NULL
            );
            CREATE INDEX enablement_by_site ON enablement (site_id, log_index);
            CREATE TABLE learned_rules (
                site_id TEXT PRIMARY KEY REFERENCES site (id),
                entries TEXT NOT NULL
            );
            CREATE TABLE site_policy (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                version BIGINT NOT NULL,
                digest BYTEA NOT NULL,
                content BYTEA NOT NULL,
                envelope TEXT NOT NULL,
                issued_at BIGINT NOT NULL,
                PRIMARY KEY (appliance_id, version)
            );
            """),
        Migration(
            29, "planner",
            """
            CREATE TABLE planner_question (
                incident_id TEXT PRIMARY KEY REFERENCES ticket (incident_id),
                organization_id TEXT NOT NULL REFERENCES organization (id),
                site_id TEXT NOT NULL REFERENCES site (id),
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                sequence BIGINT NOT NULL,
                host TEXT NOT NULL,
                check_id TEXT NOT NULL,
                drift TEXT NOT NULL,
                opened_at BIGINT NOT NULL,
                state TEXT NOT NULL CHECK (state IN ('waiting', 'asking', 'ended')),
                asked_at BIGINT,
                cost BIGINT NOT NULL CHECK (cost >= 0),
                outcome TEXT CHECK ((state = 'waiting') = (outcome IS NULL)),
                exchange TEXT,
                order_id TEXT REFERENCES issued_order (id),
                ended_at BIGINT CHECK ((state = 'ended') = (ended_at IS NOT NULL))
            );
            CREATE INDEX planner_question_open ON planner_question (opened_at) WHERE state <> 'ended';
            CREATE INDEX planner_question_asked ON planner_question (asked_at) WHERE asked_at IS NOT NULL;
            CREATE TABLE planner_switch (
                number BIGINT PRIMARY KEY,
                site_id TEXT REFERENCES site (id),
                is_on BIGINT NOT NULL CHECK (is_on IN (0, 1)),
                at BIGINT NOT NULL,
                person TEXT NOT NULL,
                reason TEXT NOT NULL
            );
            """),
        // One row of `learning_state`: how far bundles were learned from, and a number that grows whenever anything below changes.
        // Occurrences go by the place in the log of the bundle that tells of them; `settled` numbers those that count, as they came to.
        Migration(
            30, "learning",
            """
            ALTER TABLE organization ADD COLUMN partner TEXT;
            ALTER TABLE statement ADD COLUMN partner TEXT;
            CREATE INDEX statement_by_partner ON statement (partner, log_index) WHERE partner IS NOT NULL;
            CREATE TABLE learning_state (
                id BIGINT PRIMARY KEY CHECK (id = 1),
                revision BIGINT NOT NULL,
                cursor BIGINT NOT NULL,
                settled BIGINT NOT NULL,
                catalog_version BIGINT NOT NULL
            );
            INSERT INTO learning_state (id, revision, cursor, settled, catalog_version) VALUES (1, 0, -1, 0, 0);
            CREATE TABLE learning_host (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                host TEXT NOT NULL,
                platforms TEXT NOT NULL,
                PRIMARY KEY (appliance_id, host)
            );
            CREATE TABLE learning_incident (
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                incident_id TEXT NOT NULL,
                host TEXT NOT NULL,
                check_id TEXT NOT NULL,
                code TEXT,
                pattern BYTEA,
                is_told BIGINT NOT NULL CHECK (is_told IN (0, 1)),
                attempts BIGINT NOT NULL,
                shadow TEXT NOT NULL,
                PRIMARY KEY (appliance_id, incident_id)
            );
            CREATE INDEX learning_incident_of ON learning_incident (appliance_id, host, check_id);
            CREATE TABLE learning_occurrence (
                position BIGINT PRIMARY KEY,
                partner TEXT NOT NULL,
                pattern BYTEA NOT NULL,
                host BIGINT NOT NULL,
                attempt BIGINT NOT NULL,
                tier TEXT CHECK (tier IN ('l1', 'l2', 'l3')),
                remedy BYTEA,
                runbook TEXT,
                parameters TEXT,
                milliseconds BIGINT,
                ending TEXT NOT NULL,
                ended_at BIGINT NOT NULL,
                bundle_id TEXT NOT NULL,
                appliance_id TEXT NOT NULL REFERENCES appliance (id),
                site_id TEXT NOT NULL REFERENCES site (id),
                rule_version BIGINT,
                shadow TEXT NOT NULL,
                settled BIGINT UNIQUE
            );
            CREATE INDEX learning_firing ON learning_occurrence (partner, pattern, rule_version) WHERE rule_version IS NOT NULL;
            CREATE TABLE learning_definition (
                pattern BYTEA PRIMARY KEY,
                definition TEXT NOT NULL
            );
            CREATE TABLE learning_pattern (
                partner TEXT NOT NULL,
                pattern BYTEA NOT NULL,
                remedy BYTEA NOT NULL,
                body TEXT NOT NULL,
                PRIMARY KEY (partner, pattern, remedy)
            );
            CREATE TABLE learning_policy (
                number BIGINT PRIMARY KEY,
                partner TEXT NOT NULL,
                figures TEXT NOT NULL,
                person TEXT NOT NULL,
                reason TEXT NOT NULL,
                set_at BIGINT NOT NULL
            );
            CREATE TABLE learning_consent (
                partner TEXT NOT NULL,
                pattern BYTEA NOT NULL,
                given_by TEXT NOT NULL,
                given_at BIGINT NOT NULL,
                reason TEXT NOT NULL,
                withdrawn_at BIGINT,
                withdrawn_by TEXT,
                withdrawn_reason TEXT
            );
            CREATE UNIQUE INDEX learning_consent_standing ON learning_consent (partner, pattern) WHERE withdrawn_at IS NULL;
            """),
        // A ticket that is closed because its check was switched off: its state is `resolved`, and this is why.
        Migration(
            31, "tickets of what is switched off",
            """
            ALTER TABLE ticket ADD COLUMN switched_off_at BIGINT;
            CREATE INDEX ticket_switched_off ON ticket (appliance_id, host) WHERE switched_off_at IS NOT NULL;
            """),
        Migration(32, "what hosts are held to", "ALTER TABLE learning_host ADD COLUMN baseline TEXT;"),
    ]
}
