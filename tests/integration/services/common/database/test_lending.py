import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
import uvloop
from structlog.testing import capture_logs

from benchmarks.own_ports import take_port
from services.common.database import Database, connect
from services.common.database.lending import MAX_CONNECTIONS, MOST_WAITING
from services.common.errors import DatabaseUnavailableError
from services.common.resilience.ranks import Rank

Connection = asyncpg.Connection


def pointing(url: str, **parts: Any) -> str:
    """`url` with another part, such as `port=1`."""
    split = urlsplit(url)
    user, password = parts.get("user", split.username), parts.get("password", split.password)
    port, name = parts.get("port", split.port), parts.get("name", split.path.lstrip("/"))
    return f"postgresql://{user}:{password}@{split.hostname}:{port}/{name}"


async def test_a_query_answers(database: Database) -> None:
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM prompts") == 1
    assert not await database.find_obstacle()


WRONG_URLS = [
    pytest.param(
        lambda url: pointing(url, port=take_port()), "PostgreSQL runs", id="no server there"
    ),
    pytest.param(lambda url: pointing(url, password="wrong"), "password", id="wrong password"),
    pytest.param(lambda url: pointing(url, user="nobody"), "the user", id="unknown user"),
    pytest.param(lambda url: pointing(url, name="nowhere"), "s name", id="unknown database"),
    pytest.param(
        lambda url: pointing(url, name="postgres"), "migrate", id="a database without our tables"
    ),
    pytest.param(
        lambda url: "mysql://localhost/agent_system", "Correct", id="another kind of server"
    ),
    pytest.param(lambda url: "nonsense", "Correct", id="no URL at all"),
    pytest.param(
        lambda url: f"{url}&sslcert=/nowhere&sslmode=require", "Check", id="no certificate"
    ),
]


@pytest.mark.parametrize(("change", "remedy"), WRONG_URLS)
async def test_a_url_that_leads_nowhere_is_a_database_that_is_unavailable(
    database_url: str, change: Any, remedy: str
) -> None:
    database = Database(change(database_url), timeout_seconds=5)
    try:
        await database.open()
        with pytest.raises(DatabaseUnavailableError) as failure:
            async with database.connection() as connection:
                await connection.fetchval("SELECT count(*) FROM prompts")
        with capture_logs() as logs:
            assert all([await database.find_obstacle() for _ in range(2)])
    finally:
        await database.close()
    password = urlsplit(database_url).password
    assert password
    assert password not in failure.value.message
    assert re.search(remedy, failure.value.message)
    assert [entry["event"] for entry in logs] == ["database_not_ready"]  # told once


@pytest.mark.parametrize(("change", "remedy"), WRONG_URLS)
async def test_a_program_that_runs_and_exits_is_told_the_same(
    database_url: str, change: Any, remedy: str
) -> None:
    with pytest.raises(DatabaseUnavailableError, match=remedy):
        async with connect(change(database_url), timeout_seconds=5) as connection:
            await connection.fetchval("SELECT count(*) FROM prompts")


async def test_opening_a_pool_asks_nothing_of_the_server(
    database: Database, connection: Connection
) -> None:
    sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'selfheal'"

    assert await connection.fetchval(f"{sessions} AND datname = current_database()") == 0


def end_session(url: str, process_id: int) -> None:
    """End a server process and wait until it is gone, on an event loop of its own."""

    async def end() -> None:
        async with connect(url, timeout_seconds=5) as connection:
            await connection.execute("SELECT pg_terminate_backend($1, 5000)", process_id)

    thread = threading.Thread(target=asyncio.run, args=[end()])
    thread.start()
    thread.join()


@pytest.mark.parametrize("create_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_pool_heals_by_itself_when_its_connections_are_cut(
    database_url: str, create_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def use_cut_and_use_again() -> tuple[int, int]:
        database = Database(database_url, timeout_seconds=5)
        await database.open()
        async with database.connection() as connection:
            before = await connection.fetchval("SELECT pg_backend_pid()")
        # This loop is held up meanwhile, so that it has read nothing of the end.
        end_session(database_url, before)
        async with database.connection() as connection:
            after = await connection.fetchval("SELECT pg_backend_pid()")
        await database.close()
        return before, after

    with asyncio.Runner(loop_factory=create_loop) as runner:
        before, after = runner.run(use_cut_and_use_again())
    assert before != after


async def test_a_connection_that_is_cut_in_use_is_unavailable_and_then_replaced(
    database: Database, connection: Connection
) -> None:
    async def be_cut_off() -> None:
        async with database.connection() as ours:
            process_id = await ours.fetchval("SELECT pg_backend_pid()")
            await connection.execute("SELECT pg_terminate_backend($1, 5000)", process_id)
            await ours.fetchval("SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        await be_cut_off()

    assert not await database.find_obstacle()


async def test_a_query_that_takes_too_long_is_unavailable(database_url: str) -> None:
    database = Database(database_url, timeout_seconds=0.2)
    await database.open()

    with pytest.raises(DatabaseUnavailableError):
        async with database.connection() as connection:
            await connection.execute("SELECT pg_sleep(60)")
    await database.close()


async def test_a_mistake_in_a_query_is_not_blamed_on_the_server(database: Database) -> None:
    with pytest.raises(asyncpg.UndefinedColumnError):
        async with database.connection() as connection:
            await connection.fetchval("SELECT no_such_column FROM prompts")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({"score": 0.874, "rules": [{"name": "parses", "passed": True, "reason": None}]},) * 2,
        ({"code": "print('\\u0000')", "quote": '\\"'},) * 2,
        ({"text": "a\x00b\\\x00"}, {"text": "a�b\\�"}),
        ({"text": "가😀\x1f\u2028"},) * 2,
        ({"text": "\ud800"}, {"text": "\N{REPLACEMENT CHARACTER}"}),
        ([], []),
        ("text", "text"),
        ({"big": 10**40, "small": 1e-300},) * 2,
    ],
    ids=["nested", "spelled NUL", "NUL", "letters", "surrogate", "array", "text", "numbers"],
)
async def test_jsonb_takes_and_gives_plain_values(
    database: Database, value: Any, stored: Any
) -> None:
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT $1::jsonb", value) == stored
        assert await connection.fetchval("SELECT jsonb_typeof($1::jsonb)", value) is not None


