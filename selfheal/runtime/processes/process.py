"""A background process without a supervisor: started, found again, observed and stopped."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from selfheal.runtime.errors import EmbeddedRuntimeError
from selfheal.runtime.logs import last_error, open_log, read_tail
from selfheal.runtime.processes.identity import find_process, find_session, is_alive
from selfheal.runtime.processes.readiness import find_obstacle, read_problem
from selfheal.runtime.processes.records import ProcessRecord, ProcessSpec, parse_record
from selfheal.runtime.states import ProcessStatus, State, judge_state
from selfheal.runtime.waiting import wait_until
from services.common.private_files import write_private

STOP_SECONDS = 12.0
SETTLING_SECONDS = 2.0  # what is wrong with the settings has shown by then
_KILL_PATIENCE_SECONDS = 5.0
_ERROR_SEARCH_LINES = 200


class BackgroundProcess:
    """A process of one runtime directory; what is true of it is read anew at each call.

    Args:
        name: Its name, unique in the directory.
        home: The runtime's directory; the record goes to `run/`, the output to `logs/`.
        working_directory: Where it runs, and where relative paths in its settings begin.
        inherited: The environment that it starts from.
        stop_seconds: How long it may take to end, once it is asked to.
    """

    def __init__(
        self,
        name: str,
        home: Path,
        *,
        working_directory: Path,
        inherited: Mapping[str, str],
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self.name = name
        self.log_file = home / "logs" / f"{name}.log"
        self._record_file = home / "run" / f"{name}.json"
        self._working_directory = working_directory
        self._inherited = inherited
        self._stop_seconds = stop_seconds
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def record(self) -> ProcessRecord | None:
        """What was written down when it started; None if it never was, or was stopped since."""
        try:
            text = self._record_file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None
        return parse_record(text)

    @property
    def exit_code(self) -> int | None:
        """The exit status of a process that this object started; None while it runs."""
        return self._child.poll() if self._child else None

    @property
    def environment(self) -> dict[str, str]:
        """The environment that it runs with; empty where it doesn't run or isn't ours to see."""
        process = self._find(self.record)
        try:
            return process.environ() if process else {}
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return {}

    def is_running(self) -> bool:
        """Tell whether it is there, ready or not."""
        return self._find(self.record) is not None

    def is_ready(self) -> bool:
        """Tell whether it can serve; for one without a URL, whether it has run for a moment."""
        record = self.record
        return record is not None and self._find(record) is not None and _is_ready(record)

    def was_asked_to_stop(self) -> bool:
        """Tell whether some command stopped, or is stopping, a process that ended."""
        record = self.record
        return record is None or record.stopping

    def spawn(self, spec: ProcessSpec) -> ProcessRecord:
        """Start it in a session of its own; it outlives us unless it is stopped.

        Raises:
            EmbeddedRuntimeError: If its program can't be run.
        """
        self._end_session(self.record)
        log = open_log(self.log_file)
        try:
            self._child = subprocess.Popen(  # noqa: S603 - no shell, our own commands
                spec.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._working_directory,
                env=spec.child_environment(self._inherited),
                start_new_session=True,
            )
        except OSError as error:
            raise EmbeddedRuntimeError(f"Can't run {spec.command[0]}: {error}.") from error
        finally:
            os.close(log)
        record = ProcessRecord(
            name=spec.name,
            pid=self._child.pid,
            create_time=psutil.Process(self._child.pid).create_time(),
            command=spec.command,
            address=spec.address,
            ready_url=spec.ready_url,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            config_hash=spec.config_hash,
        )
        self._write(record)
        return record

    def note_ready(self) -> None:
        """Write down that it has become ready to serve."""
        record = self.record
        if record is not None:
            self._write(replace(record, was_ready=True))

    def status(self) -> ProcessStatus:
        """Tell the truth about it: asked of the system and of itself, at this moment."""
        record = self.record
        if record is None or record.stopping:
            return ProcessStatus(self.name, State.STOPPED)
        process = self._find(record)
        state = judge_state(
            recorded=True,
            alive=process is not None,
            ready=process is not None and _is_ready(record),
            was_ready=record.was_ready,
            age_seconds=time.time() - record.create_time,
        )
        return ProcessStatus(
            self.name,
            state,
            address=record.address,
            pid=process.pid if process else None,
            started_at=record.started_at,
            detail=self._explain(state, record),
        )

    def stop(self, *, grace_seconds: float | None = None) -> bool:
        """End it with SIGTERM, then with SIGKILL, and what it started; tell whether it ran.

        Raises:
            EmbeddedRuntimeError: If it belongs to another account.
        """
        record = self.record
        if record is None:
            return False
        process = self._find(record)
        if process is not None:
            self._write(replace(record, stopping=True))
            self._terminate(process, grace_seconds or self._stop_seconds)
        self._end_session(record)
        self._record_file.unlink(missing_ok=True)
        self._child = None
        return process is not None

    def _terminate(self, process: psutil.Process, grace_seconds: float) -> None:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            return
        except psutil.AccessDenied as error:
            raise EmbeddedRuntimeError(
                f"The process {process.pid} belongs to another account.",
                remedy="Run this as the user who started it, or as root.",
            ) from error
        wait_until(lambda: not self._still_runs(process), timeout_seconds=grace_seconds)

    def _still_runs(self, process: psutil.Process) -> bool:
        if self._child is not None:
            self._child.poll()  # reaps it, so that no zombie stays behind
        return is_alive(process)

    def _end_session(self, record: ProcessRecord | None) -> None:
        """Kill what is left of a process of ours: itself if it must be, and what it started."""
        if record is None:
            return
        members = find_session(record.pid, create_time=record.create_time)
        for member in members:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        wait_until(
            lambda: not any(self._still_runs(member) for member in members),
            timeout_seconds=_KILL_PATIENCE_SECONDS,
        )

    def _find(self, record: ProcessRecord | None) -> psutil.Process | None:
        if record is None:
            return None
        child = self._child
        if child is not None and child.pid == record.pid and child.poll() is not None:
            return None
        return find_process(record.pid, create_time=record.create_time, command=record.command)

    def _explain(self, state: State, record: ProcessRecord) -> str:
        if state is State.CRASHED:
            reason = last_error(read_tail(self.log_file, lines=_ERROR_SEARCH_LINES))
            return f"exited unexpectedly: {reason}" if reason else "exited unexpectedly"
        if state is State.UNHEALTHY:
            told = read_problem(record.ready_url) if record.ready_url else ""
            return f"runs, but is not ready to serve: {told}".removesuffix(": ")
        return ""

    def _write(self, record: ProcessRecord) -> None:
        self._record_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._record_file, record.to_json())


def _is_ready(record: ProcessRecord) -> bool:
    if record.ready_url:
        return not find_obstacle(record.ready_url)
    return time.time() - record.create_time >= SETTLING_SECONDS
