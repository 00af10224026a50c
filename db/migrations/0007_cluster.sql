-- Brings a database of number 6 to number 7: more than one machine.
-- Additive: no row that was accepted before is rejected now.

-- A: upgrades.

-- C: erasing.

-- F: tracing.

-- G: cost.
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

INSERT INTO selfheal.migrations (number) VALUES (7);
