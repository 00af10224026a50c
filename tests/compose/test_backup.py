"""The commands for Compose of docs/upgrades.md: a dump is made, and restored in its place."""

from support.containers import ROOT, Containers, ask
from support.guide_blocks import parse_guide

PAGE = (ROOT / "docs" / "upgrades.md").read_text(encoding="utf-8")
BACK_UP, RESTORE = (block for block in parse_guide(PAGE) if block.kind == "docker")


def test_a_dump_brings_back_what_was_there(containers: Containers) -> None:
    containers.up()
    status, _ = ask()
    assert status == 200
    before = containers.psql("SELECT count(*) FROM execution_logs")
    try:
        run(containers, BACK_UP.script)
        containers.psql("DELETE FROM execution_logs; DELETE FROM prompts")
        run(containers, RESTORE.script)
    finally:
        (ROOT / "selfheal.dump").unlink(missing_ok=True)
    assert containers.psql("SELECT count(*) FROM execution_logs") == before
    status, _ = ask()
    assert status == 200


def run(containers: Containers, script: str) -> None:
    done = containers.shell(script)
    assert done.returncode == 0, done.stdout + done.stderr
