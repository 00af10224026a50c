from dataclasses import replace

import pytest
from grading.dimensions.healing import FULL, broke, judge_healing, mean_score, pass_rate
from grading.observations import CycleSeen, Exchange
from grading.result import Code, OptimizerRun
from hypothesis import given
from hypothesis import strategies as st
from support.observed import (
    BAD,
    HEALED,
    SEED,
    cycle,
    exchange,
    failing,
    observations,
    passing,
    unanswered,
)

SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def lost(*cycles: CycleSeen) -> dict[Code, float]:
    return {one.code: one.points for one in judge_healing(observations(cycles=cycles))}


def scored(scores: list[float]) -> tuple[Exchange, ...]:
    return tuple(exchange(score=score) for score in scores)


def test_a_heal_loses_nothing() -> None:
    assert lost(cycle(), cycle(number=2)) == {}


@given(SCORES)
def test_requests_are_summed_up_within_their_bounds(scores: list[float]) -> None:
    exchanges = scored(scores)
    mean = mean_score(exchanges)
    assert mean is not None
    assert min(scores) - 1e-9 <= mean <= max(scores) + 1e-9
    assert pass_rate(exchanges) == sum(score >= 0.7 for score in scores) / len(scores)
    assert broke(exchanges) is (sum(score < 0.7 for score in scores) >= 3)


def test_unanswered_requests_have_no_mean_and_count_as_failures() -> None:
    assert mean_score([unanswered()]) is None
    assert pass_rate([unanswered(), exchange()]) == 0.5
    assert broke([unanswered()] * 3)


def test_a_cycle_weighs_its_share() -> None:
    unhealed = cycle(
        number=2,
        prompts_after=(SEED, replace(BAD, is_active=True)),
        after=failing(),
    )
    assert lost(unhealed) == {Code.PROMPT_NOT_REPLACED: FULL}
    assert lost(cycle(), unhealed) == {Code.PROMPT_NOT_REPLACED: FULL / 2}
    assert lost(cycle(), cycle(), unhealed) == {Code.PROMPT_NOT_REPLACED: FULL / 3}


@pytest.mark.parametrize(
    ("before", "code"),
    [
        (failing(score=0.9, version=1, active=99), Code.PROMPT_NOT_LOADED),
        (failing(score=0.9), Code.FAILURES_NOT_SEEN),
        (failing(score=0.9, output="def f(): return 1"), Code.NOTHING_BROKE),
    ],
)
def test_a_bad_prompt_that_breaks_nothing_is_explained(
    before: tuple[Exchange, ...], code: Code
) -> None:
    assert lost(cycle(before=before)) == {code: FULL}


@pytest.mark.parametrize(
    ("run", "code"),
    [
        (OptimizerRun(1, 0.5, "Traceback"), Code.OPTIMIZER_FAILED),
        (OptimizerRun(None, 0.1, "", "not_found"), Code.OPTIMIZER_NOT_FOUND),
        (OptimizerRun(None, 300, "", "timed_out"), Code.OPTIMIZER_TIMED_OUT),
    ],
)
def test_an_optimizer_that_fails_costs_all_unless_it_healed(run: OptimizerRun, code: Code) -> None:
    unhealed = (SEED, replace(BAD, is_active=True))
    assert lost(cycle(optimizer=run, prompts_after=unhealed)) == {code: FULL}
    assert lost(cycle(optimizer=run)) == {code: 5}


def test_a_version_that_was_written_must_be_active() -> None:
    written = (SEED, replace(BAD, is_active=True), replace(HEALED, is_active=False))
    assert lost(cycle(prompts_after=written)) == {Code.NEW_VERSION_NOT_ACTIVE: FULL}
    none_active = (SEED, BAD, replace(HEALED, is_active=False))
    assert lost(cycle(prompts_after=none_active)) == {Code.NEW_VERSION_NOT_ACTIVE: FULL}


def test_a_copy_of_the_bad_prompt_replaces_nothing() -> None:
    copied = (SEED, BAD, replace(HEALED, content=f" {BAD.content}\n"))
    assert lost(cycle(prompts_after=copied)) == {Code.PROMPT_NOT_REPLACED: FULL}


def test_versions_are_new_and_one() -> None:
    back = (replace(SEED, is_active=True), BAD)
    assert lost(cycle(prompts_after=back)) == {Code.NO_NEW_VERSION: 10}
    same_number = (SEED, BAD, replace(HEALED, version=BAD.version))
    assert lost(cycle(prompts_after=same_number)) == {Code.NO_NEW_VERSION: 10}
    two = (replace(SEED, is_active=True), BAD, HEALED)
    assert lost(cycle(prompts_after=two)) == {Code.SEVERAL_ACTIVE: 10}


def test_scores_and_pass_rate_must_rise() -> None:
    assert lost(cycle(after=failing())) == {
        Code.SCORE_NOT_IMPROVED: 15,
        Code.PASS_RATE_NOT_IMPROVED: 5,
    }
    assert lost(cycle(after=passing(score=0.5))) == {Code.PASS_RATE_NOT_IMPROVED: 5}
    assert lost(cycle(after=(unanswered(),) * 5)) == {
        Code.SCORE_NOT_IMPROVED: 15,
        Code.PASS_RATE_NOT_IMPROVED: 5,
    }


def test_any_score_is_better_than_requests_that_failed() -> None:
    assert lost(cycle(before=(unanswered(),) * 5)) == {}


def test_deleted_logs_cost_points_and_new_ones_none() -> None:
    assert lost(cycle(logged_after=2)) == {Code.LOGS_DELETED: 5}
    assert lost(cycle(logged_after=6)) == {}


@given(SCORES, SCORES, st.sampled_from([0, 1, None]), st.integers(0, 5))
def test_a_cycle_never_costs_more_than_the_report_can_show(
    before: list[float], after: list[float], code: int | None, logged: int
) -> None:
    seen = cycle(
        before=scored(before),
        after=scored(after),
        optimizer=OptimizerRun(code, 1.0),
        logged_after=logged,
    )
    taken = judge_healing(observations(cycles=(seen,)))
    assert all(0 < one.points <= FULL and one.facts["cycle"] == 1 for one in taken)
