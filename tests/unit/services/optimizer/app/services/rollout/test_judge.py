"""What becomes of a rollout: three ends, and nothing without data."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.optimizer.app.services.rollout import judge as judging
from services.optimizer.app.services.rollout.evidence import Evidence, Series, StepEvidence
from services.optimizer.app.services.rollout.judge import Judgement, bet, describe, judge

MARGIN = 0.05


def step(
    live: list[float], replays: list[float] | None = None, counted: list[float] | None = None
) -> StepEvidence:
    series = Series(gains=live), Series(gains=live if counted is None else counted)
    return StepEvidence(live=series[0], counted=series[1], replays=replays or [])


def judge_gains(*steps: StepEvidence, **guards: list[float]) -> Judgement:
    series = {name: Series(gains=gains) for name, gains in guards.items()}
    return judge(Evidence(steps=list(steps), **series), margin=MARGIN)


@for_each(
    [
        ("nothing", [step([])], {}, "wait", ""),
        ("one pair", [step([1.0])], {}, "wait", ""),
        ("better", [step([0.6] * 15)], {}, "go_on", ""),
        ("better on replays", [step([], [0.6] * 15)], {}, "go_on", ""),
        ("no worse", [step([0.0] * 200)], {}, "go_on", ""),
        ("silent where it is bad", [step([0.1] * 200, None, [-0.1] * 200)], {}, "wait", ""),
        ("a little of either", [step([0.6] * 8, [0.6] * 8)], {}, "wait", ""),
        ("at the margin", [step([-0.05] * 60)], {}, "wait", ""),
        ("worse", [step([-0.6] * 15)], {}, "abort", "canary_worse"),
        ("worse over two steps", [step([-0.6] * 8), step([-0.6] * 8)], {}, "abort", "canary_worse"),
        ("evidence of the step before", [step([0.6] * 15), step([])], {}, "wait", ""),
        ("refuses", [step([])], {"served": [-1.0] * 12}, "abort", "canary_refuses"),
        ("answers alike", [step([])], {"served": [0.0] * 500}, "wait", ""),
        ("slow", [step([0.6] * 15)], {"latency": [1.0] * 12}, "abort", "canary_slow"),
        ("long", [step([])], {"tokens": [1.0] * 12}, "abort", "canary_long"),
        ("as long", [step([])], {"tokens": [-1.0, 1.0] * 200}, "wait", ""),
    ],
    name=lambda row: row[0],
)
def test_ends(row: tuple[str, list[StepEvidence], dict[str, list[float]], str, str]) -> None:
    _, steps, guards, outcome, reason = row
    found = judge_gains(*steps, **guards)
    assert (found.outcome, found.reason) == (outcome, reason)


def test_what_can_t_be_decided_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MAX_PAIRS", 20)
    found = judge_gains(step([-0.05] * 20))
    assert (found.outcome, found.reason) == ("abort", "canary_undecided")


def test_the_wealth_of_a_bet_is_1_in_the_mean_at_the_edge_of_its_null() -> None:
    """Each of the four bets, over all sequences of four gains at the edge of what it denies."""
    for shift, direction, gains in (
        (0.5, 1, (-1.0, 0.0)),
        (0.5, -1, (-1.0, 0.0)),
        (0.0, 1, (-1, 1)),
    ):
        sequences = [[gains[bit >> at & 1] for at in range(4)] for bit in range(16)]
        wealths = [bet(one, direction=direction, shift=shift) for one in sequences]
        assert sum(wealths) / 16 == pytest.approx(1)


def test_one_that_is_worse_by_a_tenth_seldom_goes_on() -> None:
    number, went_on = random.Random(17), 0
    for _ in range(60):
        gains: list[float] = []
        found = judge_gains(step(gains))
        while found.outcome == "wait" and len(gains) < 300:
            gains += [(number.random() < 0.8) - float(number.random() < 0.9) for _ in range(25)]
            found = judge_gains(step(gains))
        went_on += found.outcome == "go_on"
    assert went_on <= 4  # 0.02 of 60 is 1.2


def test_the_report_tells_what_each_step_rested_on() -> None:
    evidence = Evidence(steps=[step([0.5] * 3, [0.2]), step([])])
    shown = describe(evidence, judge(evidence, margin=MARGIN), margin=MARGIN)
    assert [one["live_pairs"] for one in shown["figures"]] == [3, 0]
    assert [one["live_gain"] for one in shown["figures"]] == [0.5, None]
    assert shown["figures"][0]["replay_gain"] == 0.2
    assert set(shown["guards"]) == {"canary_refuses", "canary_slow", "canary_long"}


@given(
    st.lists(st.just(0.0) | st.floats(-1, 1, allow_subnormal=False), max_size=60),
    st.sets(st.integers(0, 59)),
)
def test_to_leave_out_pairs_without_a_gain_makes_no_bet_easier(
    gains: list[float], left_out: set[int]
) -> None:
    fewer = [gain for number, gain in enumerate(gains) if gain or number not in left_out]
    assert bet(fewer, shift=MARGIN) <= bet(gains, shift=MARGIN) * (1 + 1e-9)
    assert bet(fewer, direction=-1) <= bet(gains, direction=-1) * (1 + 1e-9)
