"""The embedded PostgreSQL: made, started, adopted, stopped and removed without any daemon."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from selfheal.runtime import postgres_database
from selfheal.runtime.accounts import Account, choose_account
from selfheal.runtime.errors import InterruptedStartError, PostgresError
from selfheal.runtime.logs import open_log, read_tail
from selfheal.runtime.ports import LOOPBACK, require_free_port
from selfheal.runtime.postgres_binaries import PostgresBinaries, find_binaries
from selfheal.runtime.postgres_database import DATABASE, SUPERUSER, ServerAddress
from selfheal.runtime.postgres_storage import ELSEWHERE, PostgresStorage
from selfheal.runtime.postmaster import (
    drain_orphans,
    find_postmaster,
    forget_reused_pid,
    read_lock_file,
)
from selfheal.runtime.private_files import read_or_create_secret, read_secret
from selfheal.runtime.states import State, judge_state
from selfheal.runtime.waiting import never, wait_until

INITDB_TIMEOUT_SECONDS: Final = 120.0
READY_TIMEOUT_SECONDS: Final = 60.0  # recovery after a crash replays the log first
SINGLE_USER_TIMEOUT_SECONDS: Final = 60.0
_REAP_SECONDS: Final = 2.0

# Written into postgresql.conf when the cluster is made, so that an operator may change them there.
LAPTOP_SETTINGS: Final[Mapping[str, str]] = {
    "shared_buffers": "64MB",
    "max_connections": "50",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Given at every start, so that no file can weaken them.
_FIXED_SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "logging_collector": "off",
    "log_destination": "stderr",
}
_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": os.defpath, "LC_ALL": "C"}


class EmbeddedPostgres:
    """A PostgreSQL server of our own on 127.0.0.1, reached with a generated password.

    Every method blocks and may be called again at any time; none may be called from a running
    event loop (use `asyncio.to_thread`). As a context manager it starts, and stops at the end.

    Args:
        directory: The runtime's directory (`.selfheal`), made if it isn't there. Holds the data
            (`postgres/`), the password (`postgres-password`, mode 0600) and the log
            (`logs/postgres.log`).
        port: TCP port on 127.0.0.1.
        schema: SQL file that makes the tables, applied exactly once, in one transaction.
        settings: Further server settings, given on the command line at each start.
        elsewhere: Where the files go when PostgreSQL's account can't reach `directory`.
    """

    port_setting: Final = "POSTGRES_PORT"

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        schema: Path,
        settings: Mapping[str, str] | None = None,
        elsewhere: Path = ELSEWHERE,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.schema = schema.absolute()
        self.storage = PostgresStorage(self.directory, elsewhere)
        self._settings = dict(settings or {})
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def password_file(self) -> Path:
        """The file of the generated password."""
        return self.directory / "postgres-password"

    @property
    def log_file(self) -> Path:
        """The server's log."""
        return self.directory / "logs" / "postgres.log"

    @property
    def exists(self) -> bool:
        """Whether a cluster was made here."""
        return (self.storage.data / "PG_VERSION").exists()

    @property
    def address(self) -> ServerAddress:
        """How to reach the server, the password included.

        Raises:
            PostgresError: If no password was generated here yet: it was never started.
        """
        password = read_secret(self.password_file)
        if password is None:
            raise PostgresError(
                f"There is no embedded database in {self.directory} yet.",
                remedy="Start it with `selfheal up`.",
            )
        return ServerAddress(LOOPBACK, self.port, password)

    @property
    def database_url(self) -> str:
        """Connection URL of the database, with the password in it: never print it."""
        return self.address.url()

    @property
    def process_id(self) -> int | None:
        """The pid of the running server."""
        running = find_postmaster(self.storage.data)
        return running.process.pid if running else None

    @property
    def exit_code(self) -> int | None:
        """How the server that this object started ended; None while it runs or isn't our child."""
        return self._child.poll() if self._child else None

    def state(self) -> State:
        """Tell what the server is doing."""
        running = find_postmaster(self.storage.data)
        return judge_state(
            recorded=running is not None or read_lock_file(self.storage.data) is not None,
            alive=running is not None,
            ready=running is not None and self._answers_to_us(),
            age_seconds=time.time() - running.process.create_time() if running else 0.0,
        )

    def start(
        self,
        *,
        interrupted: Callable[[], bool] = never,
        progress: Callable[[str], None] = lambda _: None,
    ) -> bool:
        """Make the cluster if there is none, start or adopt the server, apply the schema once.

        Args:
            interrupted: Asked again and again; true stops what was started.
            progress: Told what is being done, where it may take a second or more.

        Returns:
            Whether a server was started; False if it ran already.

        Raises:
            EmbeddedRuntimeError: A subclass for each thing that can be in the way.
        """
        account = choose_account(self.storage.data)
        binaries = self.storage.prepare(account, find_binaries())
        if self.exists and read_secret(self.password_file) is None:
            progress("generating a new database password, since the old one is lost")
            self._restore_password(account, binaries)
        read_or_create_secret(self.password_file)
        running = find_postmaster(self.storage.data)
        if running is not None and running.port not in (None, self.port):
            running.stop()
            running = None
        if running is None:
            require_free_port(self.port, setting=self.port_setting)
            if not self.exists:
                progress("making the database cluster")
                self._make_cluster(account, binaries, interrupted)
            self._check_version(binaries)
            self._clear_remains()
            self._spawn(account, binaries)
        try:
            self._wait_until_ready(interrupted)
        except InterruptedStartError:
            if running is None:
                self.stop()
            raise
        if self._prepare_database():
            progress("applied the database schema")
        return running is None

    def stop(self) -> bool:
        """Stop the server, if it runs, and wait until nothing of it is left.

        Returns:
            Whether it ran.

        Raises:
            PostgresError: If it doesn't stop, or belongs to another account.
        """
        running = find_postmaster(self.storage.data)
        if running is not None:
            running.stop()
        self._reap_child()
        if self.exists:
            drain_orphans(self.storage.data)
        return running is not None

    def destroy(self) -> None:
        """Stop the server and remove the cluster with all its data, and the password."""
        self.stop()
        if self.exists and read_lock_file(self.storage.data) is not None:
            account = choose_account(self.storage.data)
            self._clear_remains()
            # A killed server left shared memory behind; its recovery gives that back.
            self._run_single_user(account, self.storage.prepare(account, find_binaries()))
        self.storage.remove()
        self.password_file.unlink(missing_ok=True)

    def psql(self) -> tuple[list[str], dict[str, str]]:
        """Return the command of the bundled psql, and the variables that let it in.

        The password is among the variables, never on the command line.
        """
        address = self.address
        command = [str(find_binaries().program("psql"))]
        return command, {
            "PGHOST": address.host,
            "PGPORT": str(address.port),
            "PGUSER": SUPERUSER,
            "PGDATABASE": DATABASE,
            "PGPASSWORD": address.password,
        }

    def _reap_child(self) -> None:
        """Let the system forget the child; one too young to have a lock file is ended here."""
        if self._child is None:
            return
        try:
            self._child.wait(_REAP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None

    def _make_cluster(
        self, account: Account, binaries: PostgresBinaries, interrupted: Callable[[], bool]
    ) -> None:
        """Initialise beside the final place, then rename: a killed attempt leaves no half."""
        unfinished = self.storage.new_directory(account)
        command = [
            *(str(binaries.program("initdb")), "--pgdata", str(unfinished)),
            *("--username", SUPERUSER, "--pwfile", "/dev/stdin"),
            *("--auth-host", "scram-sha-256", "--auth-local", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C"),
            *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *(f"--set={name}={value}" for name, value in LAPTOP_SETTINGS.items()),
            "--no-instructions",
        ]
        child = self._launch(command, account, stdin=_pipe_with(self.address.password, account))
        try:
            done = wait_until(
                lambda: child.poll() is not None,
                timeout_seconds=INITDB_TIMEOUT_SECONDS,
                interrupted=interrupted,
            )
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
            exit_code = child.wait()
        if not done or exit_code != 0:
            raise PostgresError(
                "PostgreSQL couldn't make its data directory.",
                remedy=f"The reason is in {self.log_file}.",
                log_tail=read_tail(self.log_file),
            )
        unfinished.rename(self.storage.entrance.resolve() / self.storage.data.name)

    def _check_version(self, binaries: PostgresBinaries) -> None:
        made_with = (self.storage.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if made_with != binaries.major_version:
            raise PostgresError(
                f"The data in {self.storage.data} were made by PostgreSQL {made_with}; "
                f"the one installed is {binaries.major_version}.",
                remedy="Install the older wheel again to read them, or run `selfheal reset` to "
                "begin with an empty database.",
            )

    def _spawn(self, account: Account, binaries: PostgresBinaries) -> None:
        settings = {**self._settings, **_FIXED_SETTINGS, "port": str(self.port)}
        command = [str(binaries.program("postgres")), "-D", str(self.storage.data.resolve())]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._child = self._launch(command, account, stdin=subprocess.DEVNULL)

    def _launch(
        self, command: list[str], account: Account, *, stdin: int
    ) -> "subprocess.Popen[bytes]":
        """Start a program of PostgreSQL in a session of its own, logging to our file."""
        log = open_log(self.log_file)
        try:
            return subprocess.Popen(  # noqa: S603 - no shell, our own commands
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd="/",
                env=dict(_ENVIRONMENT),
                start_new_session=True,
                **account.popen_identity,
            )
        except OSError as error:
            raise PostgresError(
                f"Can't run {command[0]}: {error}.", remedy="See what `selfheal doctor` says."
            ) from error
        finally:
            os.close(log)
            if stdin >= 0:
                os.close(stdin)

    def _wait_until_ready(self, interrupted: Callable[[], bool]) -> None:
        def ended_or_ready() -> bool:
            return self.exit_code is not None or self._answers()

        if not wait_until(
            ended_or_ready, timeout_seconds=READY_TIMEOUT_SECONDS, interrupted=interrupted
        ):
            what = f"PostgreSQL gave no answer within {READY_TIMEOUT_SECONDS:g} s."
        elif self.exit_code is not None:
            what = "PostgreSQL ended while it was starting."
        else:
            return
        raise PostgresError(
            what,
            remedy=f"The reason is in {self.log_file}.",
            log_tail=read_tail(self.log_file),
        )

    def _answers_to_us(self) -> bool:
        try:
            return self._answers()
        except PostgresError:  # the password is lost or wrong: it serves, but not us
            return False

    def _prepare_database(self) -> bool:
        try:
            schema = self.schema.read_text(encoding="utf-8")
        except OSError as error:
            raise PostgresError(f"Can't read the database schema: {error}.") from error
        return asyncio.run(postgres_database.prepare_database(self.address, schema))

    def _answers(self) -> bool:
        return asyncio.run(postgres_database.answers(self.address))

    def _restore_password(self, account: Account, binaries: PostgresBinaries) -> None:
        """Give the superuser a new password when the file of the old one was lost."""
        running = find_postmaster(self.storage.data)
        if running is not None:
            running.stop()
        self._clear_remains()
        password = read_or_create_secret(self.password_file)
        statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'"  # URL-safe: needs no quoting
        self._run_single_user(account, binaries, statement)

    def _clear_remains(self) -> None:
        """Make way for a start after the server was killed."""
        drain_orphans(self.storage.data)
        forget_reused_pid(self.storage.data)

    def _run_single_user(
        self, account: Account, binaries: PostgresBinaries, statement: str = ""
    ) -> None:
        """Recover, run one statement without opening a port, and shut down cleanly."""
        data = str(self.storage.data.resolve())
        command = [str(binaries.program("postgres")), "--single", "-D", data, "postgres"]
        child = self._launch(command, account, stdin=_pipe_with(statement, account))
        wait_until(lambda: child.poll() is not None, timeout_seconds=SINGLE_USER_TIMEOUT_SECONDS)
        if child.poll() is None:
            child.kill()
            child.wait()


def _pipe_with(secret: str, account: Account) -> int:
    """Return the reading end of a pipe that holds a secret, readable for the account.

    initdb opens `/dev/stdin` by name, so the pipe itself must belong to whom it runs as.
    """
    reading_end, writing_end = os.pipe()
    account.own(reading_end)
    os.write(writing_end, secret.encode() + b"\n")
    os.close(writing_end)
    return reading_end
