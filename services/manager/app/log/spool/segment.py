"""A file of the spool: one process appends to it, and any process lands it once it is closed.

Whoever writes or lands one holds its lock, which dies with the process.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

SUFFIX: Final = ".spool"


class Segment:
    """A segment that this process writes; it belongs to one thread at a time.

    Attributes:
        size_bytes: What of it is on disk for good.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.size_bytes = 0
        self._descriptor = descriptor

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Begin one whose name sorts after those of earlier ones.

        Raises:
            OSError: If the directory can't be written to.
        """
        _make_directory(directory, mode=0o700)
        path = directory / f"{time.time_ns():020d}-{secrets.token_hex(4)}{SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            # Nobody had it before: who lands passes over what is empty.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            sync_directory(directory)
        except OSError:
            cls(path, descriptor).discard()
            raise
        return cls(path, descriptor)

    def append(self, content: bytes) -> None:
        """Append, and return once it is on disk.

        Raises:
            OSError: If it isn't for sure; nothing may be appended any more then, since what
                `fsync` says after a failure is worth nothing.
        """
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self.size_bytes)
            raise
        self.size_bytes += len(content)

    def close(self) -> None:
        """Leave it to whoever lands it; one that holds nothing goes."""
        try:
            if not self.size_bytes:
                self.path.unlink(missing_ok=True)
        finally:
            os.close(self._descriptor)

    def discard(self) -> None:
        """Close it as if nothing had been written."""
        self.size_bytes = 0
        self.close()


def _make_directory(directory: Path, mode: int = 0o777) -> None:
    """Make a directory that isn't there, so that its name outlasts a power cut as well."""
    if not directory.exists():
        _make_directory(directory.parent)
        directory.mkdir(mode=mode, exist_ok=True)
        sync_directory(directory.parent)


@contextmanager
def claim(path: Path) -> Iterator[bytes | None]:
    """Hold a closed segment and lend what is in it; None where another has it, or had it."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    try:
        yield _read(path, descriptor) if _lock(descriptor) else None
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(path: Path, descriptor: int) -> bytes | None:
    """Read it, unless it was landed between the look at it and the lock."""
    if not path.exists():
        return None
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read()


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on disk, as they are now."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
