-- Brings a database of number 6 to number 7: more than one machine.
-- Additive: no row that was accepted before is rejected now.

-- An index of the log or of conversations is built before the BEGIN below; on a column that is new
-- here, in a migration after this one. See docs/decisions/0043.

-- By what a person's rows are found: OpenAI's own fields may name one too.
CREATE INDEX CONCURRENTLY IF NOT EXISTS conversations_end_users
    ON selfheal.conversations (end_user) WHERE end_user IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS conversations_users
    ON selfheal.conversations ((parameters ->> 'user')) WHERE parameters ->> 'user' IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS conversations_safety_identifiers
    ON selfheal.conversations ((parameters ->> 'safety_identifier'))
    WHERE parameters ->> 'safety_identifier' IS NOT NULL;

BEGIN;
SET LOCAL lock_timeout = '500ms';

DO $$
DECLARE
    broken TEXT := (
        SELECT min(indexrelid::regclass::text) FROM pg_index
        WHERE NOT indisvalid AND indrelid = 'selfheal.conversations'::regclass
    );
BEGIN
    -- `selfheal migrate` has built such a one anew; psql passes over it.
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the build of % was broken off', broken
            USING HINT = format('DROP INDEX CONCURRENTLY %s; then apply this file again.', broken);
    END IF;
END $$;

-- Texts of a person's are taken out of the audit, too. Nobody but the tables' owner, who could drop
-- the trigger, has the right to update it.
CREATE OR REPLACE FUNCTION selfheal.refuse_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('selfheal.erasing', TRUE) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME;
END $$;

-- The span of the answer as W3C's traceparent, for whose trace the score is that follows.
ALTER TABLE selfheal.pending_scores ADD COLUMN trace_parent TEXT;

-- What calls of models came to, in tokens and money; schema.sql says what is what.
CREATE TABLE selfheal.spending (
    at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
    is_hour BOOLEAN NOT NULL DEFAULT FALSE,
    task_type TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('serving', 'judging', 'healing')),
    model TEXT NOT NULL,
    calls BIGINT NOT NULL CHECK (calls >= 0),
    unpriced_calls BIGINT NOT NULL CHECK (unpriced_calls BETWEEN 0 AND calls),
    input_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cost_usd NUMERIC NOT NULL CHECK (cost_usd >= 0)
);
CREATE UNIQUE INDEX spending_hours ON selfheal.spending (at, task_type, purpose, model)
    WHERE is_hour;
CREATE INDEX spending_calls ON selfheal.spending (at) WHERE NOT is_hour;

INSERT INTO selfheal.migrations (number) VALUES (7);
COMMIT;
