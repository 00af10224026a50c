-- Brings a database of number 3 to number 4: people, what they did, and what the console shows
-- without reading the log. Additive: no row that was accepted before is rejected now.

BEGIN;
SET LOCAL lock_timeout = '500ms';

-- People. A local account has the argon2id hash of its password; one of an OpenID provider is its
-- issuer and subject, never its e-mail, and has the role that its latest sign-in was mapped to.
CREATE TABLE selfheal.users (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    password_hash TEXT,
    issuer TEXT,
    subject TEXT,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'approver', 'admin')),
    -- NULL: every task type.
    task_types TEXT[],
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    disabled_at TIMESTAMPTZ,
    CHECK ((issuer IS NULL) = (subject IS NULL)),
    CHECK (password_hash IS NULL OR subject IS NULL)
);
CREATE UNIQUE INDEX users_local_names ON selfheal.users (lower(name)) WHERE subject IS NULL;
CREATE UNIQUE INDEX users_subjects ON selfheal.users (issuer, subject) WHERE subject IS NOT NULL;

-- Sessions: the token has 256 random bits and only its hash is kept, as with keys.
CREATE TABLE selfheal.sessions (
    token_sha256 BYTEA PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES selfheal.users (id) ON DELETE CASCADE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    last_seen_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ
);
CREATE INDEX sessions_users ON selfheal.sessions (user_id);

-- Sign-ins at an OpenID provider that have begun and not come back yet.
CREATE TABLE selfheal.oidc_sign_ins (
    state_sha256 BYTEA PRIMARY KEY,
    -- What the browser that began it holds.
    binding_sha256 BYTEA NOT NULL,
    nonce TEXT NOT NULL,
    code_verifier TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- Database users whose word on who acts is believed: the Manager's.
CREATE TABLE selfheal.trusted_roles (role TEXT PRIMARY KEY);

-- What was changed, by whom. Rows are added and never changed.
CREATE TABLE selfheal.audit (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    -- NULL where nobody whose word is believed said it: plain SQL, and the Optimizer.
    person TEXT,
    database_user TEXT NOT NULL DEFAULT session_user,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    task_type TEXT,
    before JSONB,
    after JSONB
);
CREATE INDEX audit_recent ON selfheal.audit (id DESC, task_type);

CREATE FUNCTION selfheal.current_person() RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('selfheal.person', TRUE), '')
    WHERE EXISTS (SELECT FROM selfheal.trusted_roles WHERE role = session_user)
$$;

-- Records a change of a row. Its arguments: what such a row is called, and the columns that are
-- secret. Where a table is emptied no row is known, and `*` stands for all. Runs as the table's owner, so that nobody else needs the right to add to the audit.
CREATE FUNCTION selfheal.record_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    secret TEXT[] := TG_ARGV[1:];
    old_row JSONB := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) - secret END;
    new_row JSONB := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) - secret END;
    either JSONB := coalesce(new_row, old_row);
BEGIN
    INSERT INTO selfheal.audit (person, action, object, task_type, before, after)
    VALUES (selfheal.current_person(), lower(TG_OP), TG_ARGV[0] || ' ' || coalesce(either ->> 'id', '*'),
            either ->> 'task_type', old_row, new_row);
    RETURN NULL;
END $$;

CREATE FUNCTION selfheal.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END $$;

CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON selfheal.audit
    FOR EACH STATEMENT EXECUTE FUNCTION selfheal.refuse_change();
CREATE TRIGGER prompts_changed AFTER INSERT OR UPDATE OR DELETE ON prompts
    FOR EACH ROW EXECUTE FUNCTION selfheal.record_change('prompt');
CREATE TRIGGER api_keys_changed AFTER INSERT OR UPDATE OR DELETE ON selfheal.api_keys
    FOR EACH ROW EXECUTE FUNCTION selfheal.record_change('key', 'secret_sha256');
CREATE TRIGGER users_changed AFTER INSERT OR UPDATE OR DELETE ON selfheal.users
    FOR EACH ROW EXECUTE FUNCTION selfheal.record_change('user', 'password_hash');
CREATE TRIGGER prompts_emptied AFTER TRUNCATE ON prompts
    FOR EACH STATEMENT EXECUTE FUNCTION selfheal.record_change('prompt');
CREATE TRIGGER api_keys_emptied AFTER TRUNCATE ON selfheal.api_keys
    FOR EACH STATEMENT EXECUTE FUNCTION selfheal.record_change('key');
CREATE TRIGGER users_emptied AFTER TRUNCATE ON selfheal.users
    FOR EACH STATEMENT EXECUTE FUNCTION selfheal.record_change('user');

-- Who asked for a run, and who answered its proposal.
ALTER TABLE selfheal.healing_runs ADD COLUMN requested_by TEXT;
ALTER TABLE selfheal.healing_runs ADD COLUMN resolved_by TEXT;
CREATE TRIGGER healing_runs_resolved AFTER UPDATE OF resolution, requested_by, candidate_id ON selfheal.healing_runs
    FOR EACH ROW EXECUTE FUNCTION selfheal.record_change('run', 'detail');

-- What a person asked of an Optimizer: to put a draft through the gate, to send a test message.
-- Who takes one holds it until `claimed_until`.
CREATE TABLE selfheal.jobs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    kind TEXT NOT NULL CHECK (kind IN ('draft', 'message')),
    task_type TEXT,
    content TEXT,
    reason TEXT NOT NULL DEFAULT '',
    requested_by TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    claimed_until TIMESTAMPTZ,
    attempts INTEGER NOT NULL DEFAULT 0,
    finished_at TIMESTAMPTZ,
    run_id UUID,
    error TEXT
);
CREATE INDEX jobs_open ON selfheal.jobs (created_at) WHERE finished_at IS NULL;

-- What was logged, counted by five minutes: how the console draws 30 days without reading the log.
-- A leased job of the Manager's counts whole buckets anew, so that ids that commit out of order,
-- late scores and removed rows come right.
CREATE TABLE selfheal.traffic (
    task_type TEXT NOT NULL,
    bucket TIMESTAMPTZ NOT NULL,
    -- NULL for requests that no prompt answered.
    prompt_version INTEGER,
    requests INTEGER NOT NULL,
    unscored INTEGER NOT NULL,
    -- Of the scored ones, each counted for as many answers as it stands for.
    scored DOUBLE PRECISION NOT NULL,
    passed DOUBLE PRECISION NOT NULL,
    score_sum DOUBLE PRECISION NOT NULL,
    -- Of those whose time is known.
    timed INTEGER NOT NULL DEFAULT 0,
    latency_ms_sum BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    UNIQUE NULLS NOT DISTINCT (task_type, bucket, prompt_version)
);
CREATE INDEX traffic_buckets ON selfheal.traffic (bucket);

-- Which evaluators gave scores, and when.
CREATE TABLE selfheal.fingerprints (
    task_type TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (task_type, fingerprint)
);

-- Work that one process at a time does, and how far it got.
CREATE TABLE selfheal.leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    held_until TIMESTAMPTZ NOT NULL,
    position TIMESTAMPTZ
);

INSERT INTO selfheal.migrations (number) VALUES (4);
COMMIT;
