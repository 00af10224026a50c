-- Brings a database of number 5 to number 6: evidence that is carried over an incident, and texts
-- that serve a share of traffic before they serve all of it. Additive: no row that was accepted
-- before is rejected now.

BEGIN;
-- An autovacuum of the log ends for who waits here, and no insert waits behind. The log's triggers
-- come last: until the commit, inserts wait.
SET LOCAL lock_timeout = '10s';
LOCK TABLE execution_logs IN SHARE UPDATE EXCLUSIVE MODE;
SET LOCAL lock_timeout = '500ms';

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

-- A run whose text serves as a canary first; it becomes `promoted` or `held` when that ends.
ALTER TABLE selfheal.healing_runs DROP CONSTRAINT healing_runs_decision_check;
ALTER TABLE selfheal.healing_runs ADD CONSTRAINT healing_runs_decision_check
    CHECK (decision IN ('promoted', 'proposed', 'held', 'rolled_back', 'canary'));

-- The version that a promotion is compared with beside the one that it replaced.
ALTER TABLE selfheal.watches ADD COLUMN last_good_prompt_id INTEGER;

-- Who announces something holds a lock of the whole cluster until after its commit, so that of
-- transactions at once one speaks for all: who listens looks again a little later in any case.
CREATE OR REPLACE FUNCTION selfheal.notify_failure() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF pg_try_advisory_xact_lock(1936027241, 1) THEN
        PERFORM pg_notify('selfheal_failures', NEW.task_type);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER execution_in_rollout AFTER INSERT ON execution_logs
    FOR EACH ROW WHEN (
        NEW.evaluation_detail #>> '{worker,rollout}'
            ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        AND NEW.evaluation_detail #>> '{worker,arm}' IN ('candidate', 'incumbent')
    )
    EXECUTE FUNCTION selfheal.note_rollout();

CREATE TRIGGER log_begun_anew AFTER TRUNCATE ON execution_logs
    FOR EACH STATEMENT EXECUTE FUNCTION selfheal.forget_log();

INSERT INTO selfheal.migrations (number) VALUES (6);
COMMIT;
