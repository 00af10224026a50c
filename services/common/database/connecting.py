"""Opens connections: to whichever of the URL's servers suits, through a pooler as well."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import asyncpg

from services.common.database.failures import (
    CONNECTION_ERRORS,
    is_being_cancelled,
    translate_database_errors,
)
from services.common.database.jsonb import configure_connection
from services.common.setting_checks import read_hosts, read_url_options

APPLICATION_NAME: Final = "selfheal"
ATTRIBUTES: Final = "target_session_attrs"
# So long what is being cancelled waits for a server that may hang: it has to end soon.
MOST_SECONDS_AT_A_STOP: Final = 2.0
# asyncpg gives no rows of a simple query, which is the one kind that no pooler takes apart: so
# their number is the answer, a bit for each question. A pooler makes up the process id that it
# gives to its clients.
LOOK: Final = """
    SELECT FROM generate_series(1, (pg_backend_pid() <> {process_id})::int
        + 2 * pg_is_in_recovery()::int
        + 4 * (current_setting('transaction_read_only') = 'on')::int)
"""


@dataclass(frozen=True, slots=True)
class ServerTraits:
    """What a connection leads to."""

    is_pooled: bool
    is_standby: bool
    is_read_only: bool

    def suit(self, wanted: str) -> bool:
        """Tell whether it is what libpq's `target_session_attrs` asks for."""
        return {
            "primary": not self.is_standby,
            "standby": self.is_standby,
            "read-write": not self.is_read_only,
            "read-only": self.is_read_only,
        }.get(wanted, True)


def connection_arguments(url: str, *, timeout_seconds: float) -> dict[str, Any]:
    """Split a URL into the arguments of asyncpg, which reads libpq's variables for what it lacks.

    Where several servers are named, one that takes writes is meant, unless the URL says otherwise.

    Raises:
        ValueError: If the URL makes no sense.
    """
    options = {"application_name": APPLICATION_NAME, **read_url_options(url)}
    own_timeout = int(options.pop("connect_timeout", 0))
    hosts = read_hosts(url)
    if len(hosts) > 1:
        options.setdefault(ATTRIBUTES, "read-write")
    arguments: dict[str, Any] = {
        "dsn": f"{url.partition('?')[0]}?{urlencode(options)}",
        "timeout": own_timeout or timeout_seconds,
        "command_timeout": timeout_seconds,
    }
    if hosts and all(host and port for host, port in hosts):
        # Named apart: to parse them out of a URL, asyncpg needs a PGPORT that makes sense.
        arguments["host"] = [host for host, _ in hosts]
        arguments["port"] = [int(port) for _, port in hosts]
    return arguments


class Opener:
    """Opens connections to the servers of a URL, and keeps in mind what it found there.

    Of several servers each gets its share of the time, the one that suited last before the others:
    asyncpg itself would wait for a first one that hangs until no time is left. Behind a pooler no
    statement is kept prepared: the next one may go to another of its connections.

    Args:
        url: Its `connect_timeout` is for each of its servers.
        timeout_seconds: For connecting, and for each statement that has no time of its own.
        statement_seconds: Another time for statements.

    Attributes:
        traits: What the latest connection leads to; None before the first.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float, statement_seconds: float | None = None
    ) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._statement_seconds = statement_seconds or timeout_seconds
        self._suited: tuple[str, int] | None = None
        self.traits: ServerTraits | None = None

    @property
    def leads_through_a_pooler(self) -> bool:
        """Whether the latest connection does."""
        return self.traits is not None and self.traits.is_pooled

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a connection for a while.

        Raises:
            DatabaseUnavailableError: If there is none to be had, or it breaks in use.
        """
        with translate_database_errors():
            connection = await self.open()
            try:
                yield connection
            finally:
                await close_connection(connection, timeout_seconds=self._timeout_seconds)

    async def open(self) -> asyncpg.Connection:
        """Open a connection to a server that suits.

        Raises:
            TargetServerAttributeNotMatched: If servers answer, and none suits.
            Exception: Any of CONNECTION_ERRORS, of the server that was tried last.
        """
        arguments = connection_arguments(self._url, timeout_seconds=self._timeout_seconds)
        arguments["timeout"] = _bound(arguments["timeout"])
        arguments["command_timeout"] = self._statement_seconds
        wanted = read_url_options(arguments["dsn"]).get(ATTRIBUTES, "any")
        if "host" not in arguments:
            return await self._open_one(arguments, wanted)
        places = list(zip(arguments["host"], arguments["port"], strict=True))
        if not read_url_options(self._url).get("connect_timeout"):
            arguments["timeout"] /= len(places)
        places.sort(key=lambda place: place != self._suited)
        failure: Exception | None = None
        for attributes in ("standby", "any") if wanted == "prefer-standby" else (wanted,):
            for host, port in places:
                try:
                    connection = await self._open_one(
                        arguments | {"host": [host], "port": [port]}, attributes
                    )
                except CONNECTION_ERRORS as error:
                    failure = error
                else:
                    self._suited = host, port
                    return connection
        assert failure is not None  # noqa: S101 - there is a place
        raise failure

    async def _open_one(self, arguments: dict[str, Any], wanted: str) -> asyncpg.Connection:
        is_pooled = self.leads_through_a_pooler
        async with asyncio.timeout(arguments["timeout"]):
            connection: asyncpg.Connection = await asyncpg.connect(
                **arguments
                | {ATTRIBUTES: "any"}
                | ({"statement_cache_size": 0} if is_pooled else {})
            )
            try:
                traits = await _look(connection)
                await configure_connection(connection)
            except BaseException:
                connection.terminate()
                raise
        if not traits.suit(wanted):
            connection.terminate()
            raise asyncpg.TargetServerAttributeNotMatched(wanted)
        self.traits = traits
        if traits.is_pooled and not is_pooled:
            connection.terminate()
            return await self._open_one(arguments, wanted)
        return connection


async def _look(connection: asyncpg.Connection) -> ServerTraits:
    status = await connection.execute(LOOK.format(process_id=connection.get_server_pid()))
    bits = int(status.split()[-1])
    return ServerTraits(bool(bits & 1), bool(bits & 2), bool(bits & 4))


async def close_connection(connection: asyncpg.Connection, *, timeout_seconds: float) -> None:
    """Close a connection; whatever keeps the server from hearing of it changes nothing."""
    with suppress(*CONNECTION_ERRORS):
        await connection.close(timeout=_bound(timeout_seconds))


def _bound(seconds: float) -> float:
    return min(seconds, MOST_SECONDS_AT_A_STOP) if is_being_cancelled() else seconds


def connect(url: str, *, timeout_seconds: float) -> AbstractAsyncContextManager[asyncpg.Connection]:
    """Open one connection, for programs that run and exit; its errors are translated.

    Raises:
        DatabaseUnavailableError: If there is none to be had, or it breaks in use.
    """
    return Opener(url, timeout_seconds=timeout_seconds).connection()
