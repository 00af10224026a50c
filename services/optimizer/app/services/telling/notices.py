"""Keeps what people were told where all Optimizers see it: none repeats another's notice."""

from datetime import timedelta
from typing import Final

import asyncpg

from services.common.database import translate_database_errors
from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger
from services.optimizer.app.services.telling.notification import HOUR

# Who claims a topic tells it: of two at once one does.
CLAIM: Final = """
    INSERT INTO selfheal.notices AS told (topic, digest) VALUES ($1, $2)
    ON CONFLICT (topic) DO UPDATE SET digest = excluded.digest, told_at = excluded.told_at
    WHERE told.told_at <= excluded.told_at - $3::interval
    RETURNING TRUE
"""
RELEASE: Final = "DELETE FROM selfheal.notices WHERE topic = $1"
SWEEP: Final = "DELETE FROM selfheal.notices WHERE told_at < now() - interval '2 days'"

log = get_logger()


async def claim_notice(
    connection: asyncpg.Connection, topic: str, digest: str, quiet: timedelta = HOUR
) -> bool:
    """Tell whether a topic is to be told now; where it is, nobody else tells it for so long.

    Where the database can't be asked it is: rather twice than never.
    """
    try:
        with translate_database_errors():
            await connection.execute(SWEEP)
            return bool(await connection.fetchval(CLAIM, topic, digest, quiet))
    except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
        log.warning("notice_not_kept", topic=topic, code=type(error).__name__)
        return True


async def release_notice(connection: asyncpg.Connection, topic: str) -> None:
    """Let a topic be told at the next look: it reached nobody."""
    try:
        with translate_database_errors():
            await connection.execute(RELEASE, topic)
    except (DatabaseUnavailableError, asyncpg.PostgresError) as error:
        log.warning("notice_not_kept", topic=topic, code=type(error).__name__)
