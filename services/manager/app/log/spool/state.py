"""What lies in a spool, told from its files alone: by metrics, `doctor`, and who looks for room."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from services.common.diagnosis.checks import Check, CheckResult
from services.manager.app.log.spool.framing import read_frames
from services.manager.app.log.spool.segment import SUFFIX

# What PostgreSQL refuses, and what was damaged: kept for a person to look at.
REFUSED: Final = ".refused"
DAMAGED: Final = ".damaged"
LONG_SECONDS: Final = 60
NANOSECONDS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What lies in a spool.

    Attributes:
        oldest_seconds: How long ago the oldest was put there, at least; 0 where there is none.
        aside: Names of files that hold what couldn't land.
    """

    records: int
    size_bytes: int
    oldest_seconds: float
    aside: tuple[str, ...] = ()


def list_segments(directory: Path) -> list[tuple[Path, int]]:
    """List the segments that hold something, each with its size in bytes, the oldest first."""
    return sorted(_list(directory, SUFFIX))


def measure(directory: Path) -> SpoolState:
    """Count what lies in a spool; what isn't there is empty."""
    segments = list_segments(directory)
    ages = [time.time() - _begun_at(path) for path, _ in segments]
    return SpoolState(
        records=sum(_count(path, size_bytes) for path, size_bytes in segments),
        size_bytes=sum(size_bytes for _, size_bytes in segments),
        oldest_seconds=max(0.0, *ages, 0.0),
        aside=tuple(path.name for path, _ in sorted(_list(directory, REFUSED, DAMAGED))),
    )


def judge_spool(state: SpoolState, directory: Path) -> Check:
    """Tell whether something lies in a spool that should have landed. Pure."""
    if state.aside:
        found = f"{', '.join(state.aside[:3])} in {directory} hold rows that could not land"
        remedy = "See docs/resilience.md, and: selfheal logs --service manager"
        return Check("spool", found, CheckResult.WARN, remedy)
    if not state.records:
        return Check("spool", "empty: every row is in the database")
    rows = "1 row waits" if state.records == 1 else f"{state.records} rows wait"
    found = f"{rows} for the database, for {state.oldest_seconds:.0f} s"
    if state.oldest_seconds < LONG_SECONDS:
        return Check("spool", found)
    remedy = f"A Manager that reaches the database and {directory} lands them: selfheal up"
    return Check("spool", found, CheckResult.WARN, remedy)


def _list(directory: Path, *suffixes: str) -> Iterator[tuple[Path, int]]:
    # What may not be read here is told by who may not write it.
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        for path in directory.iterdir():
            if path.suffix in suffixes:
                with suppress(FileNotFoundError):  # it just landed
                    if size_bytes := path.stat().st_size:
                        yield path, size_bytes


def _begun_at(path: Path) -> float:
    """Return the time in a segment's name; now for one that a person named."""
    nanoseconds = path.name.partition("-")[0]
    return int(nanoseconds) * NANOSECONDS if nanoseconds.isdecimal() else time.time()


@lru_cache(maxsize=1024)
def _count(path: Path, size_bytes: int) -> int:
    """Count the intact records of a file of that size; it changes by growing alone."""
    try:
        return len(read_frames(path.read_bytes()[:size_bytes]).records)
    except FileNotFoundError:
        return 0
