"""Says who acts: to the audit within a transaction, and in what is kept of a change."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from services.common.errors import ForbiddenError

# As many as `prompts.created_by` holds.
MAX_NAME_CHARACTERS: Final = 64
SET_PERSON: Final = "SELECT set_config('selfheal.person', $1, TRUE)"


class SecondPersonRequiredError(ForbiddenError):
    """REQUIRE_SECOND_PERSON is set, and whoever asked for a change may not approve it."""

    code = "second_person_required"


@asynccontextmanager
async def acting(connection: asyncpg.Connection, person: str) -> AsyncIterator[None]:
    """Open a transaction in which changes are a person's, for the audit."""
    async with connection.transaction():
        await connection.execute(SET_PERSON, person)
        yield


def shorten_name(person: str) -> str:
    """Cut a key's name, which may be longer."""
    return person[:MAX_NAME_CHARACTERS]
