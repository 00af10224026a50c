"""The embedded PostgreSQL: made, started, adopted, stopped and removed without any daemon."""

import asyncio
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from selfheal.runtime.errors import InterruptedStartError, PostgresError
from selfheal.runtime.logs import read_tail
from selfheal.runtime.ports import LOOPBACK, require_free_port
from selfheal.runtime.postgres import database as postgres_database
from selfheal.runtime.postgres.accounts import choose_account
from selfheal.runtime.postgres.binaries import PostgresBinaries, find_binaries
from selfheal.runtime.postgres.database import DATABASE, SUPERUSER, ServerAddress
from selfheal.runtime.postgres.postmaster import (
    clear_remains,
    drain_orphans,
    find_postmaster,
    read_lock_file,
)
from selfheal.runtime.postgres.programs import PostgresPrograms
from selfheal.runtime.postgres.storage import ELSEWHERE, PostgresStorage
from selfheal.runtime.schema.migrations import SchemaState, read_schema_state
from selfheal.runtime.schema.roles import SERVICES, name_role
from selfheal.runtime.secret_files import read_or_create_secret, read_secret
from selfheal.runtime.states import ProcessStatus, State, judge_state
from selfheal.runtime.waiting import Interrupted, Progress, never, silent, wait_until

READY_TIMEOUT_SECONDS: Final = 60.0  # recovery after a crash replays the log first
_REAP_SECONDS: Final = 2.0


