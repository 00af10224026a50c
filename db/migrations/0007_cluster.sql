-- Brings a database of number 6 to number 7: more than one machine.
-- Additive: no row that was accepted before is rejected now.

-- A: upgrades.

-- C: erasing.

-- F: tracing.
-- The span of the answer as W3C's traceparent, for whose trace the score is that follows.
ALTER TABLE selfheal.pending_scores ADD COLUMN trace_parent TEXT;

-- G: cost.

INSERT INTO selfheal.migrations (number) VALUES (7);
