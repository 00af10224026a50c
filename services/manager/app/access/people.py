"""Lets people into the admin API, by their session or because they sit at this machine."""

import secrets
from typing import Any, Final

import asyncpg
from starlette.types import Scope

from services.common.access.accounts import LOCAL_PERSON, Account
from services.common.access.browsers import (
    SAFE_METHODS,
    check_csrf_token,
    check_host,
    check_origin,
    list_own_hosts,
    make_csrf_token,
)
from services.common.access.headers import read_bearer, read_header
from services.common.access.keys import SESSION_PREFIX, ApiKey, KeyScope
from services.common.access.networks import is_exposed
from services.common.admin.schemas import CONSOLE_HEADER, CSRF_HEADER, UNATTENDED_HEADER, Person
from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.errors import ForbiddenError, UnauthenticatedError
from services.common.internal_token import matches_token
from services.common.siblings import read_token
from services.manager.app.access.routes import SIGN_IN, find_scope
from services.manager.app.access.sessions import Sessions

SELECT_WAYS_IN: Final = """
    SELECT EXISTS (SELECT FROM selfheal.users) AS has_accounts,
           EXISTS (SELECT FROM selfheal.users WHERE subject IS NULL AND disabled_at IS NULL)
               AS has_passwords
"""
_CSRF_HEADER: Final = CSRF_HEADER.lower().encode()
_CONSOLE_HEADER: Final = CONSOLE_HEADER.lower().encode()
_UNATTENDED_HEADER: Final = UNATTENDED_HEADER.lower().encode()


class People:
    """Knows who calls the admin API, and refuses what a page of another site asks for.

    Attributes:
        second_person: Whether a change of what serves needs another person's approval.
    """

    def __init__(self, settings: ManagerSettings, database: Database, sessions: Sessions) -> None:
        self._database = database
        self._sessions = sessions
        self.second_person = settings.require_second_person
        self._has_oidc = bool(settings.oidc_issuer)
        self._always_asks = is_exposed(settings) or settings.require_keys or self._has_oidc
        self._hosts = list_own_hosts(
            bind_host=settings.bind_host,
            public_url=settings.public_url,
            allowed_hosts=settings.allowed_hosts,
        )
        self._console_token = settings.console_token
        self._is_in_container = settings.published_host is not None
        # Where nobody signs in, a token is this installation's, or this process's.
        self._own_secret = read_token(settings) or secrets.token_hex()

    async def admit(self, scope: Scope) -> None:
        """Check a request without a key by its head; its person is in its state afterwards.

        Raises:
            ForbiddenError: If it wasn't sent to a name of ours, another site's page asks for it,
                its token is missing, or it isn't for this person.
            UnauthenticatedError: If nobody is known, and somebody has to be.
            DatabaseUnavailableError: If it can't be known who calls.
        """
        route = scope["method"], scope["path"]
        is_change = scope["method"] not in SAFE_METHODS
        check_host(scope, self._hosts)
        if is_change:
            check_origin(scope, self._hosts)
        session = read_session(scope)
        is_attended = not read_header(scope, _UNATTENDED_HEADER)
        account = await self._sessions.find(session, is_attended=is_attended) if session else None
        person = person_of(account) if account else await self._find_local_person(scope)
        if person is None and route not in SIGN_IN:
            raise UnauthenticatedError(
                "Sign in: the session isn't valid, or has ended."
                if session
                else "Sign in, or send a key in the header `Authorization: Bearer sh_...`."
            )
        secret = session if account else self._own_secret
        if is_change:
            check_csrf_token(read_header(scope, _CSRF_HEADER), secret)
        if person is not None and route not in SIGN_IN:
            needed = find_scope(*route) or KeyScope.ADMIN
            if not {needed, KeyScope.ADMIN} & set(person.scopes):
                raise ForbiddenError(
                    f"{person.name} lacks the scope {needed}, which this asks for."
                )
        scope["state"].update(person=person, csrf_secret=secret)

    async def describe(
        self, scope: Scope, person: Person | None, session: str = ""
    ) -> dict[str, Any]:
        """Tell what a `SessionView` has, of who calls or of a session that just began.

        Raises:
            DatabaseUnavailableError: If it can't be known.
        """
        secret = session or scope["state"].get("csrf_secret") or self._own_secret
        return {
            "person": person,
            "csrf_token": make_csrf_token(secret),
            "password": (await self._find_accounts())["has_passwords"],
            "oidc": self._has_oidc,
            "second_person": self.second_person,
        }

    async def _find_accounts(self) -> asyncpg.Record:
        async with self._database.connection() as connection:
            [row] = await connection.fetch(SELECT_WAYS_IN)
        return row

    async def _find_local_person(self, scope: Scope) -> Person | None:
        """Return who sits at this machine, where the first account hasn't closed it to them."""
        if not self._is_from_here(scope):
            return None
        asks = self._always_asks or (await self._find_accounts())["has_accounts"]
        return None if asks else Person(name=LOCAL_PERSON, kind="local", scopes=[KeyScope.ADMIN])

    def _is_from_here(self, scope: Scope) -> bool:
        """Tell whether a request comes from this machine.

        To a container, whoever is on its host and the containers beside it look alike: there the
        console alone, which is published on loopback, can show that it hands on what a person asks.
        """
        if not (self._is_in_container or self._console_token):
            return True
        return matches_token(read_header(scope, _CONSOLE_HEADER), self._console_token)


def read_session(scope: Scope) -> str:
    """Return the session that came with a request; empty where none did."""
    bearer = read_bearer(scope)
    return bearer if bearer.startswith(SESSION_PREFIX) else ""


def person_of(account: Account) -> Person:
    """Return the person whose account this is."""
    return Person(
        name=account.name, kind="user", scopes=list(account.scopes), task_types=account.task_types
    )


def holder_of(key: ApiKey) -> Person:
    """Return the person that a key stands for."""
    task_types = None if key.task_types is None else sorted(key.task_types)
    return Person(
        name=f"key:{key.name}", kind="key", scopes=sorted(key.scopes), task_types=task_types
    )
