-- Brings a database of number 2 to number 3: conversations, answers that are scored afterwards,
-- and keys. Additive: no row that was accepted before is rejected now.

BEGIN;
-- An autovacuum of the log ends for who waits here, and no insert waits behind. The log's triggers
-- come last: until the commit, inserts wait.
SET LOCAL lock_timeout = '10s';
LOCK TABLE execution_logs IN SHARE UPDATE EXCLUSIVE MODE;
SET LOCAL lock_timeout = '500ms';

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

-- A failure is announced when it is known: with its row, or when its score or its error follows.
-- What waits for its score, wasn't chosen for one, or ended with its client says nothing.
CREATE OR REPLACE TRIGGER execution_failed AFTER INSERT ON execution_logs
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

INSERT INTO selfheal.migrations (number) VALUES (3);
COMMIT;
