"""What is made of the values that came back."""

from dataclasses import replace
from typing import Any

import pytest

from services.evaluator.app.sandbox.run.execution import (
    Built,
    Execution,
    Items,
    Opaque,
    StepResult,
    Value,
)
from services.evaluator.app.sandbox.run.request import ProgramRun
from services.evaluator.app.services.behaviour.assessment import (
    Behaviour,
    Observation,
    assess,
    show,
)
from services.evaluator.app.services.behaviour.probe import Probe, ProbePlan
from services.evaluator.app.services.comparison import Comparison


def returned(value: Value) -> StepResult:
    return StepResult("returned", value)


def raised(error: str, message: str = "") -> StepResult:
    return StepResult("raised", None, error, message)


NOT_FINISHED = StepResult("not_finished")


def plan_of(*probes: Probe, steps: int = 1, **fields: bool) -> ProbePlan:
    return ProbePlan(("step",) * steps, probes, **fields)


def finished(*steps: StepResult) -> Execution:
    return Execution("finished", True, steps=steps)


def example(**fields: Any) -> Probe:
    return replace(Probe("example", "f(3)", 0, 0, expected=6), **fields)


def sole(behaviour: Behaviour) -> Observation:
    (observation,) = behaviour.observations
    return observation


@pytest.mark.parametrize(
    ("step", "verdict", "reason"),
    [
        pytest.param(returned(6), "kept", "f(3) gave 6, as the request says", id="right"),
        pytest.param(returned(6.0), "kept", "f(3) gave 6.0, as the request says", id="a-float"),
        pytest.param(
            returned(7), "contradicted", "f(3) gave 7, and the request says 6", id="wrong"
        ),
        pytest.param(
            returned(None), "contradicted", "f(3) gave None, and the request says 6", id="none"
        ),
        pytest.param(
            returned(Opaque("Liar")),
            "contradicted",
            "f(3) gave an object of type Liar, and the request says 6",
            id="an-object-that-may-lie",
        ),
        pytest.param(
            raised("ValueError", "no"),
            "contradicted",
            "f(3) raised ValueError: no, not 6",
            id="raised",
        ),
        pytest.param(
            raised("NameError", "name 'f' is not defined"),
            "contradicted",
            "f(3) raised NameError: name 'f' is not defined, not 6",
            id="another-name",
        ),
        pytest.param(
            StepResult("inconclusive", None, "PermissionError", "denied"),
            "inconclusive",
            "it needs what the sandbox doesn't have: PermissionError: denied",
            id="hindered",
        ),
    ],
)
def test_an_example(step: StepResult, verdict: str, reason: str) -> None:
    observation = sole(assess(plan_of(example()), finished(step)))
    assert (observation.outcome, observation.reason) == (verdict, reason)
    assert observation.expected == "6"


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        pytest.param(raised("ValueError"), "kept", id="the-same"),
        pytest.param(raised("UnicodeDecodeError"), "kept", id="a-kind-of-it"),
        pytest.param(raised("TypeError"), "contradicted", id="another"),
        pytest.param(raised("NoFunds"), "inconclusive", id="one-of-its-own"),
        pytest.param(returned(1), "contradicted", id="a-value"),
    ],
)
def test_an_example_that_raises(step: StepResult, verdict: str) -> None:
    probe = example(expected=None, expected_error="ValueError")
    assert sole(assess(plan_of(probe), finished(step))).outcome == verdict


def test_a_setup_that_raised_is_named_as_the_reason() -> None:
    execution = finished(
        raised("TypeError", "Stack() takes no arguments"), raised("NameError", "s")
    )
    observation = sole(assess(plan_of(example(last=1), steps=2), execution))
    assert observation.outcome == "contradicted"
    assert "Stack() takes no arguments" in observation.reason


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("cpu", "gave no answer in its processor time"),
        ("wall", "gave no answer in time"),
        ("memory", "took more memory than it may"),
        ("output", "printed more than it may"),
        ("crash", "ended the process"),
    ],
)
def test_the_step_that_stopped_the_run_is_to_blame_and_no_other(limit: str, words: str) -> None:
    probes = tuple(example(first=index, last=index) for index in range(3))
    execution = Execution(
        "stopped",
        True,
        steps=(returned(6), NOT_FINISHED, NOT_FINISHED),
        limit=limit,  # type: ignore[arg-type]
    )
    observations = assess(plan_of(*probes, steps=3), execution).observations
    assert [one.outcome for one in observations] == ["kept", "contradicted", "not_reached"]
    assert observations[1].reason == f"f(3) {words}"


@pytest.mark.parametrize(
    "execution",
    [
        pytest.param(
            Execution("load_failed", False, steps=(NOT_FINISHED,), error="NameError"), id="raised"
        ),
        pytest.param(Execution("stopped", False, steps=(NOT_FINISHED,), limit="cpu"), id="stopped"),
        pytest.param(Execution("inconclusive", False), id="hindered-without-steps"),
    ],
)
def test_what_did_not_load_was_not_reached(execution: Execution) -> None:
    behaviour = assess(plan_of(example()), execution)
    assert sole(behaviour).outcome == "not_reached"
    assert {one.outcome for one in behaviour.observations} <= {"inconclusive", "not_reached"}


def test_nothing_is_known_where_nothing_can_be_run() -> None:
    assert assess(plan_of(example()), Execution("unavailable", False)) == Behaviour()


