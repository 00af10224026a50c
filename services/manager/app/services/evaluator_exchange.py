"""Hands what one Evaluator knows of judges and canaries on to others: they have no database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import aiohttp
import asyncpg

from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.errors import DatabaseUnavailableError, ServiceError
from services.common.logging import get_logger
from services.common.record.evaluator_records import load_records, merge_records
from services.common.siblings import EvaluatorClient

# Behind a load balancer each exchange may meet another replica.
PAUSE_SECONDS: Final = 10.0

log = get_logger()


@asynccontextmanager
async def exchange_records(
    settings: ManagerSettings, database: Database, session: aiohttp.ClientSession
) -> AsyncIterator[None]:
    """Exchange records with whichever Evaluator answers, at the start and every so often.

    Where the parts have no token to know one another by, nothing is exchanged.
    """
    if not settings.internal_token:
        yield
        return
    evaluator = EvaluatorClient(session, settings)
    task = asyncio.create_task(_exchange_often(database, evaluator), name="evaluator-exchange")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def exchange_once(database: Database, evaluator: EvaluatorClient) -> None:
    """Give an Evaluator what is kept, and keep what it has that is new.

    Raises:
        ServiceError: If the Evaluator or the database gives no answer.
    """
    async with database.connection() as connection:
        kept = await load_records(connection)
    known = await evaluator.exchange_records(kept)
    if news := [one for one in known if one not in kept]:
        async with database.connection() as connection:
            await merge_records(connection, news)


async def _exchange_often(database: Database, evaluator: EvaluatorClient) -> None:
    told = ""
    while True:
        code = ""
        try:
            await exchange_once(database, evaluator)
        except ServiceError as error:
            code = error.code
        except asyncpg.PostgresError:
            code = DatabaseUnavailableError.code
        except ValueError:
            code = "record_unreadable"
        if code not in ("", told):
            log.warning("evaluator_records_not_exchanged", code=code)
        told = code
        await asyncio.sleep(PAUSE_SECONDS)
