"""Connections of programs that run and exit."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import asyncpg
import pytest

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import connect
from services.common.database.connecting import MOST_SECONDS_AT_A_STOP
from services.common.database.failures import CONNECTION_ERRORS

ERRORS = [asyncpg.ConnectionDoesNotExistError("gone"), TimeoutError(), ConnectionResetError()]


@contextmanager
def closing_with(error: BaseException) -> Iterator[list[float | None]]:
    """No connection is closed in order; gives how long each was given for it."""
    given: list[float | None] = []

    async def close(connection: asyncpg.Connection, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's
        given.append(timeout)
        connection.terminate()
        raise error

    with patch.object(asyncpg.Connection, "close", close):
        yield given


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_a_farewell_that_fails_takes_the_place_of_no_outcome(
    database_url: str, error: Exception
) -> None:
    assert isinstance(error, CONNECTION_ERRORS)
    with closing_with(error):
        async with connect(database_url, timeout_seconds=5) as connection:
            outcome = await connection.fetchval("SELECT 1")
        with pytest.raises(ZeroDivisionError):
            async with connect(database_url, timeout_seconds=5):
                raise ZeroDivisionError
    assert outcome == 1


async def test_nor_does_that_of_the_runtime_s_own(seeded_server: EmbeddedPostgres) -> None:
    async def ask(connection: asyncpg.Connection) -> int:
        return int(await connection.fetchval("SELECT 1"))

    with closing_with(ERRORS[0]):
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

    with closing_with(TimeoutError()) as given:
        [outcome] = await asyncio.gather(work(), return_exceptions=True)
    assert given == [MOST_SECONDS_AT_A_STOP if is_stopped else 5]
    assert isinstance(outcome, asyncio.CancelledError) == is_stopped


async def test_a_stop_while_it_closes_is_told(database_url: str) -> None:
    async def work() -> None:
        async with connect(database_url, timeout_seconds=5):
            pass

    with closing_with(asyncio.CancelledError()):
        [outcome] = await asyncio.gather(work(), return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError)
