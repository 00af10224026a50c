"""Faults of the spool, where rows lie while the database is away."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from faults.disks import lacks_root, mounted, run
from faults.fault import Fault, Strike
from faults.kinds.database import postgres_away
from faults.site import Site, until_none

DISK_MB = 8
LEFT_BYTES = 64 << 10
SEVERAL = 12
CHUNK_BYTES = 4096


def _spool(site: Site) -> Path:
    return site.system.directory / "spool"


@asynccontextmanager
async def on_its_own_disk(site: Site) -> AsyncIterator[None]:
    """Give the Manager's spool a small disk of its own."""
    spool = _spool(site)
    spool.mkdir()
    async with (
        mounted(spool, f"size={DISK_MB}m,mode=0700"),
        site.configured({"manager": {"SPOOL_DIR": str(spool)}}),
    ):
        yield
    spool.rmdir()


@asynccontextmanager
async def full(site: Site) -> AsyncIterator[None]:
    """Fill the disk but for a few rows' room."""
    ballast = _spool(site) / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(CHUNK_BYTES))
    os.truncate(ballast, ballast.stat().st_size - LEFT_BYTES)
    try:
        yield
    finally:
        ballast.unlink()


@asynccontextmanager
async def read_only(site: Site) -> AsyncIterator[None]:
    await run("mount", "-o", "remount,ro", _spool(site))
    try:
        yield
    finally:
        await run("mount", "-o", "remount,rw", _spool(site))


@asynccontextmanager
async def corrupted(site: Site) -> AsyncIterator[None]:
    """Change a byte of a row in the middle, once several lie there."""

    async def find_too_few() -> str:
        lines = _read_lines(site)
        return "" if len(lines) >= SEVERAL else f"{len(lines)} rows lie in the spool"

    await until_none(find_too_few)
    lines = _read_lines(site)
    path, start, line = lines[len(lines) // 2]
    with path.open("r+b") as file:
        file.seek(start + len(line) // 2)
        changed = bytes([file.read(1)[0] ^ 1])
        file.seek(-1, os.SEEK_CUR)
        file.write(changed)
    yield


def _read_lines(site: Site) -> list[tuple[Path, int, bytes]]:
    """Read the lines of all segments, each with its file and where it begins there."""
    found = []
    for path in sorted(_spool(site).glob("*.spool")):
        start = 0
        for line in path.read_bytes().split(b"\n"):
            if line:
                found.append((path, start, line))
            start += len(line) + 1
    return found


def while_postgres_is_away(fault: Strike) -> Strike:
    """Have PostgreSQL go first, and come back last."""

    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        async with postgres_away(site), fault(site):
            yield

    return strike


def damaged_before_it_is_needed(fault: Strike) -> Strike:
    """Have the spool's fault first, then PostgreSQL go."""

    @asynccontextmanager
    async def strike(site: Site) -> AsyncIterator[None]:
        away: AbstractAsyncContextManager[None] = postgres_away(site)
        async with fault(site), away:
            yield

    return strike


FAULTS = [
    Fault(
        name="spool full",
        strike=damaged_before_it_is_needed(full),
        stage=on_its_own_disk,
        lacks=lacks_root,
        cost_seconds=45,
    ),
    Fault(
        name="spool read-only",
        strike=damaged_before_it_is_needed(read_only),
        stage=on_its_own_disk,
        lacks=lacks_root,
        cost_seconds=45,
    ),
    Fault(
        name="spool corrupted in the middle",
        strike=while_postgres_is_away(corrupted),
        stage=on_its_own_disk,
        lacks=lacks_root,
        seconds=10,
        cost_seconds=40,
        destroys=1,
    ),
]
