-- Brings a database of number 4 to number 5: rows that land once, calls that are answered once, and
-- what is kept where all replicas see it. Additive: no row that was accepted before is rejected now.

BEGIN;
-- An autovacuum of the log ends for who waits here, and no insert waits behind. The log's triggers
-- come last: until the commit, inserts wait.
SET LOCAL lock_timeout = '10s';
LOCK TABLE execution_logs IN SHARE UPDATE EXCLUSIVE MODE;
SET LOCAL lock_timeout = '500ms';

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

-- Functions of triggers act as the tables' owner: who changes prompts needs no right to what
-- follows from it, and a trigger of anybody else's must not run one.
ALTER FUNCTION selfheal.record_activation() SECURITY DEFINER SET search_path = pg_catalog;
ALTER FUNCTION selfheal.notify_failure() SECURITY DEFINER SET search_path = pg_catalog;
ALTER FUNCTION selfheal.refuse_change() SECURITY DEFINER SET search_path = pg_catalog;
REVOKE ALL ON FUNCTION selfheal.record_activation(), selfheal.notify_failure(),
    selfheal.record_change(), selfheal.refuse_change(), selfheal.note_fallback() FROM PUBLIC;

-- What runs decided is counted at every scrape of the Manager's metrics.
CREATE INDEX healing_runs_decisions ON selfheal.healing_runs (task_type, decision);

CREATE TRIGGER execution_by_fallback AFTER INSERT ON execution_logs
    FOR EACH ROW WHEN (NEW.evaluation_detail #>> '{worker,fallback}' <> '')
    EXECUTE FUNCTION selfheal.note_fallback();

INSERT INTO selfheal.migrations (number) VALUES (5);
COMMIT;
