"""Says when, where and of what a program of `benchmarks` measures."""

import platform
import subprocess
from datetime import date
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent


def describe_run() -> dict[str, str]:
    """Say when, where and of what is measured."""
    git = ("git", "rev-parse", "--short", "HEAD")
    commit = subprocess.run(git, cwd=ROOT, check=False, capture_output=True, text=True).stdout
    return {
        "date": date.today().isoformat(),  # noqa: DTZ011
        "machine": f"{psutil.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}",
        "commit": commit.strip() or "unknown",
    }
