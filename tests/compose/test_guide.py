"""The guide, command by command, in its own words: what it says must happen happens.

The commands and what they are to print are read from the guide's blocks, so that the text can't
say one thing and the test another.
"""

import pytest
from support.containers import ROOT, Containers
from support.guide_blocks import GuideBlock, find_missing_line, parse_guide

GUIDE = ROOT / "docs" / "guide.ko.md"
BLOCKS = [
    block for block in parse_guide(GUIDE.read_text(encoding="utf-8")) if block.kind == "docker"
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.name)
def test_a_block_prints_what_the_guide_says(containers: Containers, block: GuideBlock) -> None:
    done = containers.shell(block.script)
    assert done.returncode == 0, done.stdout + done.stderr
    missing = find_missing_line(block.expected, done.stdout)
    assert missing is None, f"the output lacks {missing!r}:\n{done.stdout}{done.stderr}"


def test_the_guide_has_its_phases() -> None:
    headings = "\n".join(block.heading for block in BLOCKS)
    for phase in ("Phase 3", "Phase 4", "Step 1", "Step 2", "Step 3", "Step 4", "Phase 6"):
        assert phase in headings
