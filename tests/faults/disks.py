"""Small disks."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


def lacks_root() -> str:
    """Say what is missing to mount a disk; empty where nothing is."""
    return "" if os.geteuid() == 0 else "a small disk takes root"


async def run(*command: str | Path) -> None:
    """Run a program to its end."""
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)


@asynccontextmanager
async def mounted(directory: Path, options: str) -> AsyncIterator[None]:
    """Have a tmpfs in place of a directory."""
    await run("mount", "-t", "tmpfs", "-o", options, "tmpfs", directory)
    try:
        yield
    finally:
        await run("umount", directory)
