"""Pairs of a rollout's arms: who is paired with whom looks at no score."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.optimizer.app.services.rollout.evidence import (
    MOST_BEHIND_PENDING,
    ArmAnswer,
    Evidence,
)


def answer(number: int, arm: str, score: float | None = 0.9, **values: object) -> ArmAnswer:
    plain = ArmAnswer(number, arm, score, passed=(score or 0) >= 0.7, served=True)
    return replace(plain, **values)  # type: ignore[arg-type]


def test_a_pair_closes_when_both_arms_have_answered() -> None:
    evidence = Evidence().take_in([
        answer(1, "incumbent", 0.2), answer(2, "incumbent", 0.4), answer(3, "candidate", 0.9),
        answer(4, "candidate", 0.8), answer(5, "incumbent", 0.8), answer(6, "incumbent", 0.1),
    ])  # fmt: skip
    assert evidence.step.live.gains == pytest.approx([0.6, 0.0])
    assert evidence.step.live.waiting == [0.1]
    assert evidence.through == 6


def test_an_answer_without_an_outcome_is_waited_for() -> None:
    pending = answer(2, "candidate", None, served=None)
    later = [answer(number, "candidate") for number in range(3, 3 + MOST_BEHIND_PENDING)]
    waiting = Evidence().take_in([answer(1, "incumbent"), pending, *later[:-1]])
    assert (waiting.through, waiting.step.live.gains) == (1, [])
    left_out = Evidence().take_in([answer(1, "incumbent"), pending, *later])
    assert left_out.through == later[-1].execution_id
    assert len(left_out.step.live.gains) == 1


def test_an_answer_that_nobody_could_judge_counts_against_the_candidate_alone() -> None:
    """It says nothing of scores, ends no pairing, and was not answered."""
    unjudged: dict[str, Any] = {"score": None, "served": False, "kind": "model"}
    evidence = Evidence().take_in([
        answer(1, "incumbent", kind="judge model"), answer(2, "candidate", **unjudged),
        answer(3, "candidate", kind="judge model"), answer(4, "incumbent", **unjudged),
        answer(5, "incumbent", kind="judge model"), answer(6, "candidate", kind="judge model"),
    ])  # fmt: skip
    assert evidence.step.live.gains == [0.0, 0.0]
    assert evidence.step.counted.gains == [-0.9, 0.0]
    assert evidence.served.gains == [-1.0, 1.0, 0.0]


def test_an_answer_that_the_worker_failed_to_give_is_paired_with_a_judged_one() -> None:
    failed = answer(2, "candidate", 0.0, served=False, kind="model")
    evidence = Evidence().take_in([
        answer(1, "incumbent", kind="judge model"), failed,
        answer(3, "incumbent", kind="judge model"),
    ])  # fmt: skip
    assert evidence.step.live.gains == evidence.step.counted.gains == [-0.9]
    assert evidence.step.live.waiting == [0.9]


def test_a_pair_in_which_nobody_answered_says_nothing() -> None:
    """A model that hangs fails both arms alike; that shows no candidate to be no worse."""
    arms = ("incumbent", "candidate", "candidate", "incumbent")
    hung = [answer(n, arm, 0.0, served=False) for n, arm in enumerate(arms, 1)]
    evidence = Evidence().take_in([*hung, answer(5, "incumbent", 0.4), answer(6, "candidate")])
    assert evidence.step.live.gains == evidence.step.counted.gains == [0.5]
    assert evidence.served.gains == [0.0, 0.0, 0.0]


def test_an_answer_that_is_left_out_counts_as_nothing_of_the_candidate_s() -> None:
    pending = answer(2, "candidate", None, served=None)
    later = [answer(number, "incumbent") for number in range(3, 3 + MOST_BEHIND_PENDING)]
    evidence = Evidence().take_in([answer(1, "incumbent"), pending, *later])
    assert (evidence.step.live.gains, evidence.step.counted.gains) == ([], [-0.9])
    assert Evidence().take_in([pending] * (MOST_BEHIND_PENDING + 9)) == Evidence()


def test_answers_of_two_evaluators_make_no_pair() -> None:
    evidence = Evidence().take_in(
        [answer(1, "incumbent", kind="one"), answer(2, "candidate", kind="other")]
    )
    assert evidence.step.live.gains == []


def test_what_takes_long_counts_where_both_pass_and_by_more_than_a_moment() -> None:
    rows = [(100, 900, 1.0), (300, 500, -1.0), (10, 150, -1.0)]
    for before, after, gain in rows:
        evidence = Evidence().take_in(
            [answer(1, "incumbent", latency_ms=before), answer(2, "candidate", latency_ms=after)]
        )
        assert evidence.latency.gains == [gain]
    failing = Evidence().take_in(
        [answer(1, "incumbent", 0.1, latency_ms=1), answer(2, "candidate", latency_ms=900)]
    )
    assert failing.latency.gains == []


def test_a_step_begins_anew_and_keeps_what_was() -> None:
    first = Evidence().take_in(
        [answer(1, "incumbent"), answer(2, "candidate"), answer(3, "incumbent")]
    )
    second = first.with_replays(["print"], [0.5]).begin_step(7)
    assert (second.since, second.through, len(second.steps)) == (7, 7, 2)
    assert second.step.live.gains == second.step.replays == []
    assert second.steps[0].replays == [0.5]
    assert (second.replayed, second.served.gains) == (["print"], [0.0])
    assert second.served.waiting == []


scored = st.lists(st.tuples(st.sampled_from(["candidate", "incumbent"]), st.floats(0, 1)))


@given(scored, st.data())
def test_however_the_looks_fall_the_pairs_are_the_same(
    rows: list[tuple[str, float]], data: st.DataObject
) -> None:
    answers = [answer(number, arm, score) for number, (arm, score) in enumerate(rows, 1)]
    cut = data.draw(st.integers(0, len(answers)))
    at_once = Evidence().take_in(answers)
    looked = Evidence().take_in(answers[:cut])
    stored = Evidence.model_validate(looked.model_dump(mode="json"))
    assert stored.take_in(answers[cut:]) == at_once
    assert all(-1 <= gain <= 1 for gain in at_once.step.live.gains)


@given(scored)
def test_no_score_changes_who_is_paired(rows: list[tuple[str, float]]) -> None:
    pairs = [
        len(Evidence().take_in(
            [answer(n, arm, score if keeps else 0.5) for n, (arm, score) in enumerate(rows, 1)]
        ).step.live.gains)
        for keeps in (True, False)
    ]  # fmt: skip
    assert pairs[0] == pairs[1]
