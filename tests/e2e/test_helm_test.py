"""What `helm test` plays, as its pod runs it: it passes, or fails in plain words."""

import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.running_system import COMMAND_SECONDS, RunningSystem, make_system

from selfheal.runtime.waiting import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "deploy/helm/selfheal/files/helm_test.py").read_text(encoding="utf-8")
PROMPTS = runpy.run_path(str(ROOT / "deploy/helm/selfheal/files/helm_test.py"))
# What the chart renders, which `make test-chart` compares with Helm's own work.
OUTLINE = (ROOT / "tests/chart/snapshots/default.txt").read_text(encoding="utf-8")
NOWHERE = "127.0.0.1:9"
HEAL_SECONDS = 900
PATIENCE_SECONDS = 60
TABLES = """
    SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND oid <> 'selfheal.audit'::regclass
    AND relnamespace IN ('public'::regnamespace, 'selfheal'::regnamespace)
"""
OTHERS = """
    INSERT INTO prompts (task_type, content, version, change_reason, created_by)
    VALUES ('helm_test', 'Answer with code only.', 2, 'mine', 'me')
"""
# Leases are taken by services as they go on, and landings hold a number each until they are old.
PASSING = {"selfheal.leases": 0, "selfheal.landings": 0}
KEPT = ("prompts", "execution_logs", "selfheal.activations", "selfheal.conversations")
CHAT = {
    "model": "code_generation",
    "messages": [{"role": "user", "content": "Write a function that reverses a string"}],
}


def run(
    system: RunningSystem,
    *arguments: str,
    script: str = SCRIPT,
    seconds: int = COMMAND_SECONDS,
    **given: str,
) -> subprocess.CompletedProcess[str]:
    """Run it with the variables of its pod, and no others of ours."""
    (names,) = re.findall(r"^Pod prod-selfheal-test test\n.*\n +(.*)$", OUTLINE, re.M)
    variables = {
        "MANAGER_URL": f"http://127.0.0.1:{system.port('manager')}",
        "SELFHEAL_HOME": str(system.directory / "not there"),
        "DATABASE_URL": system.database.database_url,
        "SELFHEAL_API_KEY": "",
    } | given
    assert variables.keys() == set(names.split())
    return subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        cwd=system.directory,
        env={"PATH": system.environment["PATH"]} | variables,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def count_rows(system: RunningSystem, word: str = "") -> dict[str, int]:
    """How many rows with a word in them each table has, but the audit, where it has any."""
    counts = " UNION ALL ".join(
        f"SELECT '{table}', count(*) FROM {table} AS t WHERE strpos(t::text, '{word}') > 0"
        for table in system.psql(TABLES).split()
    )
    found = (line.split("|") for line in system.psql(counts).splitlines())
    return {table: int(count) for table, count in found if count != "0"}


def find_rows_of(system: RunningSystem, done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """How many rows of each table name the task type that a run says that it removed."""
    (name,) = re.findall(r"^removed (helm_test_\w+)$", done.stdout, re.M)
    audited = f"SELECT count(*) FROM selfheal.audit WHERE task_type = '{name}'"
    assert int(system.psql(audited)) >= 1
    return count_rows(system, name)


def read_others(system: RunningSystem) -> list[str]:
    """All rows of the log, of prompts and of what belongs to them, and what was spent."""
    rows = [system.psql(f"SELECT t FROM {table} AS t ORDER BY 1") for table in KEPT]
    spent = "SELECT task_type, purpose, sum(calls) FROM selfheal.spending GROUP BY 1, 2 ORDER BY 1"
    return [*rows, system.psql(spent)]


def test_it_passes_and_leaves_nothing_but_what_was_there(system: RunningSystem) -> None:
    system.psql(OTHERS)
    assert system.request("Write a function to sort a list").status == 200
    assert system.post("manager", "/v1/chat/completions", CHAT).status == 200
    waiting = "SELECT count(*) FROM selfheal.pending_scores"
    assert wait_until(lambda: system.psql(waiting) == "0", timeout_seconds=PATIENCE_SECONDS)
    before = read_others(system)
    done = run(system)
    assert done.returncode == 0, done.stderr
    assert re.match(r"24 requests, 2\d of them passed\nstreamed: [1-9]\d+ ", done.stdout)
    assert done.stderr == ""
    assert find_rows_of(system, done) == {}
    assert read_others(system) == before
    assert all(before)


def test_it_fails_where_no_manager_answers(system: RunningSystem) -> None:
    done = run(system, MANAGER_URL=f"http://{NOWHERE}")
    assert done.returncode == 1
    assert re.match(rf"error: The Manager at http://{NOWHERE} gives no answer .*\n$", done.stderr)
    assert find_rows_of(system, done) == {}


def test_it_fails_where_no_answer_is_a_good_one(system: RunningSystem) -> None:
    done = run(system, script=SCRIPT.replace(PROMPTS["GOOD"], PROMPTS["BAD"]))
    assert done.returncode == 1
    assert done.stderr == "No answer passed: selfheal logs, selfheal doctor\n"
    assert find_rows_of(system, done) == {}


def test_it_says_in_a_line_that_the_database_is_away(system: RunningSystem) -> None:
    done = run(system, DATABASE_URL=f"postgresql://agent@{NOWHERE}/agent_system")
    assert done.returncode == 1
    assert re.match(r"error: The database [^\n]*\n$", done.stderr)


@pytest.fixture
def autopilot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system as the chart sets it up: it heals by itself, by the steps of a canary."""
    system = make_system(tmp_path_factory.mktemp("as in a cluster"))
    del system.environment["CANARY_STEPS"]
    try:
        system.selfheal("up", "--autopilot")
        yield system
    finally:
        system.selfheal("reset", "--yes")


def test_with_heal_it_waits_for_one(autopilot: RunningSystem) -> None:
    key = autopilot.selfheal("keys", "create", "first").stdout.strip()
    before = count_rows(autopilot)
    done = run(autopilot, "--heal", SELFHEAL_API_KEY=key, seconds=HEAL_SECONDS + COMMAND_SECONDS)
    assert done.returncode == 0, done.stderr
    assert "\nhealed\n" in done.stdout
    assert find_rows_of(autopilot, done) == {}
    # Nor rows that name it only by the number of an answer.
    assert count_rows(autopilot) | PASSING == before | PASSING

    refused = run(autopilot, SELFHEAL_API_KEY=key[:-1])
    assert refused.returncode == 1
    assert "[unauthenticated]" in refused.stderr
    assert find_rows_of(autopilot, refused) == {}
