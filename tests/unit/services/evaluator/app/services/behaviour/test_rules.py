"""What a run says of an answer: each rule's finding, the criterion's grade, the obstacle."""

import pytest

from services.evaluator.app.sandbox.run.execution import Execution
from services.evaluator.app.services.behaviour.assessment import (
    Behaviour,
    Observation,
    ProbeOutcome,
)
from services.evaluator.app.services.behaviour.rules import (
    BEHAVIOUR_CHECKS,
    BEHAVIOUR_CRITERIA,
    Run,
    find_in_run,
    grade_run,
)

KINDS = {
    "kept": "example", "contradicted": "example",
    "returned": "call", "gave_none": "call", "raised": "call",
}  # fmt: skip
FINISHED = Execution("finished", loaded=True)


def observe(
    outcome: ProbeOutcome,
    kind: str = "",
    *,
    is_hindered: bool = False,
) -> Observation:
    return Observation(
        kind=kind or KINDS[outcome],  # type: ignore[arg-type]
        ran="f(1)",
        came_back="1",
        expected="",
        outcome=outcome,
        reason=f"f(1) {outcome}",
        is_hindered=is_hindered,
    )


def run_of(*outcomes: ProbeOutcome, kind: str = "", execution: Execution = FINISHED) -> Run:
    observations = tuple(observe(one, kind) for one in outcomes)
    return Run(execution, Behaviour(observations))


@pytest.mark.parametrize(
    ("rule", "outcomes", "outcome"),
    [
        ("keeps_the_examples", ("kept",), "passed"),
        ("keeps_the_examples", ("kept", "contradicted"), "failed"),
        ("keeps_the_examples", ("returned",), "not_applicable"),
        ("answers_plausible_calls", ("returned",), "passed"),
        ("answers_plausible_calls", ("returned", "raised"), "passed"),
        ("answers_plausible_calls", ("returned", "raised", "gave_none"), "failed"),
        ("answers_plausible_calls", ("gave_none",), "failed"),
        ("answers_plausible_calls", ("kept",), "not_applicable"),
        ("loads", (), "passed"),
    ],
)
def test_a_rule_follows_what_was_observed(
    rule: str, outcomes: tuple[ProbeOutcome, ...], outcome: str
) -> None:
    finding = find_in_run(run_of(*outcomes))[rule]
    assert finding.outcome == outcome
    assert finding.reason


@pytest.mark.parametrize(
    ("execution", "outcome"),
    [
        (Execution("load_failed", loaded=False, reason="it raised"), "failed"),
        (Execution("stopped", loaded=False, reason="it ran on", limit="cpu"), "failed"),
        (Execution("stopped", loaded=True, reason="it ran on", limit="cpu"), "passed"),
        (Execution("inconclusive", loaded=False, reason="it wants numpy"), "not_applicable"),
        (Execution("unavailable", loaded=False, reason="no sandbox"), "not_applicable"),
    ],
)
def test_loading_fails_only_where_the_code_is_to_blame(execution: Execution, outcome: str) -> None:
    assert find_in_run(run_of(execution=execution))["loads"].outcome == outcome


def grade(*outcomes: ProbeOutcome, execution: Execution = FINISHED) -> float:
    return grade_run(run_of(*outcomes, execution=execution))["does_its_work"].value


def test_the_better_the_evidence_the_better_the_grade() -> None:
    kept, returned, nothing = grade("kept"), grade("returned"), grade()
    raised, contradicted = grade("raised"), grade("contradicted", "kept")
    assert kept > returned > nothing > grade("returned", "raised") > raised > contradicted
    assert (kept, contradicted) == (1, 0)


def test_calls_that_only_raise_doubts_count_less_than_nothing_known_and_more_than_failures() -> (
    None
):
    doubtful = Behaviour((observe("inconclusive", "call"),), True)
    grade_of_doubt = grade_run(Run(FINISHED, doubtful))["does_its_work"].value
    assert grade("raised") < grade_of_doubt < grade()


def test_what_was_shown_wrong_earns_nothing_whatever_else_is_right() -> None:
    assert grade("kept", "returned", "contradicted") == 0


@pytest.mark.parametrize("status", ["unavailable", "inconclusive"])
def test_what_was_not_run_is_neither_right_nor_wrong(status: str) -> None:
    execution = Execution(status, loaded=False)  # type: ignore[arg-type]
    assert grade(execution=execution) == grade()


def test_no_run_has_no_findings_and_no_grade() -> None:
    assert {finding.outcome for finding in find_in_run(None).values()} == {"not_applicable"}
    assert grade_run(None) == {}
    assert set(find_in_run(None)) == set(BEHAVIOUR_CHECKS)
    assert set(grade_run(run_of())) == set(BEHAVIOUR_CRITERIA)


@pytest.mark.parametrize(
    ("outcomes", "outcome"),
    [
        (("kept",), "passed"),
        (("kept", "inconclusive", "not_reached"), "passed"),
        (("kept", "contradicted"), "failed"),
        (("inconclusive",), "not_applicable"),
        ((), "not_applicable"),
    ],
)
def test_checks_count_as_examples_do(outcomes: tuple[ProbeOutcome, ...], outcome: str) -> None:
    run = run_of(*outcomes, kind="check")
    found = find_in_run(run)
    assert found["passes_the_checks"].outcome == outcome
    assert found["keeps_the_examples"].outcome == "not_applicable"
    if outcome != "not_applicable":
        assert grade_run(run)["does_its_work"].value == (outcome == "passed")


def test_an_example_that_is_contradicted_is_not_made_up_for_by_checks() -> None:
    observations = (observe("kept", "check"), observe("contradicted"))
    run = Run(FINISHED, Behaviour(observations))
    assert grade_run(run)["does_its_work"].value == 0


@pytest.mark.parametrize(
    ("observations", "evidence"),
    [
        ((observe("kept"), observe("contradicted", "check")), "checks"),
        ((observe("kept"), observe("inconclusive", "check")), "examples"),
        ((observe("contradicted"),), "examples"),
        ((observe("inconclusive", "example"), observe("returned")), "plausible_calls"),
        ((observe("inconclusive", "call"),), "static"),
        ((observe("not_reached", "call"),), "static"),
        ((), "static"),
    ],
)
def test_the_best_of_what_was_seen_is_the_evidence(
    observations: tuple[Observation, ...], evidence: str
) -> None:
    assert Run(FINISHED, Behaviour(observations)).evidence == evidence


@pytest.mark.parametrize(
    ("observations", "hinders"),
    [
        ((observe("inconclusive", "example", is_hindered=True),), True),
        ((observe("kept"), observe("inconclusive", "example", is_hindered=True)), True),
        ((observe("kept"), observe("inconclusive", "example")), False),
        ((observe("inconclusive", "call", is_hindered=True),), False),
        ((observe("inconclusive", "check", is_hindered=True),), True),
        ((), False),
    ],
)
def test_an_example_that_could_not_be_tried_is_an_obstacle(
    observations: tuple[Observation, ...], hinders: bool
) -> None:
    assert bool(Run(FINISHED, Behaviour(observations)).obstacle) is hinders


def test_a_load_that_wants_what_the_sandbox_lacks_is_an_obstacle() -> None:
    execution = Execution("inconclusive", loaded=False, reason="it wants numpy")
    assert run_of(execution=execution).obstacle == "it wants numpy"
    assert run_of(execution=Execution("unavailable", loaded=False, reason="none")).obstacle == ""
