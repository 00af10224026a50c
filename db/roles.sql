-- What the database user of each service may do: of Manager, Worker, Optimizer and console.
-- `selfheal migrate` and every start of the embedded system run it; it may be run again at any
-- time. Users that aren't there are passed over: those are made with a password of theirs, and
-- are named after the database, since users belong to the whole server. By hand, as the tables'
-- owner: psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -f db/roles.sql
-- A user of another name is told before: SET selfheal.worker_role = 'name' (of the same session).

-- The users of a service: its own, and that of before users were named after their database; not
-- the tables' owner, who may everything.
CREATE OR REPLACE FUNCTION pg_temp.users_of(service TEXT) RETURNS SETOF TEXT
LANGUAGE sql STABLE AS $$
    SELECT rolname::text FROM pg_roles
    WHERE NOT pg_has_role(oid, (SELECT relowner FROM pg_class WHERE oid = 'prompts'::regclass), 'USAGE')
    AND (
        rolname = coalesce(
            nullif(current_setting('selfheal.' || service || '_role', TRUE), ''),
            current_database() || '_' || service
        )
        OR (rolname = 'selfheal_' || service AND has_schema_privilege(oid, 'selfheal', 'USAGE'))
    )
$$;

CREATE OR REPLACE FUNCTION pg_temp.allow(service TEXT, rights TEXT) RETURNS VOID
LANGUAGE plpgsql AS $$
DECLARE
    name TEXT;
BEGIN
    FOR name IN SELECT pg_temp.users_of(service) LOOP
        EXECUTE format('GRANT %s TO %I', rights, name);
    END LOOP;
END $$;

-- What an earlier version granted and this one doesn't need goes.
DO $$
DECLARE
    name TEXT;
    of_ours CONSTANT TEXT[] := ARRAY[
        'TABLE prompts, execution_logs, optimization_reports',
        'SEQUENCE prompts_id_seq, execution_logs_id_seq, optimization_reports_id_seq',
        'ALL TABLES IN SCHEMA selfheal', 'ALL SEQUENCES IN SCHEMA selfheal'
    ];
    what TEXT;
BEGIN
    FOR name IN
        SELECT pg_temp.users_of(service)
        FROM unnest(ARRAY['manager', 'worker', 'optimizer', 'console']) AS service
    LOOP
        FOREACH what IN ARRAY of_ours LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %I', what, name);
        END LOOP;
        EXECUTE format('GRANT USAGE ON SCHEMA public, selfheal TO %I', name);
    END LOOP;
END $$;

DO $$
BEGIN
    -- The Manager keeps the log, and acts for people: it serves prompts, answers proposals, and
    -- lets people in.
    PERFORM pg_temp.allow('manager', grants) FROM unnest(ARRAY[
        'SELECT, INSERT, UPDATE ON prompts',
        'SELECT, INSERT ON optimization_reports',
        'SELECT, INSERT, DELETE ON execution_logs',
        -- A score that follows; and texts that BODY_RETENTION_DAYS removes.
        'UPDATE (evaluation_score, evaluation_passed, evaluation_detail, error_message,
            user_input, refined_input, worker_output) ON execution_logs',
        'USAGE ON SEQUENCE prompts_id_seq, execution_logs_id_seq, optimization_reports_id_seq',
        'SELECT, INSERT, UPDATE ON selfheal.candidates, selfheal.healing_runs, selfheal.watches,
            selfheal.jobs, selfheal.fingerprints, selfheal.api_keys,
            selfheal.users, selfheal.evaluator_records',
        'SELECT, INSERT, UPDATE, DELETE ON selfheal.conversations, selfheal.pending_scores,
            selfheal.traffic, selfheal.leases, selfheal.sessions, selfheal.oidc_sign_ins,
            selfheal.landings, selfheal.idempotent_calls, selfheal.spending',
        'SELECT, UPDATE ON selfheal.rollouts',
        'SELECT ON selfheal.activations, selfheal.audit, selfheal.trusted_roles,
            selfheal.migrations',
        'SELECT, DELETE ON selfheal.rollout_answers, selfheal.fallback_answers',
        -- It can't date an event of the audit, nor say whose connection it was.
        'INSERT (person, action, object, task_type, before, after) ON selfheal.audit'
    ]) AS grants;

    -- The last of them so that it can be seen whether the schema is this version's.
    PERFORM pg_temp.allow('worker', 'SELECT ON prompts, selfheal.candidates, selfheal.rollouts,
        selfheal.migrations');

    -- The Optimizer reads what failed, and changes prompts: nobody's keys and sessions.
    PERFORM pg_temp.allow('optimizer', grants) FROM unnest(ARRAY[
        'SELECT, INSERT, UPDATE ON prompts',
        'SELECT, INSERT ON optimization_reports',
        'USAGE ON SEQUENCE prompts_id_seq, optimization_reports_id_seq',
        'SELECT ON execution_logs, selfheal.activations, selfheal.conversations,
            selfheal.fallback_answers, selfheal.rollout_answers, selfheal.pending_scores,
            selfheal.migrations',
        'SELECT, INSERT, UPDATE ON selfheal.healing_runs, selfheal.watches, selfheal.rollouts,
            selfheal.wagers, selfheal.wager_inputs',
        'SELECT, UPDATE ON selfheal.jobs',
        'INSERT ON selfheal.spending',
        'SELECT, INSERT, UPDATE, DELETE ON selfheal.candidates, selfheal.leases, selfheal.notices'
    ]) AS grants;

    -- The console reads, and no secret: no hash of a key or a password, no session, no sign-in,
    -- no answer that is kept for a client who asks again.
    PERFORM pg_temp.allow('console', grants) FROM unnest(ARRAY[
        'SELECT ON prompts, execution_logs, optimization_reports, selfheal.activations,
            selfheal.candidates, selfheal.healing_runs, selfheal.watches, selfheal.conversations,
            selfheal.pending_scores, selfheal.jobs, selfheal.audit, selfheal.traffic,
            selfheal.fingerprints, selfheal.leases, selfheal.migrations, selfheal.notices,
            selfheal.evaluator_records, selfheal.fallback_answers, selfheal.rollouts,
            selfheal.rollout_answers, selfheal.wagers, selfheal.wager_inputs, selfheal.spending',
        'SELECT (id, name, scopes, task_types, created_at, expires_at, revoked_at)
            ON selfheal.api_keys',
        'SELECT (id, name, issuer, subject, role, task_types, created_at, disabled_at)
            ON selfheal.users'
    ]) AS grants;
END $$;

INSERT INTO selfheal.trusted_roles (role)
    SELECT pg_temp.users_of('manager') ON CONFLICT DO NOTHING;

DROP FUNCTION pg_temp.allow, pg_temp.users_of;
