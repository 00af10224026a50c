"""Servers that take over from one another, refuse, hang, or ask for certificates."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from support.standby import Standby, standing_by

from benchmarks.temporary_postgres import temporary_postgres
from selfheal.runtime.postgres.postmaster import find_postmaster
from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.database import Database, Opener
from services.common.errors import DatabaseUnavailableError

SCHEMA = Path(__file__).parents[5] / "db" / "schema.sql"
INSERT = "INSERT INTO selfheal.notices (topic, digest) VALUES ($1, '')"


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped or killed."""
    with temporary_postgres(SCHEMA, settings={"fsync": "off"}) as server:
        yield server


@pytest.fixture
def standby(primary: EmbeddedPostgres) -> Iterator[Standby]:
    """A standby of it."""
    with standing_by(primary) as standby:
        yield standby


def naming_both(primary: EmbeddedPostgres, standby: Standby, options: str = "") -> str:
    """A URL of both servers, the standby first."""
    parts = urlsplit(primary.database_url)
    places = f"127.0.0.1:{standby.server.port},127.0.0.1:{primary.port}"
    return f"postgresql://{parts.username}:{parts.password}@{places}{parts.path}?sslmode=disable{options}"


@asynccontextmanager
async def opened(url: str, *, timeout_seconds: float = 5) -> AsyncIterator[Database]:
    """A pool of the services'."""
    database = Database(url, timeout_seconds=timeout_seconds)
    await database.open()
    yield database
    await database.close()


async def write(database: Database, topic: str) -> None:
    async with database.connection() as connection:
        await connection.execute(INSERT, topic)


async def find_port(url: str) -> int:
    connection = await Opener(url, timeout_seconds=5).open()
    try:
        port: int = await connection.fetchval("SELECT inet_server_port()")
    finally:
        await connection.close()
    return port


async def test_of_several_servers_the_one_that_suits_is_found(
    primary: EmbeddedPostgres, standby: Standby
) -> None:
    ports = {"primary": primary.port, "standby": standby.server.port}
    for options, name in (
        ("", "primary"),
        ("&target_session_attrs=read-write", "primary"),
        ("&target_session_attrs=primary", "primary"),
        ("&target_session_attrs=read-only", "standby"),
        ("&target_session_attrs=standby", "standby"),
        ("&target_session_attrs=prefer-standby", "standby"),
        ("&target_session_attrs=any", "standby"),
    ):
        found = await find_port(naming_both(primary, standby, options))
        assert (options, found) == (options, ports[name])
    standby.stop_server()
    url = naming_both(primary, standby, "&target_session_attrs=prefer-standby")
    assert await find_port(url) == primary.port


async def test_a_service_goes_over_to_the_server_that_is_promoted(
    primary: EmbeddedPostgres, standby: Standby
) -> None:
    async with opened(naming_both(primary, standby)) as database:
        await write(database, "before")
        assert not await database.find_obstacle()

        await asyncio.to_thread(primary.stop)
        with pytest.raises(DatabaseUnavailableError, match="Promote one"):
            await write(database, "between")
        await asyncio.to_thread(standby.promote)
        await write_at_last(database)

        assert not await database.find_obstacle()
        async with database.connection() as connection:
            topics = await connection.fetch("SELECT topic FROM selfheal.notices ORDER BY topic")
        assert [topic for (topic,) in topics] == ["after", "before"]


async def write_at_last(database: Database) -> None:
    async with asyncio.timeout(10):
        while True:
            with suppress(DatabaseUnavailableError):
                return await write(database, "after")
            await asyncio.sleep(0.05)


async def test_a_first_server_that_hangs_keeps_nobody_from_the_second(
    primary: EmbeddedPostgres, standby: Standby
) -> None:
    running = find_postmaster(standby.server.storage.data)
    assert running is not None
    running.process.send_signal(signal.SIGSTOP)
    try:
        async with opened(naming_both(primary, standby), timeout_seconds=3) as database:
            await write(database, "here")
    finally:
        running.process.send_signal(signal.SIGCONT)


