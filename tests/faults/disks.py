"""Small disks."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory


@cache
def lacks_root() -> str:
    """Say what is missing to mount a disk; empty where nothing is."""
    with TemporaryDirectory() as directory:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory]
        # In a container root may lack the right to.
        if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
            return "a small disk takes root, and the right to mount"
        subprocess.run(["umount", directory], check=True)
    return ""


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
