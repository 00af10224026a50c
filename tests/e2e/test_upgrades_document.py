"""The commands of docs/upgrades.md in their order: what was backed up is there again, and works."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import run_script
from support.guide_blocks import find_missing_line, parse_guide
from support.running_system import RunningSystem, make_system

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "upgrades.md").read_text(encoding="utf-8")
BACK_UP, RESTORE, TRY = (block for block in parse_guide(PAGE) if block.kind == "local")
TABLES = """
    SELECT oid::regclass FROM pg_class WHERE relkind = 'r'
    AND relnamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
"""
CHANGE = """
    UPDATE prompts SET is_active = FALSE;
    INSERT INTO prompts (task_type, content, version, change_reason, created_by)
    VALUES ('code_generation', 'Answer with code only.', 2, 'mine', 'me')
"""
# What goes on changing while a system only runs.
MOVING = {
    f"selfheal.{name}" for name in ("leases", "traffic", "fingerprints", "notices", "landings")
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    system = make_system(tmp_path_factory.mktemp("backed up"))
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("reset", "--yes")


def count(system: RunningSystem) -> dict[str, str]:
    tables = set(system.psql(TABLES).split()) - MOVING
    counts = " UNION ALL ".join(f"SELECT '{one}', count(*) FROM {one}" for one in tables)
    return dict(line.split("|") for line in system.psql(counts).splitlines())


@pytest.mark.slow
def test_what_was_backed_up_is_there_again_and_works(system: RunningSystem) -> None:
    system.psql(CHANGE)
    assert system.request("Write a function that adds two numbers").status == 200
    before = count(system)
    for block in (BACK_UP, TRY):
        assert_prints(run_script(system, block.script), block.expected)

    system.psql("DELETE FROM execution_logs; DELETE FROM prompts WHERE version = 2")
    assert_prints(run_script(system, RESTORE.script), RESTORE.expected)
    assert count(system) == before
    assert {one["state"] for one in system.states().values()} == {"running"}

    answer = system.request("Write a function that reverses a list")
    assert (answer.status, answer.json["prompt_version"]) == (200, 2)
    # Sequences go on behind the rows that came back, and triggers see what changes.
    system.psql(CHANGE.replace("2, 'mine'", "3, 'mine'"))
    changed = "SELECT max(prompt_id) = (SELECT max(id) FROM prompts) FROM selfheal.activations"
    assert system.psql(changed) == "t"
    told = "SELECT action FROM selfheal.audit ORDER BY id DESC LIMIT 1"
    assert system.psql(told) == "insert"


def assert_prints(done: subprocess.CompletedProcess[str], expected: tuple[str, ...]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    missing = find_missing_line(expected, done.stdout)
    assert missing is None, f"the output lacks {missing!r}:\n{done.stdout}{done.stderr}"


def test_the_commands_by_hand_name_files_that_are_there() -> None:
    files = re.findall(r"-f (\S+)", PAGE)
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
    newest = max((ROOT / "db" / "migrations").glob("*.sql")).name
    assert f"db/migrations/{newest}" in files
