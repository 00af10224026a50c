"""What holds for all tests."""

import gc
import os
import shutil
import tempfile
from pathlib import Path

import structlog
from hypothesis import settings
from structlog.dev import ConsoleRenderer, plain_traceback

# How long an example takes depends on what else the machine does; benchmarks measure speed.
# All else is as Hypothesis has it: where CI is set, it draws the same examples in each run.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Rich takes a second to draw the trace of an error in a web application.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        ConsoleRenderer(exception_formatter=plain_traceback),
    ]
)

# Nothing is garbage while ten thousand tests are collected; they are looked at no more afterwards.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


MEMORY = Path("/dev/shm")
DATABASES_NEED_BYTES = 4 * 1024**3


def keep_temporary_files_in_memory() -> None:
    """Make temporary directories where no disk is waited for, as PostgreSQL's tests often do."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if os.statvfs(MEMORY).f_flag & os.ST_NOEXEC or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free > DATABASES_NEED_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


keep_temporary_files_in_memory()
