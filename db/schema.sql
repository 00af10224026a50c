-- The one source of the database's schema: the container's first start, the embedded
-- PostgreSQL and the tests all run this file. Later changes are additive migrations.
-- Only SQL that PostgreSQL 15 to 18 share.

-- prompts: every prompt that has served, a row a version; one writer: the Optimizer
-- (and the operator's commands).
CREATE TABLE prompts (
    id SERIAL PRIMARY KEY,
    task_type VARCHAR(64) NOT NULL,
    content TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    change_reason TEXT,
    created_by VARCHAR(64) NOT NULL DEFAULT 'system',
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- execution_logs: a row a request; one writer: the Manager.
CREATE TABLE execution_logs (
    id SERIAL PRIMARY KEY,
    request_id UUID NOT NULL,
    task_type VARCHAR(64) NOT NULL,
    user_input TEXT NOT NULL,
    refined_input TEXT,
    prompt_version INTEGER,
    worker_output TEXT,
    worker_latency_ms INTEGER,
    evaluation_score FLOAT,
    evaluation_passed BOOLEAN,
    evaluation_detail JSONB,
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- optimization_reports: a row a repair; one writer: the Optimizer.
CREATE TABLE optimization_reports (
    id SERIAL PRIMARY KEY,
    task_type VARCHAR(64) NOT NULL,
    before_prompt_version INTEGER NOT NULL,
    before_prompt_content TEXT NOT NULL,
    after_prompt_version INTEGER NOT NULL,
    after_prompt_content TEXT NOT NULL,
    failure_analysis JSONB,
    improvement_pct FLOAT,
    triggered_by VARCHAR(64) NOT NULL DEFAULT 'cronjob',
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- Indexes: none rejects a row that the tables above accept.
CREATE INDEX prompts_active ON prompts (task_type, version DESC) WHERE is_active;
CREATE INDEX prompts_versions ON prompts (task_type, version DESC);
CREATE INDEX execution_logs_scored ON execution_logs (task_type, prompt_version, created_at DESC)
    INCLUDE (evaluation_passed) WHERE evaluation_passed IS NOT NULL;
CREATE INDEX execution_logs_unscored ON execution_logs (task_type, created_at DESC)
    WHERE evaluation_passed IS NULL;
CREATE INDEX execution_logs_recent ON execution_logs (created_at DESC);
CREATE INDEX execution_logs_requests ON execution_logs (request_id);
CREATE INDEX optimization_reports_recent ON optimization_reports (task_type, created_at DESC);

-- What we add lives in a schema of its own, outside the search path.
CREATE SCHEMA selfheal;

-- When each prompt began to serve: a prompt is its id, since a version number can be used
-- again, and a row can be deactivated and activated by hand. Filled by a trigger, so that
-- a statement typed into psql counts as much as the Optimizer's.
CREATE TABLE selfheal.activations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    prompt_id INTEGER NOT NULL,
    task_type TEXT NOT NULL,
    version INTEGER NOT NULL,
    activated_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX activations_prompts ON selfheal.activations (prompt_id, activated_at DESC);

CREATE FUNCTION selfheal.record_activation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO selfheal.activations (prompt_id, task_type, version)
    VALUES (NEW.id, NEW.task_type, NEW.version);
    RETURN NULL;
END $$;

CREATE TRIGGER prompts_inserted AFTER INSERT ON prompts
    FOR EACH ROW WHEN (NEW.is_active) EXECUTE FUNCTION selfheal.record_activation();
CREATE TRIGGER prompts_updated AFTER UPDATE ON prompts
    FOR EACH ROW WHEN (NEW.is_active AND (NOT OLD.is_active OR NEW.content <> OLD.content))
    EXECUTE FUNCTION selfheal.record_activation();

-- Candidates that the Optimizer replays; the Worker generates with one of them only for a
-- caller that shows the internal token.
CREATE TABLE selfheal.candidates (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    task_type TEXT NOT NULL,
    content TEXT NOT NULL,
    strategy TEXT NOT NULL,
    incumbent_prompt_id INTEGER NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    outcome TEXT,
    decided_at TIMESTAMPTZ
);
CREATE INDEX candidates_recent ON selfheal.candidates (task_type, created_at DESC);

-- A row a run of the Optimizer and task type: what was decided, and why. A prompt is its id and
-- its text, and a proposal waits for a person's answer.
CREATE TABLE selfheal.healing_runs (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    task_type TEXT NOT NULL,
    incumbent_prompt_id INTEGER NOT NULL,
    -- `canary` while the text serves a share of traffic; then it becomes `promoted` or `held`.
    decision TEXT NOT NULL
        CHECK (decision IN ('promoted', 'proposed', 'held', 'rolled_back', 'canary')),
    reason TEXT NOT NULL,
    report_id INTEGER,
    candidate_id UUID,
    detail JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    verdict TEXT,
    incumbent_digest TEXT,
    triggered_by TEXT,
    resolution TEXT CHECK (resolution IN ('approved', 'rejected', 'superseded')),
    resolved_at TIMESTAMPTZ,
    -- Who asked for the run, where a person did, and who answered its proposal.
    requested_by TEXT,
    resolved_by TEXT
);
CREATE INDEX healing_runs_recent ON selfheal.healing_runs (task_type, created_at DESC);

-- What is being watched: a row a promotion, until it is kept, rolled back or superseded.
CREATE TABLE selfheal.watches (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_type TEXT NOT NULL,
    prompt_id INTEGER NOT NULL,
    before_prompt_id INTEGER NOT NULL,
    candidate_id UUID,
    report_id INTEGER,
    started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ended_at TIMESTAMPTZ,
    outcome TEXT CHECK (outcome IN ('kept', 'rolled_back', 'superseded')),
    detail JSONB,
    -- The version that a promotion is compared with beside the one that it replaced.
    last_good_prompt_id INTEGER
);
CREATE INDEX watches_open ON selfheal.watches (task_type) WHERE ended_at IS NULL;

-- Tells the Optimizer's continuous mode, at the end of the transaction, that an answer failed or
-- couldn't be had.
-- Who announces something holds a lock of the whole cluster until after its commit, so that of
-- transactions at once one speaks for all: who listens looks again a little later in any case.
CREATE FUNCTION selfheal.notify_failure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF pg_try_advisory_xact_lock(1936027241, 1) THEN
        PERFORM pg_notify('selfheal_failures', NEW.task_type);
    END IF;
    RETURN NULL;
END $$;

-- A failure is announced when it is known: with its row, or when its score or its error follows.
-- What waits for its score, wasn't chosen for one, or ended with its client says nothing.
CREATE TRIGGER execution_failed AFTER INSERT ON execution_logs
    FOR EACH ROW
    WHEN (NEW.evaluation_passed IS FALSE
          OR (NEW.evaluation_passed IS NULL AND NEW.error_message IS NOT NULL))
    EXECUTE FUNCTION selfheal.notify_failure();
CREATE TRIGGER execution_found_failing AFTER UPDATE OF evaluation_passed, error_message
    ON execution_logs
    FOR EACH ROW
    WHEN ((NEW.evaluation_passed IS FALSE AND OLD.evaluation_passed IS DISTINCT FROM FALSE)
          OR (NEW.evaluation_passed IS NULL AND NEW.error_message IS NOT NULL
              AND OLD.error_message IS NULL))
    EXECUTE FUNCTION selfheal.notify_failure();

-- What came and went at the door, whole: a row of `execution_logs` each. What replays are made of.
CREATE TABLE selfheal.conversations (
    execution_id INTEGER PRIMARY KEY,
    request_id UUID NOT NULL,
    -- What the client sent: its messages, its tools, and every other parameter.
    messages JSONB NOT NULL,
    tools JSONB,
    parameters JSONB NOT NULL DEFAULT '{}',
    variables JSONB NOT NULL DEFAULT '{}',
    -- What it got: the choices, a stream's joined.
    choices JSONB,
    finish_reason TEXT,
    input_tokens INTEGER,
    output_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    provider TEXT,
    model_asked TEXT NOT NULL,
    model_answered TEXT,
    prompt_id INTEGER,
    prompt_digest TEXT,
    first_token_ms INTEGER,
    duration_ms INTEGER,
    session_id TEXT,
    end_user TEXT,
    tags JSONB,
    -- The chance that this answer's outcome came to be known: what each counts for is its inverse.
    -- NULL for one that wasn't chosen to be scored, or isn't scored yet.
    inclusion_probability REAL CHECK (inclusion_probability > 0 AND inclusion_probability <= 1),
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE INDEX conversations_requests ON selfheal.conversations (request_id);
CREATE INDEX conversations_sessions ON selfheal.conversations (session_id, created_at DESC)
    WHERE session_id IS NOT NULL;
-- By what a person's rows are found: OpenAI's own fields may name one too.
CREATE INDEX conversations_end_users ON selfheal.conversations (end_user)
    WHERE end_user IS NOT NULL;
CREATE INDEX conversations_users ON selfheal.conversations ((parameters ->> 'user'))
    WHERE parameters ->> 'user' IS NOT NULL;
CREATE INDEX conversations_safety_identifiers
    ON selfheal.conversations ((parameters ->> 'safety_identifier'))
    WHERE parameters ->> 'safety_identifier' IS NOT NULL;
-- Which task types have had a share of their answers scored.
CREATE INDEX conversations_sampled ON selfheal.conversations (model_asked)
    WHERE inclusion_probability < 1;

-- Answers that wait for their scores. A row here means pending, which is not unscored. Who claims
-- one moves `claimable_at` to the end of its lease; a failed attempt moves it to the next.
CREATE TABLE selfheal.pending_scores (
    execution_id INTEGER PRIMARY KEY,
    task_type TEXT NOT NULL,
    -- Whether the judge is asked, or the rules alone; and the chances of both choices.
    with_judge BOOLEAN NOT NULL,
    rules_share REAL NOT NULL,
    judge_share REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    claimable_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    -- The span of the answer as W3C's traceparent, for whose trace the score is that follows.
    trace_parent TEXT
);
CREATE INDEX pending_scores_claimable ON selfheal.pending_scores (claimable_at);

-- Keys of clients; the secret itself is nowhere, since it has 256 random bits a hash is enough.
CREATE TABLE selfheal.api_keys (
    id TEXT PRIMARY KEY,
    secret_sha256 BYTEA NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    -- NULL: every task type.
    task_types TEXT[],
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ
);

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

-- Texts of a person's are taken out of the audit, too. Nobody but the tables' owner, who could drop
-- the trigger, has the right to update it.
CREATE FUNCTION selfheal.refuse_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('selfheal.erasing', TRUE) = 'on' THEN
        RETURN NULL;
    END IF;
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

-- Who answered a proposal.
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

-- That a row of the log was written: in the same transaction, so that one whose COMMIT got no
-- answer isn't written twice. Swept after a month.
CREATE TABLE selfheal.landings (
    id UUID PRIMARY KEY,
    landed_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
CREATE INDEX landings_age ON selfheal.landings (landed_at);

-- Calls that came with an `Idempotency-Key`: who is at one holds it until `held_until`, and its
-- answer is kept for a day, in the transaction of its row of the log.
CREATE TABLE selfheal.idempotent_calls (
    -- The id of the API key; empty where callers need none.
    api_key TEXT NOT NULL,
    route TEXT NOT NULL,
    task_type TEXT NOT NULL,
    key_sha256 BYTEA NOT NULL,
    body_sha256 BYTEA NOT NULL,
    holder UUID NOT NULL,
    held_until TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    -- NULL until it is answered.
    status SMALLINT,
    headers JSONB,
    content BYTEA,
    PRIMARY KEY (api_key, route, task_type, key_sha256)
);
CREATE INDEX idempotent_calls_age ON selfheal.idempotent_calls (created_at);

-- What Evaluators know of their judges and of themselves, which have no way here: the Manager
-- keeps it for them. `kind` is 'calibration' or 'canary_baseline', `identity` the judge or the
-- fingerprint.
CREATE TABLE selfheal.evaluator_records (
    kind TEXT NOT NULL,
    identity TEXT NOT NULL,
    record JSONB NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    PRIMARY KEY (kind, identity)
);

-- What was told to people and when, so that no Optimizer repeats another's notice.
CREATE TABLE selfheal.notices (
    topic TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    told_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- Answers of models that stood in for the main one: they count neither for nor against a prompt.
-- Filled by a trigger, so that whoever writes a row of the log, late or not, has it told apart.
CREATE TABLE selfheal.fallback_answers (
    execution_id INTEGER PRIMARY KEY,
    task_type TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX fallback_answers_task_types ON selfheal.fallback_answers (task_type);

CREATE FUNCTION selfheal.note_fallback() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO selfheal.fallback_answers VALUES (NEW.id, NEW.task_type, NEW.created_at);
    RETURN NULL;
END $$;

CREATE TRIGGER execution_by_fallback AFTER INSERT ON execution_logs
    FOR EACH ROW WHEN (NEW.evaluation_detail #>> '{worker,fallback}' <> '')
    EXECUTE FUNCTION selfheal.note_fallback();

-- Functions of triggers act as the tables' owner: a trigger of anybody else's must not run one.
REVOKE ALL ON FUNCTION selfheal.record_activation(), selfheal.notify_failure(),
    selfheal.record_change(), selfheal.refuse_change(), selfheal.note_fallback() FROM PUBLIC;

-- What runs decided is counted at every scrape of the Manager's metrics.
CREATE INDEX healing_runs_decisions ON selfheal.healing_runs (task_type, decision);

-- Evidence over an incident. A wager bets that one text is better than the one that serves; `number`
-- counts an incident's wagers and sets the share of its error rate that each one may spend.
CREATE TABLE selfheal.wagers (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_type TEXT NOT NULL,
    -- The activation that began the incident, one that the Optimizer didn't write; 0 without any.
    incident BIGINT NOT NULL,
    incumbent_digest TEXT NOT NULL,
    candidate_digest TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    alpha DOUBLE PRECISION NOT NULL CHECK (alpha > 0 AND alpha < 1),
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    UNIQUE (task_type, incident, incumbent_digest, candidate_digest),
    UNIQUE (task_type, incident, number)
);

-- What a wager was bet on, in order: no input counts twice for one text. One that the text was
-- written or chosen on has no gain, and is never bet on.
CREATE TABLE selfheal.wager_inputs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    wager_id BIGINT NOT NULL REFERENCES selfheal.wagers (id) ON DELETE CASCADE,
    input_digest TEXT NOT NULL,
    gain DOUBLE PRECISION CHECK (gain BETWEEN -1 AND 1),
    UNIQUE (wager_id, input_digest)
);

-- A canary: a proven text that serves a share of traffic in place of one active prompt.
CREATE TABLE selfheal.rollouts (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    task_type TEXT NOT NULL,
    incumbent_prompt_id INTEGER NOT NULL,
    incumbent_digest TEXT NOT NULL,
    candidate_id UUID NOT NULL,
    content TEXT NOT NULL,
    -- The version that its rows of the log carry; a prompt of a person's may take the number.
    reserved_version INTEGER NOT NULL,
    -- Shares of traffic, growing, the last of them 1; `step` is the index of the one in force.
    steps REAL[] NOT NULL CHECK (cardinality(steps) > 0),
    step INTEGER NOT NULL DEFAULT 0,
    -- What it serves now: 0 while a person has paused it.
    share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),
    -- The run that proved it.
    run_id UUID NOT NULL,
    started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    step_started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ended_at TIMESTAMPTZ,
    outcome TEXT CHECK (outcome IN ('promoted', 'aborted', 'superseded')),
    reason TEXT NOT NULL DEFAULT '',
    -- The person who acted on it last; NULL where nobody did.
    person TEXT,
    detail JSONB NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(detail) = 'object'),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE UNIQUE INDEX rollouts_open ON selfheal.rollouts (task_type) WHERE ended_at IS NULL;
CREATE INDEX rollouts_recent ON selfheal.rollouts (task_type, started_at DESC);
CREATE TRIGGER rollouts_changed AFTER UPDATE OF person, outcome, share ON selfheal.rollouts
    FOR EACH ROW EXECUTE FUNCTION selfheal.record_change('rollout', 'detail');

-- Which answers belong to a canary, on either arm. `unit` is what the arm was drawn by: a digest of
-- the session, else of the end user, else of the request.
CREATE TABLE selfheal.rollout_answers (
    execution_id INTEGER PRIMARY KEY,
    rollout_id UUID NOT NULL,
    arm TEXT NOT NULL CHECK (arm IN ('candidate', 'incumbent')),
    unit TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX rollout_answers_rollouts ON selfheal.rollout_answers (rollout_id, execution_id);
-- To tell a candidate's answers from the active prompt's, in an index alone.
CREATE INDEX rollout_answers_candidates ON selfheal.rollout_answers (execution_id)
    WHERE arm = 'candidate';
CREATE INDEX rollout_answers_units
    ON selfheal.rollout_answers (rollout_id, unit, execution_id);

CREATE FUNCTION selfheal.note_rollout() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    worker JSONB := NEW.evaluation_detail -> 'worker';
BEGIN
    INSERT INTO selfheal.rollout_answers VALUES (
        NEW.id, (worker ->> 'rollout')::uuid, worker ->> 'arm', coalesce(worker ->> 'unit', ''),
        NEW.created_at
    ) ON CONFLICT (execution_id) DO UPDATE SET
        rollout_id = excluded.rollout_id, arm = excluded.arm, unit = excluded.unit,
        created_at = excluded.created_at;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION selfheal.note_rollout() FROM PUBLIC;

CREATE TRIGGER execution_in_rollout AFTER INSERT ON execution_logs
    FOR EACH ROW WHEN (
        NEW.evaluation_detail #>> '{worker,rollout}'
            ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        AND NEW.evaluation_detail #>> '{worker,arm}' IN ('candidate', 'incumbent')
    )
    EXECUTE FUNCTION selfheal.note_rollout();

-- A log that begins anew, its numbers too, takes along what is kept beside its rows by their ids:
-- otherwise an old row's arm would be taken for a new one's.
CREATE FUNCTION selfheal.forget_log() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM selfheal.rollout_answers;
    DELETE FROM selfheal.fallback_answers;
    DELETE FROM selfheal.pending_scores;
    DELETE FROM selfheal.conversations;
    UPDATE selfheal.rollouts SET detail = detail - 'evidence' WHERE ended_at IS NULL;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION selfheal.forget_log() FROM PUBLIC;

CREATE TRIGGER log_begun_anew AFTER TRUNCATE ON execution_logs
    FOR EACH STATEMENT EXECUTE FUNCTION selfheal.forget_log();

-- What calls of models came to, in tokens and money, at the prices of their time. A row a call, or
-- as many as belong together, which a leased job of the Manager's adds up by the hour: then a day
-- and a month are few rows, whatever has become of the log. Rows aren't changed in other ways, so
-- that a new price leaves the past as it was.
CREATE TABLE selfheal.spending (
    -- Of hours that were added up (`is_hour`) their beginning, in UTC.
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    is_hour BOOLEAN NOT NULL DEFAULT FALSE,
    task_type TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('serving', 'judging', 'healing')),
    -- As `provider:model`, the one that answered.
    model TEXT NOT NULL,
    calls BIGINT NOT NULL CHECK (calls >= 0),
    -- Of these, those whose price isn't known: they are no part of `cost_usd`.
    unpriced_calls BIGINT NOT NULL CHECK (unpriced_calls BETWEEN 0 AND calls),
    -- Of all calls whose tokens were told; the cached ones are input, too.
    input_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cost_usd NUMERIC NOT NULL CHECK (cost_usd >= 0)
);
CREATE UNIQUE INDEX spending_hours ON selfheal.spending (at, task_type, purpose, model)
    WHERE is_hour;
CREATE INDEX spending_calls ON selfheal.spending (at) WHERE NOT is_hour;

-- Migrations that this database has: number 1 is the first schema.sql, and each later number
-- stands for a file of db/migrations, which this file includes.
CREATE TABLE selfheal.migrations (
    number INTEGER PRIMARY KEY,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
INSERT INTO selfheal.migrations (number) VALUES (1), (2), (3), (4), (5), (6), (7);

-- The seed prompt.
INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
VALUES ('code_generation', 'You are a Python code generator. Write complete, working Python code that does exactly what the user asks.
- Answer with one Python code block and nothing else.
- Define a function (or a class, where the user asks for one) under a clear name.
- Give every parameter and the return value a type hint, and write a docstring that says what it does.
- Handle empty and unusual input sensibly, and return the result instead of printing it.
- Use only the standard library, and leave no placeholder or TODO.', 1, TRUE, 'Initial seed prompt', 'system');
