"""The schema's lock on a real PostgreSQL: who waits for it keeps nothing else waiting."""

import asyncio

import pytest

from selfheal.runtime.schema import exclusion
from selfheal.runtime.schema.exclusion import alone
from services.common.database import connect


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
async def test_an_index_is_built_while_the_lock_is_held_and_waited_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch, isolation: str
) -> None:
    """A concurrent build waits for the snapshots of all others: nobody here may hold one."""
    monkeypatch.setattr(exclusion, "_RETRY_SECONDS", 0.01)
    waits = asyncio.Event()

    async def wait_for_it() -> None:
        async with connect(database_url, timeout_seconds=20) as waiting:
            await waiting.execute(f"SET default_transaction_isolation = '{isolation}'")
            async with alone(waiting, lambda _: waits.set()):
                pass

    async with (
        connect(database_url, timeout_seconds=20) as holding,
        connect(database_url, timeout_seconds=20) as building,
        asyncio.TaskGroup() as group,
    ):
        await holding.execute(f"SET default_transaction_isolation = '{isolation}'")
        async with alone(holding):
            group.create_task(wait_for_it())
            await waits.wait()
            await building.execute("CREATE INDEX CONCURRENTLY mine ON execution_logs (id)")
        await building.execute("DROP INDEX mine")
