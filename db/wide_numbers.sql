-- Lets rows of the log have numbers beyond 2,147,483,647, where the guide's schema ends. Run by
-- hand, as the tables' owner: psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -1 -f db/wide_numbers.sql
-- It writes the log anew and blocks it meanwhile: on an empty log no time, on a large one hours.
-- What it costs, and from how many requests a second it is needed:
-- docs/decisions/0047-what-scale-takes.md
DO $$
DECLARE
    held record;
BEGIN
    IF (SELECT atttypid FROM pg_attribute
        WHERE attrelid = 'execution_logs'::regclass AND attname = 'id') = 'integer'::regtype
    THEN
        ALTER TABLE execution_logs ALTER COLUMN id TYPE BIGINT;
    END IF;
    EXECUTE format('ALTER SEQUENCE %s AS BIGINT', pg_get_serial_sequence('execution_logs', 'id'));
    -- Whatever is kept of a row beside it is found by its number.
    FOR held IN
        SELECT attrelid::regclass AS name FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attname = 'execution_id' AND atttypid = 'integer'::regtype
          AND relkind IN ('r', 'p') AND relnamespace = 'selfheal'::regnamespace
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN execution_id TYPE BIGINT', held.name);
    END LOOP;
END $$;
