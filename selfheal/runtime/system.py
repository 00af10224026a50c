"""The whole system as one thing: brought up, repaired, observed, and taken down in order."""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from selfheal.runtime.errors import (
    EmbeddedRuntimeError,
    InterruptedStartError,
    ProcessFailedError,
    StorageError,
)
from selfheal.runtime.locking import exclusive
from selfheal.runtime.logs import read_tail
from selfheal.runtime.parts import DatabaseServer, Part
from selfheal.runtime.ports import require_free_port
from selfheal.runtime.process_plan import Credentials, Stages
from selfheal.runtime.processes.process import BackgroundProcess
from selfheal.runtime.processes.readiness import find_obstacle
from selfheal.runtime.processes.records import ProcessSpec
from selfheal.runtime.processes.table import ProcessTable
from selfheal.runtime.secret_files import read_or_create_secret, read_secret
from selfheal.runtime.states import ProcessStatus, State
from selfheal.runtime.waiting import Interrupted, Progress, never, silent, wait_until

READY_TIMEOUT_SECONDS: Final = 60.0
_RECOVERY_SECONDS: Final = 3.0  # for a service that runs to find its database again


def find_end_user_key(home: Path) -> Path:
    """Find the file of what names of end users are hashed with."""
    return home / "end-user-key"


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
        end_user_key: Likewise what names of end users are hashed with.
        service_files: What the services keep in `home` and a reset removes with the data.
    """

    def __init__(
        self,
        home: Path,
        *,
        database: DatabaseServer,
        processes: ProcessTable,
        plan: Callable[[Credentials], Stages],
        internal_token: str | None = None,
        end_user_key: str | None = None,
        service_files: Sequence[Path] = (),
    ) -> None:
        self.home = home.absolute()
        self.database = database
        self.processes = processes
        self._plan = plan
        self._internal_token = internal_token
        self._end_user_key = end_user_key
        self._service_files = service_files
        # What the latest start went on without, and why.
        self.left_out: list[EmbeddedRuntimeError] = []

    def up(self, progress: Progress = silent, interrupted: Interrupted = never) -> list[str]:
        """Start what doesn't run, repair what is unhealthy, renew what is configured otherwise.

        Returns:
            The names of what was started; empty if everything ran already.

        Raises:
            EmbeddedRuntimeError: If a part can't be started. What started before it goes on
                running, unless the start was interrupted.
        """
        self._make_home()
        started: list[Part] = []
        with self._exclusive(progress, interrupted):
            try:
                self._up(started, progress, interrupted)
            except InterruptedStartError:
                _stop(started, progress)
                raise
        return [part.name for part in started]

    def down(self, progress: Progress = silent) -> list[str]:
        """Stop everything, in the reverse order, wait until it is gone, and name what ran."""
        if not self.home.is_dir():
            return []
        with self._exclusive(progress):
            return _stop(self.parts(), progress)

    def reset(self, progress: Progress = silent) -> None:
        """Stop everything and remove what it left: the database with all its data, and the logs.

        A database server of the operator's own stays as it is, and so do calibrations of judges.
        """
        if not self.home.is_dir():
            return
        with self._exclusive(progress):
            _stop(self.parts(), progress)
            self.database.destroy()
            for directory in ("run", "logs"):
                shutil.rmtree(self.home / directory, ignore_errors=True)
            for file in (self._token_file, *self._service_files):
                if file.is_dir():
                    shutil.rmtree(file)
                else:
                    file.unlink(missing_ok=True)

    def parts(self) -> list[Part]:
        """List the parts in the order of starting; first what runs without being planned now."""
        planned = [spec.name for stage in self._plan(Credentials()) for spec in stage]
        others = [name for name in self.processes.names() if name not in planned]
        return [self.database, *(self.processes.process(name) for name in [*others, *planned])]

    def status(self) -> list[ProcessStatus]:
        """Tell the truth about each part, in the order in which they start."""
        return [part.status() for part in self.parts()]

    def credentials(self) -> Credentials:
        """Return what lets the parts in to one another, as generated when the system started.

        Raises:
            EmbeddedRuntimeError: If nothing was generated, since it was never started.
        """
        return self._credentials(read_secret)

    def _credentials(self, read: Callable[[Path], str | None]) -> Credentials:
        return Credentials(
            self.database.database_url,
            self._internal_token or read(self._token_file) or "",
            self._end_user_key or read(find_end_user_key(self.home)) or "",
            service_urls=self.database.service_urls,
        )

    @property
    def _token_file(self) -> Path:
        return self.home / "internal-token"

    def _make_home(self) -> None:
        """Make the directory, closed to others; one that exists keeps its mode.

        Root's may be passed through, though not listed, by the account that PostgreSQL runs under.
        """
        try:
            self.home.mkdir(parents=True)
            self.home.chmod(0o711 if os.geteuid() == 0 else 0o700)
        except OSError as error:
            if isinstance(error, FileExistsError) and self.home.is_dir():
                return  # made by another command, perhaps this very moment
            raise StorageError(
                f"Can't make {self.home}: {error.strerror}.",
                remedy="Set SELFHEAL_HOME to a directory that you may write to.",
            ) from error

    def _exclusive(
        self, progress: Progress, interrupted: Interrupted = never
    ) -> AbstractContextManager[None]:
        return exclusive(self.home / "lock", interrupted=interrupted, progress=progress)

    def _up(self, started: list[Part], progress: Progress, interrupted: Interrupted) -> None:
        if self.database.start(interrupted=interrupted, progress=progress):
            started.append(self.database)
        stages = self._plan(self._credentials(read_or_create_secret))
        planned = {spec.name for stage in stages for spec in stage}
        for name in set(self.processes.names()) - planned:
            progress(f"stopping {name}, which is no longer needed")
            self.processes.process(name).stop()
        self.left_out.clear()
        for stage in stages:
            try:
                self._start_stage(stage, started, progress, interrupted)
            except InterruptedStartError:
                raise
            except EmbeddedRuntimeError as error:
                if not all(spec.is_optional for spec in stage):
                    raise
                self.left_out.append(error)

    def _start_stage(
        self,
        stage: Sequence[ProcessSpec],
        started: list[Part],
        progress: Progress,
        interrupted: Interrupted,
    ) -> None:
        for spec in stage:
            if interrupted():
                raise InterruptedStartError
            process = self.processes.process(spec.name)
            if not _serves_as_configured(process, spec, interrupted):
                _restart(process, spec, progress)
                started.append(process)
        for spec in stage:
            _wait_until_ready(self.processes.process(spec.name), interrupted)


def describe_failure(part: Part, what: str) -> ProcessFailedError:
    """Describe how a part failed, with its exit code where we know it, and its last lines."""
    return ProcessFailedError(
        part.name,
        what,
        log=part.log_file,
        log_tail=read_tail(part.log_file),
        exit_code=part.exit_code,
    )


def _serves_as_configured(
    process: BackgroundProcess, spec: ProcessSpec, interrupted: Interrupted
) -> bool:
    record = process.record
    if record is None or record.config_hash != spec.config_hash:
        return False
    state = process.status().state
    if state is State.UNHEALTHY:
        return wait_until(
            process.is_ready, timeout_seconds=_RECOVERY_SECONDS, interrupted=interrupted
        )
    return state in (State.RUNNING, State.STARTING)


def _restart(process: BackgroundProcess, spec: ProcessSpec, progress: Progress) -> None:
    progress(f"{'restarting' if process.stop() else 'starting'} {spec.name}")
    if spec.port is not None:
        require_free_port(spec.port, setting=spec.port_setting, host=spec.host)
    process.spawn(spec)


def _wait_until_ready(process: BackgroundProcess, interrupted: Interrupted) -> None:
    settled = wait_until(
        lambda: not process.is_running() or process.is_ready(),
        timeout_seconds=READY_TIMEOUT_SECONDS,
        interrupted=interrupted,
    )
    record = process.record
    if not settled and record is not None:
        why = find_obstacle(record.ready_url)
        raise describe_failure(process, f"wasn't ready within {READY_TIMEOUT_SECONDS:g} s: {why}")
    if not process.is_running():
        raise describe_failure(process, "ended while it was starting")
    process.note_ready()


def _stop(parts: Sequence[Part], progress: Progress) -> list[str]:
    stopped = []
    for part in reversed(parts):
        if part.stop():
            progress(f"stopped {part.name}")
            stopped.append(part.name)
    return stopped
