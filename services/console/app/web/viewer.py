"""Who looks at a page, and what they may do."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request

from services.common.access.accounts import ROLE_SCOPES
from services.common.access.keys import KeyScope
from services.common.admin.schemas import UNATTENDED_HEADER, Person, SessionView
from services.common.errors import ForbiddenError, ServiceError
from services.console.app.web.admin_client import AdminClient

EVENTS_PATH: Final = "/events"


class SignInNeededError(Exception):
    """Nobody has signed in, and this page is for those who have."""


class UnknownError(ServiceError):
    """Nothing has this id, or nothing that the viewer may see."""

    status_code = 404

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may see a page.

    Attributes:
        session: The secret of their session; empty where nobody signs in.
        is_checked: Whether the Manager said just now who they are; else it is away, and said so
            within the last minutes.
    """

    person: Person
    view: SessionView
    session: str = ""
    is_checked: bool = True

    def may(self, scope: str) -> bool:
        """Tell whether they may do what a scope stands for.

        What is for administrators concerns all task types: not for who is bound to some.
        """
        if scope == KeyScope.ADMIN and self.task_types is not None:
            return False
        return scope in self.person.scopes or KeyScope.ADMIN in self.person.scopes

    @property
    def task_types(self) -> list[str] | None:
        """Task types that they may see; None for all."""
        return self.person.task_types

    def may_see(self, task_type: str) -> bool:
        """Tell whether they may see a task type."""
        return self.task_types is None or task_type in self.task_types

    def require_task_type(self, name: str) -> None:
        """Refuse a task type that isn't theirs."""
        if not self.may_see(name):
            raise ForbiddenError(f"You may not see the task type {name!r}.")

    def narrow(self, name: str) -> list[str] | None:
        """Return the one task type that is asked for, or all that they may see (None: any)."""
        if name:
            self.require_task_type(name)
        return [name.replace("\x00", "")] if name else self.task_types


def may(scope: KeyScope) -> Any:
    """Make the dependency of a page that is for those who have a scope: it gives the viewer."""

    role = next(name for name, scopes in ROLE_SCOPES.items() if scope in scopes)

    async def find_viewer(request: Request) -> Viewer:
        admin: AdminClient = request.app.state.admin
        session = request.app.state.read_session(request)
        is_attended = UNATTENDED_HEADER not in request.headers and request.url.path != EVENTS_PATH
        known = await admin.find_session(session, is_attended=is_attended)
        person = known.view.person
        if person is None or (person.kind == "local" and request.app.state.is_public):
            # Whoever came over a network doesn't sit at this machine.
            raise SignInNeededError
        viewer = Viewer(person, known.view, session, known.is_checked)
        request.state.viewer = viewer
        if not viewer.may(scope):
            raise ForbiddenError(f"This page needs the role {role!r}, or a higher one.")
        return viewer

    find_viewer.scope = scope  # type: ignore[attr-defined]  # for the test of all pages
    return Depends(find_viewer)


Reader = Annotated[Viewer, may(KeyScope.READ)]
Operator = Annotated[Viewer, may(KeyScope.OPERATE)]
Approver = Annotated[Viewer, may(KeyScope.APPROVE)]
Admin = Annotated[Viewer, may(KeyScope.ADMIN)]
