"""Who calls a route of the admin API, as the route takes it, and what all its routes share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final

import asyncpg
from fastapi import APIRouter, Depends, Request, Response

from services.common.access.headers import ADMIN_PREFIX
from services.common.admin.schemas import Person
from services.common.api_description import (
    FAILURES_WITH_A_BODY,
    describe_failures,
)
from services.common.database import Database
from services.common.errors import ForbiddenError
from services.common.record.people import acting

FAILURES: Final = describe_failures(
    FAILURES_WITH_A_BODY,
    {
        404: "There is no such thing",
        409: "Something else serves by now, or it can't be done like that",
        429: "Too many attempts from this address",
        502: "The OpenID provider failed",
        503: "The database is away",
    },
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, what they may see, and how they change it."""

    person: Person
    database: Database

    @property
    def name(self) -> str:
        """What they are called in the audit."""
        return self.person.name

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend a connection in a transaction whose changes are theirs.

        Raises:
            DatabaseUnavailableError: If there is none to be had, or it breaks in use.
        """
        async with self.database.connection() as connection, acting(connection, self.name):
            yield connection

    def require_task_type(self, task_type: str) -> None:
        """Refuse a task type that isn't theirs to see and change.

        Raises:
            ForbiddenError: If they are bound to others.
        """
        bound = self.person.task_types
        if bound is not None and task_type not in bound:
            raise ForbiddenError(
                f"{self.name} isn't for task type {task_type!r}, only for: {', '.join(bound)}."
            )

    def require_all_task_types(self) -> None:
        """Refuse what concerns all task types to who is bound to some.

        Raises:
            ForbiddenError: If they are bound.
        """
        if self.person.task_types is not None:
            raise ForbiddenError(f"{self.name} is bound to task types, and this isn't.")


def read_caller(request: Request) -> Caller:
    """Return who calls, whom the authorisation let in."""
    return Caller(request.state.person, request.app.state.database)


def create_router() -> APIRouter:
    """Make a router of the admin API, which keeps what one person was told out of caches."""

    def forbid_caching(response: Response) -> None:
        response.headers["cache-control"] = "no-store"

    return APIRouter(
        prefix=ADMIN_PREFIX, dependencies=[Depends(forbid_caching)], responses=FAILURES
    )


AnyCaller = Annotated[Caller, Depends(read_caller)]