class EmbeddedPostgres:
    """A PostgreSQL server of our own on 127.0.0.1, reached with a generated password.

    Every method blocks and may be called again at any time; none may be called from a running
    event loop (use `asyncio.to_thread`).

    Args:
        directory: The runtime's directory (`.selfheal`), made if it isn't there. Holds the data
            (`postgres/`), the passwords of the superuser and of the services' users
            (`postgres-password` and the like, mode 0600) and the log (`logs/postgres.log`).
        port: TCP port on 127.0.0.1.
        schema: SQL file that makes the tables, applied exactly once, in one transaction. The
            migrations in the directory beside it bring older databases up to it.
        settings: Further server settings, given on the command line at each start.
        elsewhere: Where the files go when PostgreSQL's account can't reach `directory`.
        binaries: The installation to use; by default the one of the wheel.
    """

    name: Final = "postgres"
    port_setting: Final = "POSTGRES_PORT"

    def __init__(
        self,
        directory: Path,
        *,
        port: int,
        schema: Path,
        settings: Mapping[str, str] | None = None,
        elsewhere: Path = ELSEWHERE,
        binaries: PostgresBinaries | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.schema = schema.absolute()
        self.storage = PostgresStorage(self.directory, elsewhere)
        self._settings = dict(settings or {})
        self._binaries = binaries
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def password_file(self) -> Path:
        """The file that holds the generated password."""
        return self.directory / "postgres-password"

    @property
    def _role_files(self) -> dict[str, Path]:
        """The files that hold the passwords of the services' users, by service."""
        return {service: self.directory / f"{service}-password" for service in SERVICES}

    @property
    def log_file(self) -> Path:
        """The file that the server logs to."""
        return self.directory / "logs" / f"{self.name}.log"

    @property
    def address(self) -> ServerAddress:
        """Host, port and password of the server.

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
        """The connection URL with the password in it, which must never be printed."""
        return self.address.url()

    @property
    def service_urls(self) -> dict[str, str]:
        """The connection URL of each service's own user, by service."""
        return {
            service: replace(
                self.address, user=name_role(DATABASE, service), password=read_secret(file) or ""
            ).url()
            for service, file in self._role_files.items()
        }

    @property
    def exit_code(self) -> int | None:
        """The exit status of a server that this object started; None while it runs."""
        return self._child.poll() if self._child else None

    def status(self) -> ProcessStatus:
        """Tell the truth about the server: asked of the system and of itself, at this moment."""
        running = find_postmaster(self.storage.data)
        started = running.process.create_time() if running else 0.0
        moment = datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds")
        state = judge_state(
            recorded=running is not None or not self.was_asked_to_stop(),
            alive=running is not None,
            ready=running is not None and self._answers_to_us(),
            age_seconds=time.time() - started,
        )
        return ProcessStatus(
            self.name,
            state,
            address=f"{LOOPBACK}:{(running and running.port) or self.port}",
            pid=running.process.pid if running else None,
            started_at=moment if running else "",
            detail=self._explain(state),
        )

    def is_running(self) -> bool:
        """Tell whether the server's process is there, ready or not."""
        return find_postmaster(self.storage.data) is not None

    def was_asked_to_stop(self) -> bool:
        """Tell whether the server, which doesn't run, was shut down in order."""
        return read_lock_file(self.storage.data) is None

    def start(self, *, interrupted: Interrupted = never, progress: Progress = silent) -> bool:
        """Make the cluster if there is none, start or adopt the server, update its schema.

        Returns:
            Whether a server was started; False if it ran already.

        Raises:
            EmbeddedRuntimeError: A subclass for each thing that can be in the way.
        """
        programs = self._prepare()
        if self.storage.holds_cluster and read_secret(self.password_file) is None:
            progress("generating a new database password, since the old one is lost")
            self._restore_password(programs)
        password = read_or_create_secret(self.password_file)
        running = find_postmaster(self.storage.data)
        if running is not None and running.port not in (None, self.port):
            running.stop()
            running = None
        if running is None:
            require_free_port(self.port, setting=self.port_setting)
            if not self.storage.holds_cluster:
                progress("making the database cluster")
                self._make_cluster(programs, password, interrupted)
            self.storage.check_version(programs.binaries)
            clear_remains(self.storage.data)
            progress(f"starting {self.name}")
            self._child = programs.serve(
                self.storage.data.resolve(), port=self.port, settings=self._settings
            )
        try:
            self._wait_until_ready(interrupted)
        except InterruptedStartError:
            if running is None:
                self.stop()
            raise
        passwords = {one: read_or_create_secret(file) for one, file in self._role_files.items()}
        for what in asyncio.run(
            postgres_database.prepare_database(
                self.address, self.schema, passwords, progress=progress
            )
        ):
            progress(f"applied {what}")
        return running is None

    def stop(self) -> bool:
        """Stop the server and wait until nothing of it is left; tell whether it ran.

        Raises:
            PostgresError: If it doesn't stop, or belongs to another account.
        """
        running = find_postmaster(self.storage.data)
        if running is not None:
            running.stop()
        self._reap_child()
        if self.storage.holds_cluster:
            drain_orphans(self.storage.data)
        return running is not None

    def destroy(self) -> None:
        """Stop the server and remove the cluster with all its data, and the password."""
        self.stop()
        if self.storage.holds_cluster and read_lock_file(self.storage.data) is not None:
            # A killed server left shared memory behind; its recovery gives that back.
            clear_remains(self.storage.data)
            self._prepare().run_single_user(self.storage.data.resolve())
        self.storage.remove()
        for file in (self.password_file, *self._role_files.values()):
            file.unlink(missing_ok=True)

    @property
    def client_variables(self) -> dict[str, str]:
        """The environment variables with which psql connects: its command line shows no secret."""
        return self.address.client_variables

    def schema_state(self) -> SchemaState:
        """Tell what the running database has of the schema."""
        return asyncio.run(self.address.ask(lambda one: read_schema_state(one, self.schema)))

    def _prepare(self) -> PostgresPrograms:
        """Choose the account, make the storage, and have binaries that the account can run."""
        account = choose_account(self.storage.data)
        binaries = self.storage.prepare(account, self._binaries or find_binaries())
        return PostgresPrograms(binaries, account, self.log_file)

    def _make_cluster(
        self, programs: PostgresPrograms, password: str, interrupted: Interrupted
    ) -> None:
        """Initialise beside the final place, then rename: a killed attempt leaves no half."""
        unfinished = self.storage.new_directory(programs.account)
        programs.initialise(unfinished, password, interrupted)
        unfinished.rename(self.storage.entrance.resolve() / self.storage.data.name)

    def _restore_password(self, programs: PostgresPrograms) -> None:
        """Give the superuser a new password when the file of the old one was lost."""
        running = find_postmaster(self.storage.data)
        if running is not None:
            running.stop()
        clear_remains(self.storage.data)
        password = read_or_create_secret(self.password_file)
        statement = f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'"  # URL-safe: needs no quoting
        try:
            programs.run_single_user(self.storage.data.resolve(), statement)
        except PostgresError:
            self.password_file.unlink()
            raise

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

    def _wait_until_ready(self, interrupted: Interrupted) -> None:
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

    def _explain(self, state: State) -> str:
        if state is State.CRASHED:
            return "exited unexpectedly; the next start recovers its data"
        return "runs, but takes no connection from us" if state is State.UNHEALTHY else ""

    def _answers(self) -> bool:
        return asyncio.run(postgres_database.answers(self.address))

    def _answers_to_us(self) -> bool:
        try:
            return self._answers()
        except PostgresError:  # the password is lost or wrong: it serves, but not us
            return False
