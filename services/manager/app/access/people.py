"""Lets people into the admin API, by their session or because they sit at this machine."""

import secrets
from dataclasses import dataclass
from typing import Final

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
from services.common.admin.schemas import CSRF_HEADER, UNATTENDED_HEADER, Person
from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.errors import ForbiddenError, UnauthenticatedError
from services.manager.app.access.routes import SIGN_IN, find_scope
from services.manager.app.access.sessions import Sessions

SELECT_WAYS_IN: Final = """
    SELECT EXISTS (SELECT FROM selfheal.users) AS has_accounts,
           EXISTS (SELECT FROM selfheal.users WHERE subject IS NULL AND disabled_at IS NULL)
               AS has_passwords
"""
_CSRF_HEADER: Final = CSRF_HEADER.lower().encode()
_UNATTENDED_HEADER: Final = UNATTENDED_HEADER.lower().encode()


@dataclass(frozen=True, slots=True)
class WaysIn:
    """How people are known.

    Attributes:
        asks: Whether anybody is asked who they are.
        password: Whether somebody could sign in with a password.
        oidc: Whether somebody could sign in at a provider.
    """

    asks: bool
    password: bool
    oidc: bool


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
        token = settings.internal_token
        # Where nobody signs in, a token is this installation's, or this process's.
        self._own_secret = token.get_secret_value() if token else secrets.token_hex()

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
        person = person_of(account) if account else await self._find_local_person()
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
            _require_scope(person, *route)
        scope["state"].update(person=person, csrf_secret=secret)

    async def find_ways_in(self) -> WaysIn:
        """Return how people are known now: the first account closes the admin API.

        Raises:
            DatabaseUnavailableError: If it can't be known.
        """
        async with self._database.connection() as connection:
            [row] = await connection.fetch(SELECT_WAYS_IN)
        return WaysIn(
            asks=self._always_asks or row["has_accounts"],
            password=row["has_passwords"],
            oidc=self._has_oidc,
        )

    def make_token(self, scope: Scope, session: str = "") -> str:
        """Make a CSRF token for who calls, or for a session that just began."""
        return make_csrf_token(session or scope["state"].get("csrf_secret") or self._own_secret)

    async def _find_local_person(self) -> Person | None:
        """Return who sits at this machine, where that is all there is to know."""
        asks = self._always_asks or (await self.find_ways_in()).asks
        return None if asks else Person(name=LOCAL_PERSON, kind="local", scopes=[KeyScope.ADMIN])


def _require_scope(person: Person, method: str, path: str) -> None:
    needed = find_scope(method, path) or KeyScope.ADMIN
    if not {needed, KeyScope.ADMIN} & set(person.scopes):
        raise ForbiddenError(f"{person.name} lacks the scope {needed}, which this asks for.")


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
