"""Finding and signalling the server process of a data directory, running or left behind."""

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

from selfheal.runtime.errors import PostgresError, StorageError
from selfheal.runtime.processes.identity import is_alive, is_process_id
from selfheal.runtime.waiting import wait_until

_FAST_SHUTDOWN = (signal.SIGINT, 15.0)
_IMMEDIATE_SHUTDOWN = (signal.SIGQUIT, 10.0)
_PORT_LINE = 3
_DRAIN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class LockFile:
    """What a running server writes into `postmaster.pid`; a clean stop removes the file."""

    process_id: int
    port: int | None


def parse_lock_file(text: str) -> LockFile | None:
    """Read `postmaster.pid`: pid, data directory, start time, port, and more, a line each.

    Returns:
        None if the text isn't such a file, as when the server died while it was writing it.
    """
    lines = text.splitlines()
    try:
        process_id = int(lines[0])
        port = int(lines[_PORT_LINE]) if len(lines) > _PORT_LINE else None
    except (IndexError, ValueError):
        return None
    return LockFile(process_id, port) if is_process_id(process_id) else None


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server process that works in our data directory."""

    process: psutil.Process
    port: int | None

    def is_alive(self) -> bool:
        """Tell whether the process still runs; a zombie doesn't."""
        return is_alive(self.process)

    def stop(self) -> None:
        """Shut the server down: fast first, without finishing its work if that takes too long.

        Raises:
            PostgresError: If it can't be stopped, or isn't ours to stop.
        """
        for number, patience_seconds in (_FAST_SHUTDOWN, _IMMEDIATE_SHUTDOWN):
            try:
                self.process.send_signal(number)
            except psutil.NoSuchProcess:
                return
            except psutil.AccessDenied as error:
                raise PostgresError(
                    f"PostgreSQL (pid {self.process.pid}) belongs to another account.",
                    remedy="Run this as the user who started it, or as root.",
                ) from error
            if wait_until(lambda: not self.is_alive(), timeout_seconds=patience_seconds):
                return
        raise PostgresError(
            f"PostgreSQL (pid {self.process.pid}) doesn't stop.",
            remedy=f"End it with `kill -9 {self.process.pid}`; the next start recovers its data.",
        )


def read_lock_file(data: Path) -> str | None:
    """Return the text of the server's lock file, or None if there is none.

    Raises:
        StorageError: If we may not read the data directory.
    """
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StorageError(
            f"The data directory {data} belongs to another account.",
            remedy="Run this as the user who made it, or set SELFHEAL_HOME to another directory.",
        ) from error


def find_postmaster(data: Path) -> Postmaster | None:
    """Find the running server of a data directory.

    A pid alone proves nothing, since the system gives it to others later: the process must be a
    PostgreSQL one that works in this directory.
    """
    text = read_lock_file(data)
    lock = parse_lock_file(text) if text is not None else None
    if lock is None:
        return None
    try:
        process = psutil.Process(lock.process_id)
    except psutil.NoSuchProcess:
        return None
    if not _works_in(process, data.resolve()) or not is_alive(process):
        return None
    return Postmaster(process, lock.port)


def drain_orphans(data: Path) -> None:
    """Wait for the backends of a killed server to notice and leave; end those that don't.

    While one of them lives, it holds the old shared memory and a new server refuses to start.
    Call it only when no server runs in the directory.
    """
    if not wait_until(lambda: not _find_orphans(data), timeout_seconds=_DRAIN_SECONDS):
        for process in _find_orphans(data):
            process.kill()
        wait_until(lambda: not _find_orphans(data), timeout_seconds=_DRAIN_SECONDS)


def clear_remains(data: Path) -> None:
    """Remove what a killed server left behind, so that the next one can start.

    Call it only when no server runs in the directory.
    """
    drain_orphans(data)
    # Its pid may be another program's by now, which PostgreSQL would take for a running server.
    text = read_lock_file(data)
    lock = parse_lock_file(text) if text is not None else None
    if text is not None and (lock is None or psutil.pid_exists(lock.process_id)):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _find_orphans(data: Path) -> list[psutil.Process]:
    directory = data.resolve()
    return [process for process in psutil.process_iter() if _works_in(process, directory)]


def _works_in(process: psutil.Process, directory: Path) -> bool:
    try:
        return process.name().startswith("postgres") and Path(process.cwd()) == directory
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
