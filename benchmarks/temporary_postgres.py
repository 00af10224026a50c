"""A database of its own for a test or a measurement."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.own_ports import take_port
from selfheal.runtime.assembly import find_schema
from selfheal.runtime.postgres.server import EmbeddedPostgres

# DELETE, since TRUNCATE makes new files of every table and index, at ten times the cost.
EMPTY_TABLES: Final = """
    DO $$
    DECLARE
        name regclass;
    BEGIN
        -- Without triggers and foreign keys: rows of the audit refuse to go.
        PERFORM set_config('session_replication_role', 'replica', TRUE);
        FOR name IN
            SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relname NOT IN ('migrations', 'trusted_roles')
              AND relnamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
        LOOP
            EXECUTE format('DELETE FROM %s', name);
        END LOOP;
        PERFORM set_config('session_replication_role', 'origin', TRUE);
        PERFORM setval(oid::regclass, 1, FALSE) FROM pg_class WHERE relkind = 'S';
    END $$
"""


@contextmanager
def temporary_postgres(
    schema: Path, *, settings: Mapping[str, str] | None = None
) -> Iterator[EmbeddedPostgres]:
    """Run an embedded server on a free port, in a temporary directory.

    Args:
        schema: SQL file that makes the tables.
        settings: Further server settings, such as `{"fsync": "off"}` for speed.

    Yields:
        The running server; its `database_url` is what a service needs.
    """
    directory = Path(tempfile.mkdtemp(prefix="selfheal-"))
    directory.chmod(0o711)  # PostgreSQL's account passes through; it lists and reads nothing
    try:
        postgres = EmbeddedPostgres(
            directory / "home", port=take_port(), schema=schema, settings=settings
        )
        try:
            postgres.start()
            yield postgres
        finally:
            postgres.destroy()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def kept_postgres(directory: Path, settings: Mapping[str, str]) -> Iterator[EmbeddedPostgres]:
    """Run an embedded server whose data stay in a directory, to be gone on with."""
    postgres = EmbeddedPostgres(
        directory, port=take_port(), schema=find_schema(), settings=settings
    )
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
