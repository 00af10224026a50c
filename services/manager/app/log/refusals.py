"""Tells what PostgreSQL refuses in a row from a PostgreSQL that is away."""

import asyncpg

_OF_THE_SERVER = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)


def is_refusal(error: Exception) -> bool:
    """Tell whether it is the row that can't be inserted, today or ever."""
    cause = error.__cause__ or error
    # What asyncpg itself can't encode: an error of its interface, and of a value.
    by_client = isinstance(cause, asyncpg.InterfaceError) and isinstance(cause, ValueError)
    is_configured = not isinstance(cause, asyncpg.ClientConfigurationError)
    return isinstance(cause, _OF_THE_SERVER) or (by_client and is_configured)
