"""What keeps a database from being used, translated once, with what to do about it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg

from services.common.errors import DatabaseUnavailableError
from services.common.logging import get_logger, name_error
from services.common.resilience.breaker import OpenBreakerError

# What a query may raise when the server is gone, restarting, full, slow, or not ours to use.
CONNECTION_ERRORS = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # raised where a server dies during a query
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
)

log = get_logger()

# What to do about an error, by the first kind that fits.
_REMEDIES: dict[type[Exception], str] = {
    asyncpg.InvalidAuthorizationSpecificationError: "Check the user and the password in "
    "DATABASE_URL; a database keeps the password that it was made with. One that was changed is "
    "read anew from the file that passfile= names; in the URL it takes a restart.",
    asyncpg.InsufficientPrivilegeError: "Give the user of DATABASE_URL the rights to its tables.",
    asyncpg.InvalidCatalogNameError: "Check the database's name in DATABASE_URL.",
    asyncpg.UndefinedTableError: "Check DATABASE_URL, or make the tables with: selfheal migrate",
    asyncpg.TooManyConnectionsError: "All connections of DATABASE_URL's server are taken: raise "
    "its max_connections, or put a pooler before it.",
    asyncpg.InsufficientResourcesError: "Give DATABASE_URL's server connections, memory or disk.",
    asyncpg.ReadOnlySQLTransactionError: "Name the server that takes writes in DATABASE_URL; of "
    "several, with commas between them, the one that does is found.",
    asyncpg.TargetServerAttributeNotMatched: "No server in DATABASE_URL is what its "
    "target_session_attrs asks for (of several: one that takes writes). Promote one, or name it.",
    # Of poolers; they give no other code.
    asyncpg.ProtocolViolationError: "A pooler in DATABASE_URL refuses this, and its log says why. "
    "Take options= out of the URL (ALTER ROLE ... SET gives a user a setting); otherwise see "
    "that it reaches its server and has room for clients.",
    asyncpg.IdleSessionTimeoutError: "The server ends sessions that wait: give the user of "
    "DATABASE_URL more time with ALTER ROLE ... SET idle_session_timeout = 0.",
    asyncpg.IdleInTransactionSessionTimeoutError: "The server ended a transaction that waited: "
    "raise idle_in_transaction_session_timeout for the user of DATABASE_URL.",
    ValueError: "Correct DATABASE_URL, or the PG* variables that fill in what it leaves out.",
    Exception: "Check that PostgreSQL runs and that DATABASE_URL points to it.",
}


def choose_remedy(error: BaseException | None) -> str:
    """Say what to do about a database that can't be used."""
    kinds = (kind for kind in _REMEDIES if isinstance(error, kind))
    return _REMEDIES[next(kinds, Exception)]


@contextmanager
def translate_database_errors() -> Iterator[None]:
    """Turn what a vanished server raises into `DatabaseUnavailableError`.

    Work that is being cancelled stays so: where a server hangs, asyncpg's ROLLBACK or farewell
    fails as well, and would take the cancellation's place.
    """
    try:
        yield
    except OpenBreakerError as error:
        raise _describe(error.__cause__) from error
    except CONNECTION_ERRORS as error:
        if is_being_cancelled():
            raise asyncio.CancelledError from error
        raise _describe(error) from error


@contextmanager
def surviving(event: str) -> Iterator[None]:
    """Have what is done over and over outlive a database that is away, or refuses it once.

    That it is away, requests themselves tell; what it refuses is logged as `event`.
    """
    try:
        yield
    except DatabaseUnavailableError:
        pass
    except asyncpg.PostgresError as error:
        log.error(event, **name_error(error))


def is_being_cancelled() -> bool:
    """Tell whether what runs here is to end, as where the process is being stopped."""
    with suppress(RuntimeError):  # nothing runs that could be cancelled
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return False


def _describe(error: BaseException | None) -> DatabaseUnavailableError:
    # With its last words a server ends the connection, and asyncpg tells of that end.
    if isinstance(error, asyncpg.ConnectionDoesNotExistError) and isinstance(
        error.__cause__, asyncpg.PostgresError
    ):
        error = error.__cause__
    return DatabaseUnavailableError(
        f"The database can't be used ({type(error).__name__}). {choose_remedy(error)}"
    )