async def test_a_null_is_a_null_and_not_json(database: Database) -> None:
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT $1::jsonb IS NULL", None)


# What a shell may hold for other servers; none is ours.
FOREIGN = {
    "PGHOST": "192.0.2.1",
    "PGHOSTADDR": "192.0.2.1",
    "PGPORT": "1,2",
    "PGUSER": "stranger",
    "PGPASSWORD": "wrong",
    "PGPASSFILE": "/nowhere",
    "PGDATABASE": "elsewhere",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "/nowhere",
    "PGSSLCERT": "/nowhere",
    "PGSSLKEY": "/nowhere",
    "PGSSLNEGOTIATION": "direct",
    "PGTARGETSESSIONATTRS": "standby",
    "PGGSSLIB": "none",
    "PGOPTIONS": "-c search_path=nowhere",
    "PGSERVICE": "elsewhere",
    "PGCLIENTENCODING": "LATIN1",
    "PGTZ": "Asia/Seoul",
    "PGDATA": "/nowhere",
    "PGAPPNAME": "stranger",
}


@pytest.mark.parametrize("name", ["all", *FOREIGN])
async def test_the_embedded_server_is_reached_whatever_libpq_s_variables_say(
    database_url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for variable in FOREIGN if name == "all" else [name]:
        monkeypatch.setenv(variable, FOREIGN[variable])
    async with connect(database_url, timeout_seconds=5) as connection:
        assert await connection.fetchval("SELECT count(*) FROM prompts") == 1


@pytest.mark.parametrize(
    ("options", "query", "answer"),
    [
        ("application_name=mine", "SHOW application_name", "mine"),
        ("connect_timeout=5", "SHOW application_name", "selfheal"),
        ("options=-c%20work_mem%3D2MB", "SHOW work_mem", "2MB"),
        ("target_session_attrs=read-write", "SHOW transaction_read_only", "off"),
        ("sslmode=prefer", "SELECT 'in'", "in"),
    ],
)
async def test_an_option_of_the_url_is_followed(
    database_url: str, options: str, query: str, answer: str
) -> None:
    url = f"{database_url.partition('?')[0]}?{options}"
    async with connect(url, timeout_seconds=5) as connection:
        assert await connection.fetchval(query) == answer
    database = Database(url, timeout_seconds=5)
    await database.open()
    async with database.connection() as pooled:
        assert await pooled.fetchval(query) == answer
    await database.close()


async def test_the_first_of_several_hosts_that_answers_is_taken(database_url: str) -> None:
    place = f"127.0.0.1:{urlsplit(database_url).port}"
    url = database_url.replace(place, f"127.0.0.1:{take_port()},{place}")
    async with connect(url, timeout_seconds=5) as connection:
        assert await connection.fetchval("SELECT count(*) FROM prompts") == 1


async def test_what_a_url_leaves_out_libpq_s_variables_fill_in(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = urlsplit(database_url)
    monkeypatch.setenv("PGPASSWORD", split.password or "")
    monkeypatch.setenv("PGPORT", str(split.port))
    url = f"postgresql://{split.username}@{split.hostname}{split.path}"
    async with connect(url, timeout_seconds=5) as connection:
        assert await connection.fetchval("SELECT count(*) FROM prompts") == 1


async def test_more_is_taken_on_until_a_hundred_wait_for_a_connection(database: Database) -> None:
    finish = asyncio.Event()

    async def hold() -> None:
        async with database.connection():
            await finish.wait()

    async with asyncio.timeout(20), asyncio.TaskGroup() as holders:
        for _ in range(MAX_CONNECTIONS + MOST_WAITING - 1):
            holders.create_task(hold())
        assert database.admits(Rank.LIVE)
        holders.create_task(hold())
        while database.admits(Rank.LIVE):  # noqa: ASYNC110 - it is in the pool
            await asyncio.sleep(0)
        finish.set()
    assert database.admits(Rank.LIVE)
