from dataclasses import replace

import pytest
from grading.dimensions.e2e import FULL, judge_e2e
from grading.observations import LogRow
from grading.result import Code
from support.observed import (
    REFUSED,
    exchange,
    health,
    observations,
    page,
    reply,
    unanswered,
)


def test_a_right_system_loses_nothing() -> None:
    assert judge_e2e(observations()) == ()


@pytest.mark.parametrize(
    "answer", [REFUSED, page(200, "ok"), reply({"status": "degraded"}), reply("ok", status=503)]
)
def test_a_service_that_is_not_up_takes_all(answer: object) -> None:
    seen = observations(health={**observations().health, "worker": answer})
    (taken,) = judge_e2e(seen)
    assert (taken.code, taken.points, taken.facts["service"]) == (Code.SERVICE_DOWN, FULL, "worker")
    assert taken.facts["url"] == "http://w/health"


def test_a_health_answer_without_its_fields_costs_a_point() -> None:
    answers = {**observations().health, "manager": reply({"status": "ok"})}
    (taken,) = judge_e2e(observations(health=answers))
    assert (taken.code, taken.points) == (Code.HEALTH_INCOMPLETE, 1)
    assert taken.facts["missing"] == "service, version"
    assert judge_e2e(observations(health={**answers, "manager": health("m", more=1)})) == ()


def test_no_request_answered_takes_all() -> None:
    (taken,) = judge_e2e(observations(healthy=(unanswered(),) * 3, cycles=()))
    assert (taken.code, taken.points) == (Code.ALL_REQUESTS_FAILED, FULL)


def test_failed_requests_cost_their_share() -> None:
    healthy = (unanswered(status=502), exchange(), exchange(), exchange())
    (taken,) = judge_e2e(observations(healthy=healthy, cycles=()))
    assert (taken.code, taken.points) == (Code.REQUESTS_FAILED, FULL / 4)
    assert taken.facts["seen"] == "HTTP 502"


def test_a_field_costs_once_and_all_fields_no_more_than_their_most() -> None:
    lacking = exchange(without=["refined_input"])
    (taken,) = judge_e2e(observations(healthy=(lacking,) * 3))
    assert (taken.code, taken.points) == (Code.FIELD_MISSING, 2)
    (taken,) = judge_e2e(observations(healthy=(exchange(changes={"evaluation_passed": "yes"}),)))
    assert (taken.code, taken.facts["seen"]) == (Code.FIELD_MISTYPED, "str: 'yes'")
    nothing = replace(exchange(changes={"more": 1}), logged=None)
    names = ("request_id", "refined_input", "worker_output", "evaluation_score",
             "evaluation_passed", "prompt_version")  # fmt: skip
    empty = replace(nothing, reply=reply({"more": 1}), problems=exchange(without=names).problems)
    assert sum(one.points for one in judge_e2e(observations(healthy=(empty,)))) == 8


def test_another_version_than_the_active_one_costs_once() -> None:
    (taken,) = judge_e2e(observations(healthy=(exchange(version=1, active=7),) * 2))
    assert (taken.code, taken.points) == (Code.PROMPT_VERSION_WRONG, 3)
    assert (taken.facts["reported"], taken.facts["active"], taken.facts["times"]) == (1, 7, 2)


def test_where_no_single_version_is_active_none_is_wrong() -> None:
    assert judge_e2e(observations(healthy=(replace(exchange(), active_version=None),))) == ()


def test_a_worker_that_answers_everything_alike_ignores_its_input() -> None:
    same = {task: reply({"output": "def f(): ..."}) for task in observations().tasks}
    (taken,) = judge_e2e(observations(tasks=same))
    assert taken.code == Code.INPUT_IGNORED


def test_a_worker_that_gives_nothing_is_not_charged_for_that() -> None:
    assert judge_e2e(observations(tasks=dict.fromkeys(observations().tasks, REFUSED))) == ()


def test_a_row_that_is_missing_or_says_otherwise_costs_once() -> None:
    unlogged = replace(exchange(), logged=None)
    (taken,) = judge_e2e(observations(healthy=(unlogged, unlogged)))
    assert (taken.code, taken.facts["missing"]) == (Code.LOG_ROW_MISSING, 2)
    for row, column in (
        (LogRow(1, 0.1, True), "evaluation_score"),
        (LogRow(1, 0.9, None), "evaluation_passed"),
        (LogRow(2, 0.9, True), "prompt_version"),
        (LogRow(None, None, None), "evaluation_score"),
    ):
        differing = replace(exchange(), logged=row)
        (taken,) = judge_e2e(observations(healthy=(differing, differing)))
        assert (taken.code, taken.facts["column"]) == (Code.LOG_ROW_DIFFERS, column)


def test_a_score_that_is_shown_to_two_decimals_is_the_same() -> None:
    logged = replace(exchange(score=0.9), logged=LogRow(1, 0.9049, True))
    assert judge_e2e(observations(healthy=(logged,))) == ()