async def test_a_standby_alone_is_told_and_serves_once_it_is_promoted(
    primary: EmbeddedPostgres, standby: Standby
) -> None:
    url = standby.server.database_url
    async with opened(url) as database:
        assert "it is a standby" in await database.find_obstacle()
        with pytest.raises(DatabaseUnavailableError, match="takes writes"):
            await write(database, "refused")
        readers = Database(url, timeout_seconds=5, may_stand_by=True)
        await readers.open()
        assert not await readers.find_obstacle()
        await readers.close()

        await asyncio.to_thread(primary.stop)
        await asyncio.to_thread(standby.promote)
        await write_at_last(database)
        assert not await database.find_obstacle()


async def test_a_server_that_hangs_makes_nobody_wait_once_that_is_known(
    primary: EmbeddedPostgres,
) -> None:
    async with opened(primary.database_url, timeout_seconds=0.5) as database:
        await write(database, "before")
        running = find_postmaster(primary.storage.data)
        assert running is not None
        processes = [running.process, *running.process.children()]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(4):
                with pytest.raises(DatabaseUnavailableError, match="TimeoutError"):
                    await write(database, "during")
            assert database.breaker.is_open
            started = asyncio.get_running_loop().time()
            for _ in range(100):
                with pytest.raises(DatabaseUnavailableError, match="TimeoutError"):
                    await write(database, "during")
            # A hundred waits would take 50 s; none is what there is.
            assert asyncio.get_running_loop().time() - started < 25
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)
        await write_at_last(database)
        assert not database.breaker.is_open


async def test_while_the_server_takes_no_new_ones_the_connections_that_are_there_serve(
    primary: EmbeddedPostgres,
) -> None:
    async with opened(primary.database_url) as database:
        await write(database, "before")
        running = find_postmaster(primary.storage.data)
        assert running is not None
        running.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.gather(*(write(database, f"during {number}") for number in range(50)))
        finally:
            running.process.send_signal(signal.SIGCONT)


async def end_sessions(database: Database) -> None:
    """End all sessions of a pool, as a server that restarts does."""
    with pytest.raises(DatabaseUnavailableError, match="AdminShutdownError"):
        async with database.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")


async def test_too_many_connections_are_told_and_got_over(primary: EmbeddedPostgres) -> None:
    others = []
    with suppress(asyncpg.TooManyConnectionsError):
        while True:
            others.append(await primary.address.connect())
    async with opened(primary.service_urls["optimizer"]) as database:
        for _ in range(5):
            with pytest.raises(DatabaseUnavailableError, match="max_connections"):
                await write(database, "refused")
        for other in others:
            await other.close()
        await write_at_last(database)


async def test_a_password_that_is_changed_in_its_file_is_read_anew(
    primary: EmbeddedPostgres, tmp_path: Path
) -> None:
    parts = urlsplit(primary.database_url)
    file = tmp_path / "passfile"

    def keep(password: str) -> None:
        file.write_text(f"*:*:*:*:{password}\n")
        file.chmod(0o600)

    keep(parts.password or "")
    url = f"postgresql://agent@127.0.0.1:{primary.port}{parts.path}?passfile={file}"
    async with opened(url) as database:
        async with database.connection() as connection:
            await connection.execute("ALTER ROLE agent PASSWORD 'another'")
        await write(database, "on a connection that is there")
        await end_sessions(database)
        with pytest.raises(DatabaseUnavailableError, match="passfile"):
            await write(database, "refused")
        keep("another")
        await write_at_last(database)


async def test_a_session_that_is_ended_for_waiting_is_replaced(primary: EmbeddedPostgres) -> None:
    async with opened(primary.database_url) as database:
        async with database.connection() as connection:
            await connection.execute("ALTER ROLE agent SET idle_session_timeout = '500ms'")
        await end_sessions(database)
        for number in range(3):
            await write(database, str(number))
            await wait_until_idle_sessions_end(primary)


async def wait_until_idle_sessions_end(primary: EmbeddedPostgres) -> None:
    watcher = await primary.address.connect()
    await watcher.execute("SET idle_session_timeout = 0")
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'selfheal'"
    async with asyncio.timeout(10):
        while await watcher.fetchval(ours):  # noqa: ASYNC110 - another backend's state has no event
            await asyncio.sleep(0.01)
    await watcher.close()
