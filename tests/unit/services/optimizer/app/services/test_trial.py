"""Which inputs choose a candidate, which give the verdict, and how scores are paired."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.task_types import GoldenInputs, load_golden_inputs
from services.optimizer.app.services.log_records import LoggedResult
from services.optimizer.app.services.promotion import PairedScore, sign_test
from services.optimizer.app.services.replay_results import ReplayInput, ReplayResult
from services.optimizer.app.services.trial import (
    CHOOSING_GOLDEN,
    MAX_FAILING,
    MAX_FAILING_WITHOUT_GOLDEN,
    VERDICT_GOLDEN,
    pair_scores,
    plan_trial,
    repairs_all,
    still_fails,
)

GOLDEN = GoldenInputs(
    choosing=tuple(f"choose {number}" for number in range(24)),
    verdict=tuple(f"judge {number}" for number in range(24)),
)
NO_GOLDEN = GoldenInputs()


def failure(text: str) -> LoggedResult:
    return LoggedResult(user_input=text, refined_input=f"{text}.", score=0.3, passed=False)


def failures(count: int) -> list[LoggedResult]:
    return [failure(f"fail {number}") for number in range(count)]


def texts(inputs: tuple[ReplayInput, ...]) -> list[str]:
    return [item.user_input for item in inputs]


def replayed(score: float, *, passed: bool | None = None, fingerprint: str = "f") -> ReplayResult:
    return ReplayResult(score, score >= 0.7 if passed is None else passed, fingerprint)


def test_failing_inputs_are_dealt_out_in_turn_and_golden_ones_added() -> None:
    trial = plan_trial(failures(3), GOLDEN)
    assert texts(trial.choosing) == ["fail 0", "fail 2", *GOLDEN.choosing[:CHOOSING_GOLDEN]]
    assert texts(trial.verdict) == ["fail 1", *GOLDEN.verdict[:VERDICT_GOLDEN]]
    assert trial.total == 3 + CHOOSING_GOLDEN + VERDICT_GOLDEN


def test_an_input_is_replayed_as_it_was_refined() -> None:
    first, *_, golden = plan_trial(failures(1), GOLDEN).choosing
    assert (first.user_input, first.refined_input, first.source) == ("fail 0", "fail 0.", "failing")
    assert golden.user_input == golden.refined_input
    assert golden.source == "golden"


@pytest.mark.parametrize(
    ("golden", "most"),
    [
        pytest.param(GOLDEN, MAX_FAILING, id="beside-golden-inputs"),
        pytest.param(NO_GOLDEN, MAX_FAILING_WITHOUT_GOLDEN, id="alone"),
    ],
)
def test_of_many_failing_inputs_the_newest_are_taken(golden: GoldenInputs, most: int) -> None:
    trial = plan_trial(failures(50), golden)
    taken = [item for item in (*trial.choosing, *trial.verdict) if item.source == "failing"]
    assert sorted(item.user_input for item in taken) == sorted(f"fail {n}" for n in range(most))


@pytest.mark.parametrize("text", ["choose 0", "choose 1", "judge 0", "judge 3"])
@pytest.mark.parametrize("position", [0, 1], ids=["choosing", "verdict"])
def test_a_golden_input_that_fails_in_traffic_is_replayed_once(text: str, position: int) -> None:
    failing = failures(2)
    failing[position] = failure(text)
    trial = plan_trial(failing, GOLDEN)
    assert [*texts(trial.choosing), *texts(trial.verdict)].count(text) == 1
    assert len(trial.verdict) == 1 + VERDICT_GOLDEN


@given(
    st.lists(st.sampled_from([f"{kind} {n}" for kind in ("fail", "judge") for n in range(12)])),
    st.sampled_from([GOLDEN, NO_GOLDEN, load_golden_inputs("code_generation")]),
)
def test_what_chooses_has_no_part_in_the_verdict(names: list[str], golden: GoldenInputs) -> None:
    trial = plan_trial([failure(name) for name in dict.fromkeys(names)], golden)
    choosing, verdict = texts(trial.choosing), texts(trial.verdict)
    assert not set(choosing) & set(verdict)
    assert len(set(choosing)) == len(choosing)
    assert len(set(verdict)) == len(verdict)
    ids = [item.id for item in (*trial.choosing, *trial.verdict)]
    assert len(set(ids)) == len(ids)
    assert not set(verdict) & set(golden.choosing)


def test_a_repair_of_code_generation_can_be_proven_whatever_failed() -> None:
    golden = load_golden_inputs("code_generation")
    for count in range(1, 10):
        assert sign_test(len(plan_trial(failures(count), golden).verdict), 0) <= 0.05


def test_only_inputs_that_both_were_scored_on_by_one_evaluator_are_paired() -> None:
    incumbent = {"a": replayed(0.3), "b": replayed(0.4), "c": replayed(0.5)}
    candidate = {"a": replayed(0.9), "c": replayed(0.9, fingerprint="g"), "d": replayed(0.9)}
    assert pair_scores(incumbent, candidate) == [PairedScore("a", 0.3, 0.9)]


@pytest.mark.parametrize(
    ("scores", "fails"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([0.9, 0.7], False, id="all-pass"),
        pytest.param([0.9, 0.3], True, id="one-fails"),
    ],
)
def test_whether_a_prompt_still_fails(scores: list[float], fails: bool) -> None:
    results = {str(number): replayed(score) for number, score in enumerate(scores)}
    assert still_fails(results) is fails


@pytest.mark.parametrize(
    ("candidate", "repaired"),
    [
        pytest.param({"failing-1": 0.9, "failing-3": 0.9, "golden-1": 0.1}, True, id="all"),
        pytest.param({"failing-1": 0.9, "failing-3": 0.1}, True, id="what-did-not-fail-again"),
        pytest.param({"failing-1": 0.6, "failing-3": 0.9}, False, id="one-still-fails"),
        pytest.param({"failing-3": 0.9}, False, id="one-was-not-scored"),
    ],
)
def test_whether_a_candidate_repairs_all_that_fails_in_traffic(
    candidate: dict[str, float], repaired: bool
) -> None:
    incumbent = {"failing-1": replayed(0.3), "failing-3": replayed(0.8), "golden-1": replayed(0.3)}
    results = {input_id: replayed(score) for input_id, score in candidate.items()}
    assert repairs_all(results, incumbent) is repaired


def test_where_nothing_fails_again_nothing_is_repaired() -> None:
    assert not repairs_all({"failing-1": replayed(0.9)}, {"failing-1": replayed(0.9)})
