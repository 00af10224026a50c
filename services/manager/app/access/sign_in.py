"""Lets people in by a password or by a provider's word, and out again; the audit keeps both."""

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from starlette.types import Scope

from services.common.access.accounts import Account, find_local_account
from services.common.access.browsers import Network, read_client_address, read_networks
from services.common.access.passwords import hash_password, is_outdated, is_right_password
from services.common.admin.schemas import OidcFinish, OidcStart, SignIn
from services.common.config import ManagerSettings
from services.common.database import Database
from services.common.errors import ServiceError, UnauthenticatedError
from services.common.record.people import acting
from services.common.text import make_storable
from services.manager.app.access.people import read_session
from services.manager.app.access.sessions import Sessions
from services.manager.app.access.throttle import Throttle

if TYPE_CHECKING:
    from services.manager.app.access.oidc.sign_ins import OidcSignIns

# Each takes 64 MiB.
MOST_HASHINGS: Final = 2
ALWAYS_TRUSTED: Final = "127.0.0.0/8,::1"
# What a person did that no trigger sees.
ADD_TO_AUDIT: Final = """
    INSERT INTO selfheal.audit (person, action, object, after)
    VALUES (selfheal.current_person(), $1, $2, $3)
"""
SET_HASH: Final = "UPDATE selfheal.users SET password_hash = $2 WHERE id = $1"

Result = TypeVar("Result")


class NoProviderError(ServiceError):
    """Nobody can sign in that way here."""

    status_code = 404
    code = "not_found"


class SignIns:
    """Begins and ends sessions."""

    def __init__(self, settings: ManagerSettings, database: Database, sessions: Sessions) -> None:
        """Check the settings.

        Raises:
            UnprotectedError: If those of the OpenID provider make no sense.
        """
        self._database = database
        self._sessions = sessions
        self._throttle = Throttle()
        self._trusted = [part for part in settings.trusted_proxies.split(",") if part.strip()]
        self._hashings = asyncio.Semaphore(MOST_HASHINGS)
        self._oidc = None
        if settings.oidc_issuer:
            # Takes megabytes, which a Manager without a provider needn't pay.
            from services.manager.app.access.oidc.sign_ins import OidcSignIns  # noqa: PLC0415

            self._oidc = OidcSignIns(settings, database)

    async def by_password(self, scope: Scope, given: SignIn) -> tuple[str, Account]:
        """Begin a session of a local account; gives its secret, and whose it is.

        Raises:
            TooManyAttemptsError: If there were too many from this address.
            UnauthenticatedError: If name or password is wrong, or the account is disabled.
        """
        address, name = await self._find_address(scope), make_storable(given.name)
        self._throttle.take(address, name)
        async with self._database.connection() as connection:
            account = await find_local_account(connection, name)
        known = account if account and not account.is_disabled else None
        kept = known.password_hash if known else None
        is_right = await self._hash(lambda: is_right_password(kept, given.password))
        if known is None or not is_right:
            # What was typed as a name may have been the password.
            who = f"user {account.id}" if account else "user unknown"
            await self._record_failure(who, address, "wrong name or password")
            raise UnauthenticatedError("Name or password is wrong.")
        session = await self._begin(scope, known, address)
        self._throttle.give_back(address, name)
        if kept and is_outdated(kept):
            better = await self._hash(lambda: hash_password(given.password))
            async with self._database.connection() as connection:
                await connection.execute(SET_HASH, known.id, better)
        return session, known

    async def start_oidc(self, scope: Scope) -> OidcStart:
        """Begin a sign-in at the provider.

        Raises:
            NoProviderError: If there is none.
            TooManyAttemptsError: If there were too many from this address.
        """
        self._throttle.take(await self._find_address(scope))
        return await self._provider().start()

    async def finish_oidc(self, scope: Scope, given: OidcFinish) -> tuple[str, Account]:
        """Begin a session of who came back from the provider.

        Raises:
            NoProviderError: If there is none.
            SignInRefusedError: If what came back lets nobody in.
        """
        address = await self._find_address(scope)
        try:
            account = await self._provider().finish(given)
        except ServiceError as error:
            await self._record_failure("user unknown", address, error.code)
            raise
        session = await self._begin(scope, account, address)
        self._throttle.give_back(address, "")
        return session, account

    async def sign_out(self, scope: Scope) -> None:
        """End the session that came with a request, if one did."""
        person = scope["state"]["person"]
        if person is None or person.kind != "user":
            return
        async with self._database.connection() as connection, acting(connection, person.name):
            user_id = await self._sessions.end(connection, read_session(scope))
            await connection.execute(ADD_TO_AUDIT, "sign_out", f"user {user_id}", None)

    async def _begin(self, scope: Scope, account: Account, address: str) -> str:
        async with self._database.connection() as connection, acting(connection, account.name):
            session = await self._sessions.begin(connection, account, earlier=read_session(scope))
            if session is None:
                raise UnauthenticatedError("The account was changed just now. Try again.")
            what = "sign_in", f"user {account.id}", {"address": address}
            await connection.execute(ADD_TO_AUDIT, *what)
        return session

    async def _record_failure(self, who: str, address: str, reason: str) -> None:
        async with self._database.connection() as connection:
            found = {"address": address, "reason": reason}
            await connection.execute(ADD_TO_AUDIT, "sign_in_failed", who, found)

    def _provider(self) -> "OidcSignIns":
        if self._oidc is None:
            raise NoProviderError("No OpenID provider is set: OIDC_ISSUER is empty.")
        return self._oidc

    async def _hash(self, work: Callable[[], Result]) -> Result:
        async with self._hashings:
            return await asyncio.to_thread(work)

    async def _find_address(self, scope: Scope) -> str:
        """Return whose attempt this is: what the console, on this machine or named, says."""
        trusted = [*read_networks(ALWAYS_TRUSTED)]
        for part in self._trusted:
            trusted += await _find_networks(part.strip())
        return read_client_address(scope, trusted)


async def _find_networks(text: str) -> list[Network]:
    """Return a network, or the addresses that a name has now; none where it has none."""
    try:
        return list(read_networks(text))
    except ValueError:
        pass
    try:
        found = await asyncio.get_running_loop().getaddrinfo(text, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [network for *_, place in found for network in read_networks(str(place[0]))]
