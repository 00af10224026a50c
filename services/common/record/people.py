"""Says who acts: to the audit within a transaction, and in what is kept of a change."""

from typing import Final

import asyncpg

from services.common.errors import ForbiddenError

MAX_NAME_CHARACTERS: Final = 64
SET_PERSON: Final = "SELECT set_config('selfheal.person', $1, TRUE)"


class SecondPersonRequiredError(ForbiddenError):
    """REQUIRE_SECOND_PERSON is set, and whoever asked for a change may not approve it."""

    code = "second_person_required"


async def act_as(connection: asyncpg.Connection, person: str) -> None:
    """Let the audit know who makes the changes of this transaction, for as long as it lasts."""
    await connection.execute(SET_PERSON, person)


def shorten_name(person: str) -> str:
    """Cut a name to what `prompts.created_by` holds."""
    return person[:MAX_NAME_CHARACTERS]
