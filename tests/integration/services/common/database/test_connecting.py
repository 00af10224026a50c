"""Connections of programs that run and exit."""

import asyncio
from unittest.mock import AsyncMock, patch

import asyncpg
import pytest

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.common.database.connecting import SECONDS_AT_A_STOP
from services.common.database.failures import CONNECTION_ERRORS

ERRORS = [asyncpg.ConnectionDoesNotExistError("gone"), TimeoutError(), ConnectionResetError()]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_farewell_that_fails_takes_the_place_of_no_outcome(
    database_url: str, error: Exception
) -> None:
    assert isinstance(error, CONNECTION_ERRORS)
    with patch.object(asyncpg.Connection, "close", side_effect=error):
        async with connect(database_url, timeout_seconds=5) as connection:
            outcome = await connection.fetchval("SELECT 1")
        with pytest.raises(ZeroDivisionError):
            async with connect(database_url, timeout_seconds=5):
                raise ZeroDivisionError
    assert outcome == 1


async def test_nor_does_that_of_the_runtime_s_own(seeded_server: EmbeddedPostgres) -> None:
    async def ask(connection: asyncpg.Connection) -> int:
        return int(await connection.fetchval("SELECT 1"))

    with patch.object(asyncpg.Connection, "close", side_effect=ERRORS[0]):
        assert await seeded_server.address.ask(ask) == 1


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_who_is_stopped_waits_less_for_a_server_that_hangs(
    database_url: str, is_stopped: bool
) -> None:
    async def work() -> None:
        async with connect(database_url, timeout_seconds=5):
            task = asyncio.current_task()
            assert task is not None
            if is_stopped:
                task.cancel()
            await asyncio.sleep(0)

    with patch.object(asyncpg.Connection, "close", AsyncMock()) as close:
        await asyncio.gather(work(), return_exceptions=True)
    close.assert_awaited_once_with(timeout=SECONDS_AT_A_STOP if is_stopped else 5)


async def test_a_stop_while_it_closes_is_told(database_url: str) -> None:
    async def close_while_cancelled() -> None:
        with patch.object(asyncpg.Connection, "close", side_effect=asyncio.CancelledError):
            async with connect(database_url, timeout_seconds=5):
                pass

    [outcome] = await asyncio.gather(close_while_cancelled(), return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)
