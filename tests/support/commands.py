"""Commands of a document, run as somebody types them into a terminal."""

import os
import subprocess
import sys
from pathlib import Path

from support.running_system import RunningSystem

SCRIPT_SECONDS = 60


def run_script(system: RunningSystem, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a system's directory, where `selfheal` is this repository's."""
    commands = Path(sys.executable).parent
    path = f"{commands}{os.pathsep}{system.environment['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=system.directory,
        env=system.environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=SCRIPT_SECONDS,
        check=False,
    )
