"""`selfheal canary` on real rows: a person sees a rollout, and has the last word."""

from typing import Any

import pytest
from support.healing_runs import make_run, repair_of

from selfheal.operator_database import find_operator
from services.common.record.rollouts.steps import start_rollout

Operator = Any  # of the directory above

LOG = """
    INSERT INTO execution_logs (request_id, task_type, user_input, refined_input, prompt_version,
        worker_output, evaluation_score, evaluation_passed, evaluation_detail)
    VALUES (gen_random_uuid(), 'code_generation', 'in', 'in', 100, 'out', $1, $2, $3)
    RETURNING id
"""
STATE = "SELECT outcome || ' ' || person FROM selfheal.rollouts"


@pytest.fixture
def canary(operator: Operator) -> str:
    """A rollout that is at its first step; gives its id."""
    bad = operator.deploy("just say hello world to everything")

    async def start(connection: Any) -> str:
        async with connection.transaction():
            run = await make_run(connection, bad, "canary")
            rollout = await start_rollout(connection, run, repair_of(run), (0.1, 0.5, 1.0))
        return str(rollout.id)

    canary_id: str = operator.do(start)
    return canary_id


def test_where_there_is_none_it_is_said(operator: Operator) -> None:
    assert operator.json("canary", "list") == []
    for command in ("show", "promote", "abort", "pause", "resume"):
        done = operator.selfheal("canary", command)
        assert (done.exit_code, "No canary is under way" in done.output) == (1, True)


def test_it_is_shown(operator: Operator, canary: str) -> None:
    [listed] = operator.json("canary", "list")
    assert (listed["id"], listed["steps"], listed["share"]) == (canary, [0.1, 0.5, 1], 0.1)
    shown = " ".join(operator.selfheal("canary", "show", canary[:8]).output.split())
    assert "step 1 of 0.1, 0.5, 1: serves 0.1 of the traffic" in shown
    assert "serves a share of the traffic first" in operator.selfheal("reports", "show").output


def test_a_person_on_call_sees_what_each_arm_answered(operator: Operator, canary: str) -> None:
    for arm, score in (("candidate", 0.9), ("candidate", 0.5), ("incumbent", 0.3)):
        detail = {"worker": {"rollout": canary, "arm": arm, "unit": f"{arm} {score}"}}
        operator.sql(LOG, score, score >= 0.7, detail)
    arms = operator.json("canary", "show")["arms"]
    assert [(one["arm"], one["answers"], one["passed"]) for one in arms] == [
        ("candidate", 2, 1),
        ("incumbent", 1, 0),
    ]
    shown = " ".join(operator.selfheal("canary", "show").output.split())
    assert "candidate 2 2 50 % 0.700" in shown
    assert "waits for" in shown
    listed = " ".join(operator.selfheal("reports", "list").output.split())
    assert "serves 0.1 of the traffic since" in listed


def test_a_person_promotes_it(operator: Operator, canary: str) -> None:
    done = operator.selfheal("canary", "promote", canary[:6])
    assert done.exit_code == 0, done.output
    assert "Version 100 serves all of the traffic now" in done.output
    assert operator.serving().version == 100
    assert operator.sql(STATE) == f"promoted {find_operator()}"
    again = operator.selfheal("canary", "promote", canary)
    assert (again.exit_code, "has ended: it was promoted" in again.output) == (1, True)
    assert "promoted by" in operator.selfheal("reports", "show").output


def test_a_person_pauses_resumes_and_aborts_it(operator: Operator, canary: str) -> None:
    assert operator.selfheal("canary", "pause").exit_code == 0
    assert "paused at step 1" in operator.selfheal("canary", "list").output
    assert "serves 0.1 of the traffic again" in operator.selfheal("canary", "resume").output
    assert operator.selfheal("canary", "abort").exit_code == 0
    assert operator.serving().version == 99
    assert operator.sql(STATE) == f"aborted {find_operator()}"
    [report] = operator.json("reports", "list")
    assert (report["decision"], report["reason"]) == ("held", "canary_aborted")


def test_promoting_takes_two_where_two_people_decide(
    operator: Operator, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUIRE_SECOND_PERSON", "1")
    done = operator.selfheal("canary", "promote")
    assert (done.exit_code, "REQUIRE_SECOND_PERSON" in done.output) == (1, True)
    assert operator.selfheal("canary", "abort").exit_code == 0


def test_what_is_no_id_is_refused(operator: Operator, canary: str) -> None:
    for text in ("zz", "12", "00000000"):
        assert operator.selfheal("canary", "show", text).exit_code == 1
