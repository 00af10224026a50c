"""The whole system as one thing: brought up, repaired, observed, and taken down in order."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from selfheal.runtime.errors import InterruptedStartError, ProcessFailedError, StorageError
from selfheal.runtime.locking import exclusive
from selfheal.runtime.logs import read_tail
from selfheal.runtime.plan import Credentials, Stages
from selfheal.runtime.ports import require_free_port
from selfheal.runtime.private_files import make_home, read_or_create_secret, read_secret
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.processes.table import ProcessTable
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.waiting import never, silent, wait_until
from services.evaluator.app.services.oversight.canary_baselines import (
    FILE_NAME as CANARY_BASELINES_FILE,
)

READY_TIMEOUT_SECONDS: Final = 60.0
_RECOVERY_SECONDS: Final = 3.0  # for a service that runs to find its database again

Progress = Callable[[str], None]
Interrupted = Callable[[], bool]


class DatabaseServer(Protocol):
    """The database as the system sees it: our embedded one, or the operator's own."""

    @property
    def name(self) -> str:
        """The name of this part of the system."""

    @property
    def database_url(self) -> str:
        """Connection URL, credentials included."""

    def start(self, *, interrupted: Interrupted, progress: Progress) -> bool:
        """Have it ready to serve; tell whether it was started by this call."""

    def stop(self) -> bool:
        """Stop it if it is ours; tell whether it ran."""

    def destroy(self) -> None:
        """Stop it and remove its data, if it is ours."""

    @property
    def client_variables(self) -> dict[str, str]:
        """The variables that let psql in."""

    def status(self) -> ProcessStatus:
        """Tell what it is doing."""

    def is_running(self) -> bool:
        """Tell whether its process is there; always, if it isn't ours to watch."""

    def was_asked_to_stop(self) -> bool:
        """Tell whether it was stopped in order, when it doesn't run."""

    @property
    def exit_code(self) -> int | None:
        """How its process ended, if that is known."""

    @property
    def log_file(self) -> Path:
        """The file that it writes to."""


