"""The guide's blocks for a machine without Docker, run in order as they stand there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.guide_blocks import GuideBlock, find_missing_line, parse_guide
from support.running_system import RunningSystem

GUIDE = Path(__file__).parents[2] / "docs" / "guide.ko.md"
BLOCKS = [
    block for block in parse_guide(GUIDE.read_text(encoding="utf-8")) if block.kind == "local"
]
COMMAND_SECONDS = 60
pytestmark = pytest.mark.slow  # tests/e2e/test_guide.py has the same way over HTTP


@pytest.fixture(scope="module")
def guided_system(running_system: RunningSystem) -> RunningSystem:
    """The system with the seed prompt alone, once for all blocks: each goes on from the last."""
    running_system.restore_seed_prompt()
    return running_system


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_a_block_prints_what_the_guide_says(
    guided_system: RunningSystem, block: GuideBlock
) -> None:
    commands = Path(sys.executable).parent
    path = f"{commands}{os.pathsep}{guided_system.environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.script],
        cwd=guided_system.directory,
        env=guided_system.environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    missing = find_missing_line(block.expected, done.stdout)
    assert missing is None, f"the output lacks {missing!r}:\n{done.stdout}{done.stderr}"
