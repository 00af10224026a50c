"""Keeps what people ask of an Optimizer, and who has taken it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import asyncpg

from services.common.errors import ServiceError

CHANNEL: Final = "selfheal_jobs"
DRAFT, MESSAGE = "draft", "message"
MAX_OPEN: Final = 5
MAX_ATTEMPTS: Final = 3

COLUMNS: Final = """
    id, kind, task_type, content, reason, requested_by, created_at, attempts, run_id, error,
    CASE WHEN finished_at IS NOT NULL THEN CASE WHEN error IS NULL THEN 'finished' ELSE 'failed' END
         WHEN claimed_until > now() THEN 'running' ELSE 'waiting' END AS state
"""
COUNT_OPEN: Final = """
    SELECT count(*) FROM selfheal.jobs
    WHERE finished_at IS NULL AND kind = $1 AND task_type IS NOT DISTINCT FROM $2
"""
LOCK_OPEN: Final = (
    "SELECT pg_advisory_xact_lock(hashtextextended(concat_ws(' ', $1::text, $2::text), 0))"
)
INSERT: Final = f"""
    INSERT INTO selfheal.jobs (kind, task_type, content, reason, requested_by)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING {COLUMNS}
"""
TELL: Final = "SELECT pg_notify($1, '')"
SELECT: Final = f"SELECT {COLUMNS} FROM selfheal.jobs WHERE id = $1"
# What three processes took and none brought to an end is left alone.
GIVE_UP: Final = """
    UPDATE selfheal.jobs
    SET finished_at = now(), error = coalesce(error, 'Whoever took it went away, three times.')
    WHERE finished_at IS NULL AND attempts >= $1
      AND (claimed_until IS NULL OR claimed_until <= now())
"""
CLAIM: Final = f"""
    UPDATE selfheal.jobs SET claimed_until = now() + $1::interval, attempts = attempts + 1
    WHERE id = (
        SELECT id FROM selfheal.jobs
        WHERE finished_at IS NULL AND (claimed_until IS NULL OR claimed_until <= now())
          AND id <> ALL($2::uuid[])
        ORDER BY created_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    )
    RETURNING {COLUMNS}
"""
# Whoever took too long may have lost it to another, whose attempt is a later one.
FINISH: Final = """
    UPDATE selfheal.jobs SET finished_at = now(), run_id = $3, error = $4
    WHERE id = $1 AND attempts = $2 AND finished_at IS NULL
"""
RELEASE: Final = """
    UPDATE selfheal.jobs
    SET claimed_until = NULL, error = $3, attempts = attempts - $4::integer
    WHERE id = $1 AND attempts = $2 AND finished_at IS NULL
"""


class TooManyJobsError(ServiceError):
    """Enough of the kind wait for an Optimizer already; nothing was added."""

    status_code = 409
    code = "too_many_jobs"

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} such jobs wait for an Optimizer already; wait for those first.")


@dataclass(frozen=True, slots=True)
class StoredJob:
    """Something that a person asks of an Optimizer.

    Attributes:
        attempts: How often it was taken; the latest one alone may bring it to an end.
        run_id: The run that answered a draft.
    """

    id: UUID
    kind: Literal["draft", "message"]
    task_type: str | None
    content: str | None
    reason: str
    requested_by: str
    created_at: datetime
    attempts: int
    run_id: UUID | None
    error: str | None
    state: Literal["waiting", "running", "finished", "failed"]


async def add_job(
    connection: asyncpg.Connection,
    kind: str,
    *,
    requested_by: str,
    task_type: str | None = None,
    content: str | None = None,
    reason: str = "",
) -> StoredJob:
    """Ask an Optimizer for something, and wake one that watches.

    Args:
        connection: In a transaction: others who ask for the same are counted one after the other.

    Raises:
        TooManyJobsError: If enough wait already.
    """
    await connection.execute(LOCK_OPEN, kind, task_type)
    count: int = await connection.fetchval(COUNT_OPEN, kind, task_type)
    if count >= MAX_OPEN:
        raise TooManyJobsError(count)
    [record] = await connection.fetch(INSERT, kind, task_type, content, reason, requested_by)
    await tell_optimizers(connection)
    return StoredJob(**record)


async def tell_optimizers(connection: asyncpg.Connection) -> None:
    """Wake the Optimizers that watch."""
    await connection.execute(TELL, CHANNEL)


async def load_job(connection: asyncpg.Connection, job_id: UUID) -> StoredJob | None:
    """Load a job; None where there is no such one."""
    record = await connection.fetchrow(SELECT, job_id)
    return StoredJob(**record) if record else None


async def claim_job(
    connection: asyncpg.Connection, *, lease_seconds: float, besides: list[UUID]
) -> StoredJob | None:
    """Take the oldest job that nobody holds; None where there is none.

    Args:
        lease_seconds: How long nobody else takes it.
        besides: Jobs that were tried in this run already.
    """
    await connection.execute(GIVE_UP, MAX_ATTEMPTS)
    record = await connection.fetchrow(CLAIM, timedelta(seconds=lease_seconds), besides)
    return StoredJob(**record) if record else None


async def finish_job(
    connection: asyncpg.Connection,
    job: StoredJob,
    *,
    run_id: UUID | None = None,
    error: str | None = None,
) -> None:
    """Bring a job to its end: done, or failed for good."""
    await connection.execute(FINISH, job.id, job.attempts, run_id, error)


async def release_job(
    connection: asyncpg.Connection, job: StoredJob, error: str, *, counts: bool = True
) -> None:
    """Give a job back for a later run; after three attempts it has failed.

    Args:
        counts: Whether this was an attempt; where another run was in the way it wasn't.
    """
    if counts and job.attempts >= MAX_ATTEMPTS:
        await finish_job(connection, job, error=error)
        return
    await connection.execute(RELEASE, job.id, job.attempts, error, 0 if counts else 1)
