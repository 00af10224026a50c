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

-- Tells the Optimizer's continuous mode, at the end of the transaction that logs it, that an
-- answer failed or couldn't be had. Without a listener a notification costs next to nothing.
CREATE FUNCTION selfheal.notify_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('selfheal_failures', NEW.task_type);
    RETURN NULL;
END $$;

CREATE TRIGGER execution_failed AFTER INSERT ON execution_logs
    FOR EACH ROW WHEN (NEW.evaluation_passed IS NOT TRUE) EXECUTE FUNCTION selfheal.notify_failure();

-- Migrations that this database has: number 1 is the first schema.sql, and each later number
-- stands for a file of db/migrations, which this file includes.
CREATE TABLE selfheal.migrations (
    number INTEGER PRIMARY KEY,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
INSERT INTO selfheal.migrations (number) VALUES (1), (2);

-- The seed prompt.
INSERT INTO prompts (task_type, content, version, is_active, change_reason, created_by)
VALUES ('code_generation', 'You are a Python code generator. Write complete, working Python code that does exactly what the user asks.
- Answer with one Python code block and nothing else.
- Define a function (or a class, where the user asks for one) under a clear name.
- Give every parameter and the return value a type hint, and write a docstring that says what it does.
- Handle empty and unusual input sensibly, and return the result instead of printing it.
- Use only the standard library, and leave no placeholder or TODO.', 1, TRUE, 'Initial seed prompt', 'system');
