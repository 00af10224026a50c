-- Brings a database of number 6 to number 7: more than one machine.
-- Additive: no row that was accepted before is rejected now.

-- An index of the log or of conversations is built before this BEGIN, as in 0002; on a column that
-- is new here, in a migration after this one. See docs/decisions/0043.
BEGIN;
SET LOCAL lock_timeout = '500ms';

-- A: upgrades.

-- C: erasing.

-- F: tracing.

-- G: cost.

INSERT INTO selfheal.migrations (number) VALUES (7);
COMMIT;
