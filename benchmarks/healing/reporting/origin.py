"""Tells where results come from: the commit, the date, the machine, the command."""

import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from services.common.version import package_version

CPU_INFO = Path("/proc/cpuinfo")
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that the benchmark ran on."""

    cores: int
    cpu: str
    python: str
    system: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where results come from.

    Attributes:
        command: What was typed.
        commit: The commit that was run, with `+` where files differed from it; empty without Git.
        started_at: When.
        seconds: How long it took.
    """

    command: Sequence[str]
    commit: str
    started_at: datetime
    seconds: float
    machine: Machine

    def as_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "command": shlex.join(self.command),
            "version": package_version(),
            "commit": self.commit,
            "date": self.started_at.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "machine": asdict(self.machine),
        }

    def describe(self) -> str:
        """Describe it in two lines."""
        minutes, seconds = divmod(round(self.seconds), 60)
        machine = self.machine
        return (
            f"in {minutes} min {seconds} s on {machine.cores} cores of {machine.cpu}, Python "
            f"{machine.python}, {self.started_at:%Y-%m-%d %H:%M %Z}, commit "
            f"{self.commit or 'unknown'}\n{shlex.join(self.command)}"
        )


def read_origin(plain: Mapping[str, Any]) -> Origin:
    """Read where results come from; those before 1.7 name no commit."""
    return Origin(
        tuple(shlex.split(plain["command"])),
        plain.get("commit", ""),
        datetime.fromisoformat(plain["date"]),
        plain["seconds"],
        Machine(**plain["machine"]),
    )


def describe_machine() -> Machine:
    """Describe the machine that this runs on."""
    return Machine(
        cores=os.cpu_count() or 1,
        cpu=_cpu_model(),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
    )


def find_commit(directory: Path = ROOT) -> str:
    """Find the commit that is checked out; empty where that can't be told."""
    commit = _git(directory, "rev-parse", "--short=12", "HEAD")
    changed = _git(directory, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}+" if commit and changed else commit


def _git(directory: Path, *arguments: str) -> str:
    try:
        ran = subprocess.run(
            ("git", *arguments), cwd=directory, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ran.stdout.strip()


def _cpu_model() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown CPU"