class System:
    """The database and the processes of one runtime directory.

    Every method blocks, and may be called by several commands at once: a file lock makes them
    take turns.

    Args:
        home: The runtime's directory (`.selfheal`).
        database: The database that the services use.
        processes: The processes that run, or ran, in `home`.
        plan: Lists the processes to run, in stages, given the credentials.
        internal_token: The operator's own token; without one it is generated and kept.
    """

    def __init__(
        self,
        home: Path,
        *,
        database: DatabaseServer,
        processes: ProcessTable,
        plan: Callable[[Credentials], Stages],
        internal_token: str | None = None,
    ) -> None:
        self.home = home.absolute()
        self.database = database
        self.processes = processes
        self._plan = plan
        self._internal_token = internal_token

    def up(self, progress: Progress = silent, interrupted: Interrupted = never) -> list[str]:
        """Start what doesn't run, repair what is unhealthy, renew what is configured otherwise.

        Args:
            progress: Told what is being done.
            interrupted: Asked again and again; true stops what this call has started.

        Returns:
            The names of what was started; empty if everything ran already.

        Raises:
            EmbeddedRuntimeError: If a part can't be started. What started before it goes on
                running, unless the start was interrupted.
        """
        self._make_home()
        started: list[str] = []
        with self._exclusive(progress, interrupted):
            try:
                self._up(started, progress, interrupted)
            except InterruptedStartError:
                self._stop(started, progress)
                raise
        return started

    def down(self, progress: Progress = silent) -> list[str]:
        """Stop everything that runs, in the reverse order, and wait until it is gone.

        Returns:
            The names of what ran.
        """
        if not self.home.is_dir():
            return []
        with self._exclusive(progress, never):
            names = [self.database.name, *self._ordered_names()]
            return self._stop(names, progress)

    def reset(self, progress: Progress = silent) -> None:
        """Stop everything and remove what it left: the database with all its data, and the logs.

        A database server of the operator's own stays as it is, and so do calibrations of judges.
        """
        if not self.home.is_dir():
            return
        with self._exclusive(progress, never):
            self._stop([self.database.name, *self._ordered_names()], progress)
            self.database.destroy()
            for directory in ("run", "logs"):
                shutil.rmtree(self.home / directory, ignore_errors=True)
            self._token_file.unlink(missing_ok=True)
            (self.home / CANARY_BASELINES_FILE).unlink(missing_ok=True)

    def status(self) -> list[ProcessStatus]:
        """Tell the truth about each part, in the order in which they start."""
        observed = [self.processes.observe(name) for name in self._ordered_names()]
        return [self.database.status(), *observed]

    def log_file(self, name: str) -> Path:
        """Tell where a part writes its log."""
        return (
            self.database.log_file if name == self.database.name else self.processes.log_file(name)
        )

    def credentials(self) -> Credentials:
        """Return what lets the parts in to one another, as generated when the system started.

        Raises:
            EmbeddedRuntimeError: If nothing was generated, since it was never started.
        """
        token = self._internal_token or read_secret(self._token_file) or ""
        return Credentials(self.database.database_url, token)

    def is_running(self, name: str) -> bool:
        """Tell whether the process of a part is there, ready or not."""
        if name == self.database.name:
            return self.database.is_running()
        return self.processes.is_running(name)

    def was_asked_to_stop(self, name: str) -> bool:
        """Tell whether some command stopped a part that doesn't run."""
        if name == self.database.name:
            return self.database.was_asked_to_stop()
        return self.processes.was_asked_to_stop(name)

    def failure(self, name: str, what: str) -> ProcessFailedError:
        """Describe how a part failed, with its exit code where we know it, and its last lines."""
        if name == self.database.name:
            log, exit_code = self.database.log_file, self.database.exit_code
        else:
            log, exit_code = self.processes.log_file(name), self.processes.exit_code(name)
        return ProcessFailedError(name, what, log=log, log_tail=read_tail(log), exit_code=exit_code)

    @property
    def _token_file(self) -> Path:
        return self.home / "internal-token"

    def _make_home(self) -> None:
        try:
            make_home(self.home)
        except OSError as error:
            raise StorageError(
                f"Can't make {self.home}: {error.strerror}.",
                remedy="Set SELFHEAL_HOME to a directory that you may write to.",
            ) from error

    @contextmanager
    def _exclusive(self, progress: Progress, interrupted: Interrupted) -> Iterator[None]:
        with exclusive(self.home / "lock", interrupted=interrupted, progress=progress):
            yield

    def _up(self, started: list[str], progress: Progress, interrupted: Interrupted) -> None:
        if self.database.start(interrupted=interrupted, progress=progress):
            started.append(self.database.name)
        token = self._internal_token or read_or_create_secret(self._token_file)
        stages = self._plan(Credentials(self.database.database_url, token))
        planned = {spec.name for stage in stages for spec in stage}
        for name in set(self.processes.names()) - planned:
            progress(f"stopping {name}, which is no longer needed")
            self.processes.stop(name)
        for stage in stages:
            for spec in stage:
                if interrupted():
                    raise InterruptedStartError
                if not self._serves_as_configured(spec, interrupted):
                    self._restart(spec, progress)
                    started.append(spec.name)
            for spec in stage:
                self._wait_until_ready(spec, interrupted)

    def _serves_as_configured(self, spec: ProcessSpec, interrupted: Interrupted) -> bool:
        record = self.processes.record(spec.name)
        if record is None or record.config_hash != spec.config_hash:
            return False
        status = self.processes.observe(spec.name)
        if status.state is State.UNHEALTHY:
            return wait_until(
                lambda: self.processes.is_ready(spec.name),
                timeout_seconds=_RECOVERY_SECONDS,
                interrupted=interrupted,
            )
        return status.state in (State.RUNNING, State.STARTING)

    def _restart(self, spec: ProcessSpec, progress: Progress) -> None:
        if self.processes.stop(spec.name):
            progress(f"restarting {spec.name}")
        else:
            progress(f"starting {spec.name}")
        if spec.port is not None:
            require_free_port(spec.port, setting=spec.port_setting)
        self.processes.spawn(spec)

    def _wait_until_ready(self, spec: ProcessSpec, interrupted: Interrupted) -> None:
        def ended_or_ready() -> bool:
            is_running = self.processes.is_running(spec.name)
            return not is_running or self.processes.is_ready(spec.name)

        settled = wait_until(
            ended_or_ready, timeout_seconds=READY_TIMEOUT_SECONDS, interrupted=interrupted
        )
        if not settled:
            raise self.failure(spec.name, f"wasn't ready within {READY_TIMEOUT_SECONDS:g} s")
        if not self.processes.is_running(spec.name):
            raise self.failure(spec.name, "ended while it was starting")
        self.processes.note_ready(spec.name)

    def _stop(self, names: Sequence[str], progress: Progress) -> list[str]:
        stopped = []
        for name in reversed(names):
            is_database = name == self.database.name
            if self.database.stop() if is_database else self.processes.stop(name):
                progress(f"stopped {name}")
                stopped.append(name)
        return stopped

    def _ordered_names(self) -> list[str]:
        """Names in the order of starting; first what runs without being planned now."""
        planned = [spec.name for stage in self._plan(Credentials()) for spec in stage]
        others = [name for name in self.processes.names() if name not in planned]
        return [*others, *planned]
