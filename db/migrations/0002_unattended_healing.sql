-- Brings a database that `schema.sql` number 1 made to number 2: healing that can be left alone.
-- Additive: no row that was accepted before is rejected now.

-- Requests that got no answer or no score are few, and are looked for among very many.
CREATE INDEX CONCURRENTLY IF NOT EXISTS execution_logs_unscored
    ON execution_logs (task_type, created_at DESC) WHERE evaluation_passed IS NULL;
-- How versions did is counted in an index alone, among very many answers; it stands in for the
-- one by versions, so that a row still has as many index entries.
CREATE INDEX CONCURRENTLY IF NOT EXISTS execution_logs_scored
    ON execution_logs (task_type, prompt_version, created_at DESC)
    INCLUDE (evaluation_passed) WHERE evaluation_passed IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS execution_logs_versions;

BEGIN;
-- An autovacuum of the log ends for who waits here, and no insert waits behind. The log's triggers
-- come last: until the commit, inserts wait.
SET LOCAL lock_timeout = '10s';
LOCK TABLE execution_logs IN SHARE UPDATE EXCLUSIVE MODE;
SET LOCAL lock_timeout = '500ms';

DO $$
DECLARE
    broken TEXT := (
        SELECT min(indexrelid::regclass::text) FROM pg_index WHERE NOT indisvalid AND indexrelid IN
            ('execution_logs_unscored'::regclass, 'execution_logs_scored'::regclass)
    );
BEGIN
    -- `selfheal migrate` has built such a one anew; psql passes over it.
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the build of % was broken off', broken
            USING HINT = format('DROP INDEX CONCURRENTLY %s; then apply this file again.', broken);
    END IF;
END $$;

-- What became of each candidate: a text that lost isn't tried again for a day.
ALTER TABLE selfheal.candidates ADD COLUMN outcome TEXT;
ALTER TABLE selfheal.candidates ADD COLUMN decided_at TIMESTAMPTZ;
CREATE INDEX candidates_recent ON selfheal.candidates (task_type, created_at DESC);

-- Runs know the text that they looked at, since a prompt is its id and its text, and proposals
-- wait for a person's answer.
ALTER TABLE selfheal.healing_runs DROP CONSTRAINT healing_runs_decision_check;
ALTER TABLE selfheal.healing_runs ADD CONSTRAINT healing_runs_decision_check
    CHECK (decision IN ('promoted', 'proposed', 'held', 'rolled_back'));
ALTER TABLE selfheal.healing_runs ADD COLUMN verdict TEXT;
ALTER TABLE selfheal.healing_runs ADD COLUMN incumbent_digest TEXT;
ALTER TABLE selfheal.healing_runs ADD COLUMN triggered_by TEXT;
ALTER TABLE selfheal.healing_runs ADD COLUMN resolution TEXT
    CHECK (resolution IN ('approved', 'rejected', 'superseded'));
ALTER TABLE selfheal.healing_runs ADD COLUMN resolved_at TIMESTAMPTZ;
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

INSERT INTO selfheal.migrations (number) VALUES (2);
COMMIT;
