-- Brings a database of number 6 to number 7: more than one machine.
-- Additive: no row that was accepted before is rejected now.

-- A: upgrades.

-- C: erasing.

-- F: tracing.

-- G: cost.

INSERT INTO selfheal.migrations (number) VALUES (7);
