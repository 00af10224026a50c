"""A Manager that ends leaves its work to others, however that work ended."""

import asyncio
from collections.abc import Callable
from unittest.mock import AsyncMock, patch

import asyncpg
import pytest

from services.common.config import Settings
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError
from services.common.record.leases import Lease
from services.manager.app.leased_rounds import LeasedRounds
from services.manager.app.main import create_manager
from services.manager.app.rollups.traffic_counter import TrafficCounter
from services.manager.app.sweeper import Sweeper

OTHER = Lease("rounds", "another", 60)


class Rounds(LeasedRounds):
    """Takes the lease, and breaks where that is asked for."""

    name, failure = "rounds", "rounds_failed"
    pause_seconds = 0

    def __init__(self, database: Database, error: Exception | None = None) -> None:
        super().__init__(database)
        self.error = error
        self.was_there = asyncio.Event()

    async def work_round(self) -> float | None:
        async with self._database.connection() as connection:
            await self._lease.claim(connection)
        self.was_there.set()
        if self.error:
            raise self.error
        return 60


async def test_its_lease_is_free_once_it_ended(
    database: Database, connection: asyncpg.Connection
) -> None:
    rounds = Rounds(database)
    rounds.start()
    await rounds.was_there.wait()
    assert await OTHER.claim(connection) is None
    await rounds.close()
    assert await OTHER.claim(connection)


async def test_its_lease_is_free_though_what_nobody_expects_ended_it(
    database: Database, connection: asyncpg.Connection
) -> None:
    rounds = Rounds(database, ZeroDivisionError())
    rounds.start()
    await rounds.was_there.wait()
    with pytest.raises(ZeroDivisionError):
        await rounds.close()
    assert await OTHER.claim(connection)


async def test_it_does_not_wait_for_a_database_that_hangs(
    database_url: str, connection: asyncpg.Connection
) -> None:
    database = Database(database_url, timeout_seconds=3600)
    await database.open()
    async with asyncio.timeout(20), connection.transaction():
        await connection.execute("LOCK TABLE selfheal.leases")
        await Rounds(database).close()
    await database.close()


async def test_what_is_wrong_with_one_s_end_keeps_no_other_from_ending(
    make_settings: Callable[..., Settings],
) -> None:
    app = create_manager(make_settings())
    with (
        patch.object(Sweeper, "close", AsyncMock(side_effect=ZeroDivisionError)),
        patch.object(TrafficCounter, "close", AsyncMock()) as close,
    ):
        with pytest.raises(ZeroDivisionError):
            async with app.router.lifespan_context(app):
                pass
        close.assert_awaited_once()
    with pytest.raises(DatabaseUnavailableError):
        async with app.state.database.connection():
            pass
