import asyncio
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.database import Database, decode_json, encode_json, translate_database_errors
from services.common.errors import DatabaseUnavailableError, InvalidRequestError

# Texts full of what could be taken for an escape.
TRICKY_TEXTS = st.text(st.sampled_from('a\\"u0/\n\x01가😀'))
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TRICKY_TEXTS,
    lambda children: st.lists(children) | st.dictionaries(TRICKY_TEXTS, children),
    max_leaves=8,
)


@given(JSON_VALUES)
def test_what_jsonb_can_hold_comes_back_as_it_was(value: Any) -> None:
    assert decode_json(encode_json(value)) == value


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        pytest.param("a\x00b", "a�b", id="a NUL"),
        pytest.param("a\\\x00b", "a\\�b", id="a NUL after a backslash"),
        pytest.param("a\\\\\x00b", "a\\\\�b", id="a NUL after two backslashes"),
        pytest.param(r"print('\u0000')", r"print('\u0000')", id="code that spells a NUL"),
        pytest.param(r"print('\\u0000')", r"print('\\u0000')", id="code that escapes it"),
        pytest.param({"a\x00": ["\x00"]}, {"a�": ["�"]}, id="NULs all over"),
        pytest.param("a\ud800b", "a�b", id="a lone surrogate"),
        pytest.param({"\udfff": 1}, {"�": 1}, id="a surrogate as key"),
        pytest.param("가😀", "가😀", id="what needs no escape"),
    ],
)
def test_what_jsonb_can_not_hold_is_replaced(value: Any, stored: Any) -> None:
    encoded = encode_json(value)

    assert decode_json(encoded) == stored
    encoded.encode()


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_that_is_too_long_for_python_spoils_no_row(sign: str) -> None:
    long = sign + "9" * 5000
    assert decode_json(f'{{"a": {long}, "b": [-1, 2.5]}}') == {"a": long, "b": [-1, 2.5]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_numbers_that_json_does_not_have_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode_json(value)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        ConnectionResetError(),
        TimeoutError(),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.AdminShutdownError("shutting down"),
        asyncpg.CrashShutdownError("crashed"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.InterfaceError("closed"),
        asyncpg.InternalClientError("cannot switch to state 12; another operation is in progress"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.QueryCanceledError("too slow"),
        asyncpg.InvalidPasswordError("wrong"),
        asyncpg.InvalidAuthorizationSpecificationError("unknown"),
        asyncpg.InvalidCatalogNameError("no database"),
        asyncpg.UndefinedTableError("no schema"),
        asyncpg.DiskFullError("no space left"),
        asyncpg.OutOfMemoryError("no memory left"),
        asyncpg.ReadOnlySQLTransactionError("a standby"),
        asyncpg.DatabaseDroppedError("dropped"),
        asyncpg.InsufficientPrivilegeError("not yours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_can_not_serve_is_unavailable(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailableError) as failure, translate_database_errors():
        raise error

    assert failure.value.status_code == 503
    assert failure.value.__cause__ is error
    assert type(error).__name__ in failure.value.message
    assert "DATABASE_URL" in failure.value.message


@pytest.mark.parametrize(
    "error",
    [asyncpg.UndefinedColumnError("typo"), asyncpg.NotNullViolationError("none"), KeyError("x")],
    ids=lambda error: type(error).__name__,
)
def test_a_mistake_of_ours_is_not_blamed_on_the_server(error: Exception) -> None:
    with pytest.raises(type(error)), translate_database_errors():
        raise error


def test_an_error_of_a_service_passes_untouched() -> None:
    with pytest.raises(InvalidRequestError), translate_database_errors():
        raise InvalidRequestError("no")


async def test_work_that_is_cancelled_ends_though_its_server_hangs_at_the_end_too() -> None:
    begun = asyncio.Event()

    async def ask_for_ever() -> None:
        while True:
            try:
                with translate_database_errors():
                    try:
                        begun.set()
                        await asyncio.Event().wait()
                    finally:  # what asyncpg's ROLLBACK and its farewell do
                        raise TimeoutError
            except DatabaseUnavailableError:
                continue

    asking = asyncio.create_task(ask_for_ever())
    await begun.wait()
    asking.cancel()
    await asyncio.wait([asking], timeout=1)
    assert asking.cancelled()


async def test_a_time_that_is_up_is_no_cancellation() -> None:
    with pytest.raises(DatabaseUnavailableError), translate_database_errors():
        async with asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_a_pool_that_was_not_opened_is_unavailable() -> None:
    database = Database("postgresql://agent:agent@localhost/agent_system", timeout_seconds=1)

    with pytest.raises(DatabaseUnavailableError):
        async with database.connection():
            pass
    assert await database.find_obstacle()
    await database.close()


@for_each(
    [
        (asyncpg.InvalidPasswordError(""), "password"),
        (asyncpg.InvalidAuthorizationSpecificationError(""), "user"),
        (asyncpg.InsufficientPrivilegeError(""), "rights"),
        (asyncpg.InvalidCatalogNameError(""), "name"),
        (asyncpg.UndefinedTableError(""), "selfheal migrate"),
        (asyncpg.TooManyConnectionsError(""), "connections"),
        (asyncpg.DiskFullError(""), "disk"),
        (asyncpg.OutOfMemoryError(""), "memory"),
        (asyncpg.ReadOnlySQLTransactionError(""), "takes writes"),
        (asyncpg.exceptions.ClientConfigurationError(""), "PG* variables"),
        (ConnectionRefusedError(""), "PostgreSQL runs"),
        (TimeoutError(""), "PostgreSQL runs"),
        (asyncpg.CannotConnectNowError(""), "PostgreSQL runs"),
        (asyncpg.AdminShutdownError(""), "PostgreSQL runs"),
    ]
)
def test_a_trouble_is_told_with_what_to_do_about_it(row: tuple[Exception, str]) -> None:
    error, remedy = row
    with pytest.raises(DatabaseUnavailableError) as raised, translate_database_errors():
        raise error
    assert remedy in raised.value.message
    assert ("PostgreSQL runs" in raised.value.message) is (remedy == "PostgreSQL runs")
