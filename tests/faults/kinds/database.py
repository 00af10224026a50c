"""Faults of the database."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from faults.disks import lacks_root, mounted, run
from faults.fault import Fault
from faults.site import Site

from benchmarks.open_load import TASK_TYPE

ROOM_MB = 160
INSERT_POISON = """
    WITH odd AS (
        INSERT INTO execution_logs (request_id, task_type, user_input)
        SELECT gen_random_uuid(), $1, 'What nobody can score' FROM generate_series(1, 4)
        RETURNING id, request_id
    ), numbered AS (
        SELECT id, request_id, row_number() OVER (ORDER BY id) AS number FROM odd
    ), conversations AS (
        INSERT INTO selfheal.conversations
            (execution_id, request_id, model_asked, messages, choices)
        SELECT id, request_id, $1,
               CASE number WHEN 1 THEN '{"no": "list"}' WHEN 2 THEN '[{"role": 7}]'
                           ELSE '[]' END::jsonb,
               CASE number WHEN 3 THEN '"no list"' ELSE '[]' END::jsonb
        FROM numbered WHERE number < 4
    )
    INSERT INTO selfheal.pending_scores
        (execution_id, task_type, with_judge, rules_share, judge_share, created_at, claimable_at)
    SELECT id, $1, TRUE, 1, 1, '2000-01-01', '2000-01-01' FROM odd
"""


@asynccontextmanager
async def postgres_away(site: Site) -> AsyncIterator[None]:
    await asyncio.to_thread(site.postgres.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(site.postgres.start)


@asynccontextmanager
async def log_locked(site: Site) -> AsyncIterator[None]:
    connection = await site.connect()
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE execution_logs")
            yield
    finally:
        await connection.close()


@asynccontextmanager
async def on_a_small_disk(site: Site) -> AsyncIterator[None]:
    """Move the database's files to a tmpfs, and back."""
    data = site.postgres.storage.data.resolve()
    owner = data.stat()
    options = f"size={ROOM_MB}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    aside = data.with_name("aside")
    await asyncio.to_thread(site.postgres.stop)
    await asyncio.to_thread(shutil.move, data, aside)
    data.mkdir()
    try:
        async with mounted(data, options):
            await run("cp", "-a", "-T", aside, data)
            await asyncio.to_thread(site.postgres.start)
            try:
                await site.until_back()
                yield
            finally:
                await asyncio.to_thread(site.postgres.stop)
                await asyncio.to_thread(shutil.rmtree, aside)
                await run("cp", "-a", "-T", data, aside)
    finally:
        data.rmdir()
        aside.rename(data)
        await asyncio.to_thread(site.postgres.start)


@asynccontextmanager
async def disk_full(site: Site) -> AsyncIterator[None]:
    """Leave no byte on the disk; what ended of it is started again."""
    ballast = site.postgres.storage.data / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 12))
    try:
        yield
    finally:
        ballast.unlink()
        if not site.postgres.is_running():
            await asyncio.to_thread(site.postgres.start)


@asynccontextmanager
async def rows_that_cannot_be_scored(site: Site) -> AsyncIterator[None]:
    """Queue rows ahead of all others that no Evaluator can make sense of, one without a rest."""
    await site.fetch(INSERT_POISON, TASK_TYPE)
    yield


FAULTS = [
    Fault(
        name="postgres restarted, 5 s away",
        strike=postgres_away,
        seconds=5,
        cost_seconds=14,
        refuses_nothing=True,
    ),
    Fault(
        name="postgres restarted, 40 s away",
        strike=postgres_away,
        seconds=40,
        cost_seconds=50,
        refuses_nothing=True,
    ),
    Fault(
        name="postgres's disk full",
        strike=disk_full,
        stage=on_a_small_disk,
        lacks=lacks_root,
        cost_seconds=65,
        refuses_nothing=True,
    ),
    Fault(
        name="execution_logs locked for 30 s",
        strike=log_locked,
        seconds=30,
        cost_seconds=40,
        refuses_nothing=True,
    ),
    Fault(
        name="a queue row that can't be scored",
        strike=rows_that_cannot_be_scored,
        seconds=3,
        cost_seconds=11,
        refuses_nothing=True,
    ),
]
