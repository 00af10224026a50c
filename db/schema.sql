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

CREATE FUNCTION selfheal.record_activation() RETURNS trigger LANGUAGE plpgsql AS $$
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
    decision TEXT NOT NULL CHECK (decision IN ('promoted', 'proposed', 'held', 'rolled_back')),
    reason TEXT NOT NULL,
    report_id INTEGER,
    candidate_id UUID,
    detail JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    verdict TEXT,
    incumbent_digest TEXT,
    triggered_by TEXT,
    resolution TEXT CHECK (resolution IN ('approved', 'rejected', 'superseded')),
    resolved_at TIMESTAMPTZ
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
    detail JSONB
);
CREATE INDEX watches_open ON selfheal.watches (task_type) WHERE ended_at IS NULL;

-- Tells the Optimizer's continuous mode, at the end of the transaction, that an answer failed or
-- couldn't be had. Without a listener a notification costs next to nothing.
CREATE FUNCTION selfheal.notify_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('selfheal_failures', NEW.task_type);
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
    created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
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

-- Migrations that this database has: number 1 is the first schema.sql, and each later number
-- stands for a file of db/migrations, which this file includes.
CREATE TABLE selfheal.migrations (
    number INTEGER PRIMARY KEY,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
INSERT INTO selfheal.migrations (number) VALUES (1), (2), (3);

-- The seed prompt.
INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
VALUES ('code_generation', 'You are a Python code generator. Write complete, working Python code that does exactly what the user asks.
- Answer with one Python code block and nothing else.
- Define a function (or a class, where the user asks for one) under a clear name.
- Give every parameter and the return value a type hint, and write a docstring that says what it does.
- Handle empty and unusual input sensibly, and return the result instead of printing it.
- Use only the standard library, and leave no placeholder or TODO.', 1, TRUE, 'Initial seed prompt', 'system');
