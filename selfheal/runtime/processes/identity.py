"""Telling whether a process still runs, and whether it is the one that we started."""

import os
from collections.abc import Sequence

import psutil

# psutil derives creation times from the wall clock, which may be set while a process runs.
_CLOCK_TOLERANCE_SECONDS = 2.0
MAX_PROCESS_ID = 2**31 - 1  # what the system's own type for pids holds


def is_process_id(number: int) -> bool:
    """Tell whether a number, as a file has it, could be a pid at all."""
    return 0 < number <= MAX_PROCESS_ID


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process runs: a zombie, which only waits to be reaped, doesn't."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def find_process(
    process_id: int, *, create_time: float, command: Sequence[str]
) -> psutil.Process | None:
    """Find a process again by what was written down about it; None if it is gone.

    A pid alone proves nothing, since the system gives it to others later: either the time of
    creation, in seconds since the epoch, or the whole command has to be the same.
    """
    try:
        process = psutil.Process(process_id)
        same_time = abs(process.create_time() - create_time) < _CLOCK_TOLERANCE_SECONDS
        if (same_time or process.cmdline() == list(command)) and is_alive(process):
            return process
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        pass
    return None


def find_session(leader_id: int, *, create_time: float) -> list[psutil.Process]:
    """Find every living process of a session that we began: its leader and what that started.

    Nothing is found when the number belongs to another session by now, so that whatever is done
    to the members is never done to a stranger: its leader's time of creation, in seconds since the
    epoch, has to be the same.
    """
    if create_time < psutil.boot_time() - _CLOCK_TOLERANCE_SECONDS:
        return []
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) != leader_id or not is_alive(process):
                continue
            age_differs = abs(process.create_time() - create_time) > _CLOCK_TOLERANCE_SECONDS
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
        if process.pid == leader_id and age_differs:
            return []
        members.append(process)
    return members
