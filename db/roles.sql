-- The database users of Manager and console, and what each may do. May be run again at any time,
-- and is, at every start of the embedded system: tables of later migrations are covered then.
-- By hand: psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -f db/roles.sql, as the tables' owner, with
-- CREATEROLE where the users aren't there yet; \password selfheal_manager then gives a password.
-- Users belong to the whole server: two databases of it share them, and their passwords.

DO $$
DECLARE
    role TEXT;
BEGIN
    FOREACH role IN ARRAY ARRAY['selfheal_manager', 'selfheal_console'] LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = role);
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
            IF role = 'selfheal_console' THEN
                ALTER ROLE selfheal_console SET statement_timeout = '5s';
                ALTER ROLE selfheal_console SET default_transaction_read_only = on;
                -- What a page asks about may be an hour or a month: one plan doesn't fit both.
                ALTER ROLE selfheal_console SET plan_cache_mode = force_custom_plan;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- Made for another database at this moment.
        END;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public, selfheal TO selfheal_manager, selfheal_console;

-- The Manager keeps the log, and acts for people: it serves prompts and answers proposals.
GRANT SELECT, INSERT, UPDATE ON prompts, execution_logs, optimization_reports TO selfheal_manager;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA selfheal TO selfheal_manager;
GRANT USAGE ON SEQUENCE prompts_id_seq, execution_logs_id_seq, optimization_reports_id_seq
    TO selfheal_manager;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA selfheal TO selfheal_manager;
-- It can't say who else is believed, nor date an event of the audit or name its database user.
REVOKE INSERT, UPDATE, DELETE ON selfheal.trusted_roles, selfheal.migrations, selfheal.audit
    FROM selfheal_manager;
GRANT INSERT (person, action, object, task_type, before, after) ON selfheal.audit
    TO selfheal_manager;

-- The console reads, and no secret: no hash of a key or a password, no session, no sign-in.
GRANT SELECT ON prompts, execution_logs, optimization_reports,
    selfheal.activations, selfheal.candidates, selfheal.healing_runs, selfheal.watches,
    selfheal.conversations, selfheal.pending_scores, selfheal.jobs, selfheal.audit,
    selfheal.traffic, selfheal.fingerprints, selfheal.leases, selfheal.migrations
    TO selfheal_console;
GRANT SELECT (id, name, scopes, task_types, created_at, expires_at, revoked_at)
    ON selfheal.api_keys TO selfheal_console;
GRANT SELECT (id, name, issuer, subject, role, task_types, created_at, disabled_at)
    ON selfheal.users TO selfheal_console;

INSERT INTO selfheal.trusted_roles (role) VALUES ('selfheal_manager') ON CONFLICT DO NOTHING;
