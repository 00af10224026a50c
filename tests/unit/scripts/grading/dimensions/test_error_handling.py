import pytest
from grading.dimensions.error_handling import is_graceful, judge_errors
from grading.http import Reply
from grading.observations import ProbeSeen
from grading.result import Code
from support.observed import REFUSED, observations, page, reply, unanswered


def lost(name: str, answer: Reply) -> dict[Code, float]:
    seen = observations(probes=(ProbeSeen(name, answer),))
    assert is_graceful(seen.probes[0]) is (judge_errors(seen) == ())
    return {one.code: one.points for one in judge_errors(seen)}


@pytest.mark.parametrize("status", [200, 400, 404, 422, 499])
def test_errors_in_json_cost_nothing(status: int) -> None:
    assert lost("manager_missing_fields", reply({"detail": "no"}, status=status)) == {}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (REFUSED, Code.NO_ANSWER),
        (page(500, "<h1>Internal Server Error</h1>"), Code.ERROR_NOT_JSON),
        (page(404, "not found"), Code.ERROR_NOT_JSON),
        (reply("a string", status=400), Code.ERROR_NOT_JSON),
        (reply({"detail": "no"}, status=500), Code.SERVER_ERROR),
    ],
)
def test_anything_else_costs_two_points(answer: Reply, code: Code) -> None:
    assert lost("worker_missing_fields", answer) == {code: 2}


def test_a_task_type_without_a_prompt_may_be_any_error_in_json() -> None:
    assert lost("manager_unknown_task_type", reply({"detail": "no"}, status=500)) == {}
    assert lost("manager_unknown_task_type", page(500, "oops")) == {Code.ERROR_NOT_JSON: 2}


def test_a_service_that_was_up_and_is_not_crashed() -> None:
    after = {**observations().health_after, "evaluator": REFUSED}
    (taken,) = judge_errors(observations(health_after=after))
    assert (taken.code, taken.points, taken.facts) == (Code.CRASHED, 5, {"service": "evaluator"})
    before = {**observations().health, "evaluator": REFUSED}
    assert judge_errors(observations(health=before, health_after=after)) == ()


def test_a_system_that_answers_no_request_handles_no_error() -> None:
    (taken,) = judge_errors(observations(healthy=(unanswered(),), cycles=()))
    assert (taken.code, taken.points) == (Code.ALL_REQUESTS_FAILED, 5)
