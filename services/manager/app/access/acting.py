"""Says in the database who does something, and keeps what isn't a change of a row."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from services.common.access.accounts import Account
from services.common.admin.schemas import Person
from services.common.database import Database

SET_PERSON: Final = "SELECT set_config('selfheal.person', $1, TRUE)"
INSERT_ACTION: Final = """
    INSERT INTO selfheal.audit (person, action, object, after)
    VALUES (selfheal.current_person(), $1, $2, $3)
"""


@asynccontextmanager
async def acting(connection: asyncpg.Connection, person: Person | Account) -> AsyncIterator[None]:
    """Open a transaction in which changes are a person's, for the audit."""
    async with connection.transaction():
        await connection.execute(SET_PERSON, person.name)
        yield


@asynccontextmanager
async def open_transaction(
    database: Database, person: Person | Account
) -> AsyncIterator[asyncpg.Connection]:
    """Lend a connection in a transaction whose changes are a person's.

    Raises:
        DatabaseUnavailableError: If there is none to be had, or it breaks in use.
    """
    async with database.connection() as connection, acting(connection, person):
        yield connection


async def add_to_audit(
    connection: asyncpg.Connection,
    action: str,
    subject: str,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Keep what a person did that no trigger sees.

    Args:
        connection: Within `acting`, where somebody is known.
        action: Such as `sign_in`.
        subject: What or whom it concerns, such as `user 7`.
        after: What else is known of it; never a secret.
    """
    await connection.execute(INSERT_ACTION, action, subject, after)
