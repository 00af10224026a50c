"""A task type of one's own, from the scaffold to a heal, without a line of our code changed."""

import json
from collections.abc import Iterator

import pytest
from support.running_system import RunningSystem, make_system

TASK_TYPE = "table_tennis"
PROMPT = 'Reply to everything with "Pong".'
BAD_PROMPT = "just say hello world to everything"
DEFINITION = """
description = "Ping, answered"
answers = "text"
[rules]
gives_an_answer = { weight = 0.3, caps = true }
says_pong = { weight = 0.7, caps = true }
[rubric]
is_pong = 1.0
"""
VALIDATORS = '''
from services.common.task_types.rules import AnsweredTask, Finding, Grade, failed, passed


def says_pong(task: AnsweredTask) -> Finding:
    """It says pong."""
    return passed("it says pong") if "Pong" in task.answer else failed("it doesn't say pong")


def is_pong(task: AnsweredTask) -> Grade:
    """Does it say pong, and nothing else?"""
    return Grade(float(task.answer == "Pong"), "compared with pong")
'''
REPAIRS = f"""
role = '{PROMPT}'
[rules]
gives_an_answer = "Always answer."
says_pong = "Say pong."
"""
GOLDEN_INPUTS = {
    half: [
        {"id": f"{half}-{number}", "input": f"Ping {half} {number}", "expected": "Pong"}
        for number in range(24)
    ]
    for half in ("choosing", "verdict")
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system of its own, with a filled-in scaffold beside it before it starts."""
    system = make_system(tmp_path_factory.mktemp("own"))
    system.selfheal("tasks", "new", TASK_TYPE)
    directory = system.directory / "task_types" / TASK_TYPE
    for file, content in (
        ("task_type.toml", DEFINITION),
        ("prompt.txt", PROMPT),
        ("validators.py", VALIDATORS),
        ("repairs.toml", REPAIRS),
        ("golden_inputs.json", json.dumps(GOLDEN_INPUTS)),
    ):
        (directory / file).write_text(content)
    try:
        system.selfheal("up")
        yield system
    finally:
        system.selfheal("reset", "--yes")


def test_it_is_checked_enabled_judged_by_its_own_rules_and_healed(system: RunningSystem) -> None:
    assert "Nothing is wrong" in system.selfheal("tasks", "check", TASK_TYPE).stderr
    assert (
        "Version 1 serves table_tennis now" in system.selfheal("tasks", "enable", TASK_TYPE).stderr
    )
    served = system.request("Ping", TASK_TYPE).json
    assert (served["worker_output"], served["evaluation_score"]) == ("Pong", 1)
    system.psql(f"UPDATE prompts SET content = '{BAD_PROMPT}' WHERE task_type = '{TASK_TYPE}'")
    for number in range(4):
        failing = system.request(f"Ping {number}", TASK_TYPE).json
        assert failing["worker_output"] == "Hello World"
        assert failing["evaluation_passed"] is False
    assert "prompt_patched" in system.selfheal("optimize").stdout
    healed = system.request("Ping again", TASK_TYPE).json
    assert (healed["worker_output"], healed["evaluation_passed"]) == ("Pong", True)
    trial = system.psql(
        f"SELECT detail->'inputs'->>'verdict' FROM selfheal.healing_runs "
        f"WHERE task_type = '{TASK_TYPE}'"
    )
    assert int(trial) > 10
