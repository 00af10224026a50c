"""The guide's blocks for a machine without Docker, run in order as they stand there."""

import re
import shlex
from pathlib import Path

import pytest
from support.commands import run_script
from support.guide_blocks import GuideBlock, find_missing_line, parse_guide
from support.running_system import RunningSystem

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide.ko.md").read_text(encoding="utf-8")
BLOCKS = [block for block in parse_guide(GUIDE) if block.kind == "local"]
GRADING = re.search(r"```bash\n(PGPASSWORD=.+?)```", GUIDE, re.DOTALL)
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
    done = run_script(guided_system, block.script)
    assert done.returncode == 0, done.stdout + done.stderr
    missing = find_missing_line(block.expected, done.stdout)
    assert missing is None, f"the output lacks {missing!r}:\n{done.stdout}{done.stderr}"


def test_the_system_that_up_started_is_graded(guided_system: RunningSystem) -> None:
    """The guide's own command, but for where this test's system is."""
    assert GRADING is not None
    flags = [f"--{name}-url=http://127.0.0.1:{guided_system.port(name)}"
             for name in ("manager", "worker", "evaluator")]  # fmt: skip
    flags.append(f"--db-port={guided_system.port('postgres')}")
    program = f"{shlex.quote(str(ROOT / 'scripts' / 'benchmark.py'))} {' '.join(flags)}"
    done = run_script(guided_system, GRADING[1].replace("scripts/benchmark.py", program))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Total: 100 / 100   Grade: A" in done.stdout
