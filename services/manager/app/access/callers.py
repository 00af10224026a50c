"""Who calls a route of the admin API, as the route takes it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from services.common.admin.schemas import Person
from services.common.errors import ForbiddenError


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what they may see."""

    person: Person

    def may_use(self, task_type: str) -> bool:
        """Tell whether a task type is theirs to see and change."""
        return self.person.task_types is None or task_type in self.person.task_types

    def require_task_type(self, task_type: str) -> None:
        """Refuse a task type that isn't theirs.

        Raises:
            ForbiddenError: If they are bound to others.
        """
        if not self.may_use(task_type):
            bound = ", ".join(self.person.task_types or ())
            raise ForbiddenError(
                f"{self.person.name} isn't for task type {task_type!r}, only for: {bound}."
            )

    def require_all_task_types(self) -> None:
        """Refuse what concerns all task types to who is bound to some.

        Raises:
            ForbiddenError: If they are bound.
        """
        if self.person.task_types is not None:
            raise ForbiddenError(f"{self.person.name} is bound to task types, and this isn't.")


def read_caller(request: Request) -> Caller:
    """Return who calls, whom the authorisation let in."""
    return Caller(request.state.person)


def forbid_caching(response: Response) -> None:
    """Keep what one person was told out of caches."""
    response.headers["cache-control"] = "no-store"


AnyCaller = Annotated[Caller, Depends(read_caller)]
