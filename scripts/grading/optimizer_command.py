"""Runs the Optimizer's command once, in a process group of its own, within a limit."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Final

from grading.masking import mask_secrets
from grading.result import OptimizerRun

TAIL_CHARACTERS: Final = 4000
GRACE_SECONDS: Final = 15.0
NOT_FOUND: Final = "not_found"
TIMED_OUT: Final = "timed_out"
# A shell's own words for a command that isn't there, or isn't a program.
SHELL_NOT_FOUND: Final = (126, 127)


def run_optimizer(command: str, *, timeout_seconds: float) -> OptimizerRun:
    """Run the command; whatever happens to it is in the result.

    An exception that passes through (Ctrl-C) ends the command's whole process group first.
    """
    started = time.perf_counter()
    problem = ""
    with tempfile.TemporaryFile() as output, ThreadPoolExecutor(1) as starter:
        # Started in a thread, as a Ctrl-C in the middle of it would leave the command behind.
        starting = starter.submit(_start, command, output)
        try:
            starting.result().wait(timeout_seconds)
        except (OSError, ValueError) as error:
            return OptimizerRun(None, _since(started), str(error), NOT_FOUND)
        except subprocess.TimeoutExpired:
            problem = TIMED_OUT
        finally:
            if starting.exception() is None:
                _end_group(starting.result())
        tail = _read_tail(output)
    code = starting.result().returncode
    if problem:
        return OptimizerRun(None, _since(started), tail, problem)
    return OptimizerRun(code, _since(started), tail, NOT_FOUND if code in SHELL_NOT_FOUND else "")


def _start(command: str, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        shlex.split(command, posix=sys.platform != "win32"),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of the command, children included: asked first, then killed."""
    if sys.platform == "win32":
        if process.poll() is None:
            subprocess.run(("taskkill", "/T", "/F", "/PID", str(process.pid)), check=False)
        process.wait()
        return
    try:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read_tail(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 4 * TAIL_CHARACTERS))
    return mask_secrets(output.read().decode("utf-8", errors="replace"))[-TAIL_CHARACTERS:]


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)