@pytest.mark.parametrize(
    ("step", "fields", "verdict"),
    [
        pytest.param(returned(0), {}, "returned", id="a-value"),
        pytest.param(returned(Opaque("Stack")), {}, "returned", id="an-object"),
        pytest.param(returned(None), {}, "gave_none", id="none"),
        pytest.param(returned(None), {"may_give_none": True}, "inconclusive", id="maybe-none"),
        pytest.param(raised("NameError"), {}, "raised", id="a-name-that-is-not-there"),
        pytest.param(raised("UnboundLocalError"), {}, "inconclusive", id="nothing-was-found"),
        pytest.param(raised("RecursionError"), {}, "inconclusive", id="too-deep"),
        pytest.param(raised("IndexError"), {}, "inconclusive", id="raised"),
        pytest.param(raised("TypeError"), {}, "inconclusive", id="of-another-kind"),
        pytest.param(raised("ValueError"), {}, "inconclusive", id="refused"),
    ],
)
def test_a_plausible_call(step: StepResult, fields: dict[str, bool], verdict: str) -> None:
    plan = plan_of(Probe("call", "f(3)", 0, 0), **{"may_give_none": False} | fields)
    assert sole(assess(plan, finished(step))).outcome == verdict


@pytest.mark.parametrize("limit", ["cpu", "wall", "memory", "output", "crash"])
def test_a_plausible_call_that_is_stopped_may_want_other_arguments(limit: str) -> None:
    execution = Execution("stopped", True, steps=(NOT_FINISHED,), limit=limit)  # type: ignore[arg-type]
    assert sole(assess(plan_of(Probe("call", "f(3)", 0, 0)), execution)).outcome == "inconclusive"


def check(number: int, reading: int = 0) -> Probe:
    first = 2 * reading + number - 1
    return Probe("check", f"check {number} of 2", first, first, expected=6, reading=reading)


@pytest.mark.parametrize(
    ("step", "outcome", "told"),
    [
        (returned(6), "kept", "check 1 of 2 passed"),
        (returned("secret"), "contradicted", "check 1 of 2 failed"),
        (raised("KeyError", "secret"), "contradicted", "check 1 of 2 failed"),
        (
            StepResult("inconclusive", None, "PermissionError", "secret"),
            "inconclusive",
            "check 1 of 2 couldn't be tried",
        ),
        (NOT_FINISHED, "not_reached", "check 1 of 2 wasn't reached"),
    ],
)
def test_of_a_check_nothing_is_told_but_its_number(
    step: StepResult, outcome: str, told: str
) -> None:
    observation = sole(assess(plan_of(check(1), is_golden=True), finished(step)))
    assert (observation.outcome, observation.reason) == (outcome, told)
    assert (observation.ran, observation.came_back, observation.expected) == (
        "check 1 of 2",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("values", "outcomes"),
    [
        ((6, 6, 0, 0), ["kept", "kept"]),
        ((0, 0, 6, 6), ["kept", "kept"]),
        ((6, 0, 0, 6), ["kept", "contradicted"]),
        ((0, 6, 6, 6), ["kept", "kept"]),
        ((0, 0, 0, 0), ["contradicted", "contradicted"]),
    ],
)
def test_an_answer_is_held_to_one_reading_in_all_checks(
    values: tuple[int, ...], outcomes: list[str]
) -> None:
    probes = [check(number, reading) for reading in (0, 1) for number in (1, 2)]
    behaviour = assess(plan_of(*probes, steps=4), finished(*map(returned, values)))
    assert [one.outcome for one in behaviour.observations] == outcomes


@pytest.mark.parametrize(
    ("value", "any_iterable", "outcome"),
    [
        pytest.param(Opaque("generator"), True, "inconclusive", id="endless"),
        pytest.param(Opaque("generator"), False, "contradicted", id="no-list"),
        pytest.param(Opaque("count"), True, "inconclusive", id="a-counter"),
        pytest.param(Items("generator", (1,)), True, "contradicted", id="other-items"),
        pytest.param(Items("range", (3,)), True, "kept", id="a-range-is-asked-for"),
        pytest.param(Items("range", (3,)), False, "contradicted", id="a-range-for-a-list"),
    ],
)
def test_what_iterates_is_no_list_unless_the_request_shows_it_may(
    value: Value, any_iterable: bool, outcome: str
) -> None:
    probe = example(expected=[3], comparison=Comparison(any_iterable=any_iterable))
    assert sole(assess(plan_of(probe), finished(returned(value)))).outcome == outcome


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("x" * 500, "'" + "x" * 118 + "…", id="long"),
        pytest.param(10**5000, "a value of type int", id="too-long-for-python"),
        pytest.param("a\nb", r"'a\nb'", id="line-break"),
        pytest.param(Items("range", (0, 1)), "a range of [0, 1]", id="items"),
        pytest.param(Built("date", (2024, 1, 5)), "date(2024, 1, 5)", id="built"),
        pytest.param(Opaque("Stack"), "an object of type Stack", id="opaque"),
    ],
)
def test_values_are_shown_in_short(value: Value, shown: str) -> None:
    assert show(value) == shown


@pytest.mark.parametrize(
    ("printed", "expected", "outcome"),
    [
        ("0.30000000000000004", "0.3", "kept"),
        ("1\n1.3333333333333333", "1\n1.33333333333", "kept"),
        ("mean 2.5, max 4", "mean 2.5, max 4", "kept"),
        ("0.31", "0.3", "contradicted"),
        ("1.5 2.5", "1.5", "contradicted"),
        ("1.50", "1.5 2", "contradicted"),
    ],
)
def test_decimals_are_compared_as_graders_do(printed: str, expected: str, outcome: str) -> None:
    probe = Probe("example", "the program", 0, 0, expected=expected, is_output=True)
    plan = ProbePlan((ProgramRun(),), (probe,))
    steps = (StepResult("returned", value=f"{printed}\n"),)
    (seen,) = assess(plan, Execution("finished", loaded=True, steps=steps)).observations
    assert seen.outcome == outcome
