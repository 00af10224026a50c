"""The bet: what a pair is worth, and what the gambler's wealth comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.proof.betting import TIE_MARGIN, PairedScore, follow_wealth, play, wins_needed

GAIN = st.floats(-1, 1)


def scored(*, incumbent: float, candidate: float) -> PairedScore:
    return PairedScore("x", incumbent, candidate)


# One pair.


@pytest.mark.parametrize(
    ("incumbent", "candidate", "gain"),
    [
        pytest.param(0.5, 0.5, 0, id="equal"),
        pytest.param(0.5, 0.75, 0.5, id="a-quarter-of-a-point"),
        pytest.param(0.3, 0.8, 1, id="half-a-point-is-a-whole"),
        pytest.param(0.0, 1.0, 1, id="more-is-no-more-than-a-whole"),
        pytest.param(1.0, 0.0, -1, id="nor-is-a-loss"),
    ],
)
def test_the_gain_of_a_pair(incumbent: float, candidate: float, gain: float) -> None:
    assert scored(incumbent=incumbent, candidate=candidate).gain == pytest.approx(gain)
    assert scored(incumbent=candidate, candidate=incumbent).gain == pytest.approx(-gain)


@pytest.mark.parametrize(
    ("incumbent", "candidate", "sign"),
    [
        pytest.param(0.5, 0.6, 1, id="better"),
        pytest.param(0.5, 0.5, 0, id="equal"),
        pytest.param(0.5, 0.515, 0, id="within-the-margin"),
        pytest.param(0.0, TIE_MARGIN, 0, id="at-the-margin"),
        pytest.param(0.5, 0.53, 1, id="beyond-the-margin"),
    ],
)
def test_the_sign_of_a_pair(incumbent: float, candidate: float, sign: int) -> None:
    assert scored(incumbent=incumbent, candidate=candidate).sign == sign
    assert scored(incumbent=candidate, candidate=incumbent).sign == -sign


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1, 8])
@pytest.mark.parametrize("arm", ["incumbent", "candidate"])
def test_what_is_no_score_is_no_pair(arm: str, score: float) -> None:
    with pytest.raises(ValueError, match=f"{arm} must be in"):
        scored(**{"incumbent": 0.5, "candidate": 0.5, arm: score})


# The bet.


@pytest.mark.parametrize(
    ("gains", "now", "peak"),
    [
        pytest.param([], 1, 1, id="no-bet"),
        pytest.param([0, 0, 0], 1, 1, id="ties-move-nothing"),
        pytest.param([1], 1.9, 1.9, id="one-win"),
        pytest.param([1, 1], 3.61, 3.61, id="two-wins"),
        pytest.param([1, -1], 0.19, 1.9, id="a-loss-takes-nearly-all"),
        pytest.param([-1], 0.1, 1, id="the-peak-is-never-under-the-start"),
        pytest.param([0.5, 0.5], 1.45**2, 1.45**2, id="half-wins"),
    ],
)
def test_wealth(gains: list[float], now: float, peak: float) -> None:
    wealth = play(gains)
    assert (wealth.now, wealth.peak) == (pytest.approx(now), pytest.approx(peak))
    assert wealth.p_value == pytest.approx(1 / peak)


@pytest.mark.parametrize("gain", [float("nan"), float("inf"), -float("inf"), 1.000_1, -1.000_1])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_gain_outside_the_range_is_refused(gain: float, direction: int) -> None:
    with pytest.raises(ValueError, match=r"gain must be in \[-1, 1\]"):
        play([0.5, gain], direction=direction)


@given(st.lists(GAIN, max_size=60), st.sampled_from([1, -1]), st.floats(0, 1, exclude_max=True))
def test_wealth_is_never_negative_and_never_above_its_peak(
    gains: list[float], direction: int, stake: float
) -> None:
    wealth = play(gains, direction=direction, stake=stake)
    assert 0 <= wealth.now <= wealth.peak
    assert wealth.peak >= 1
    assert 0 < wealth.p_value <= 1


@given(st.lists(GAIN, max_size=30))
def test_one_of_the_two_gamblers_never_wins_what_the_other_does(gains: list[float]) -> None:
    """Their wealths multiply to 1 - (stake x gain)^2 a pair: both can't be rich at once."""
    assert play(gains).now * play(gains, direction=-1).now <= 1 + 1e-9


@given(st.lists(GAIN, max_size=30), st.integers(0, 30))
def test_the_peak_only_rises_with_what_is_measured(gains: list[float], earlier: int) -> None:
    assert play(gains[:earlier]).peak <= play(gains).peak


def test_a_tie_can_not_be_expected_to_pay() -> None:
    """The whole of the proof: with a mean of zero the wealth's expectation stays where it is."""
    even = 0.5 * play([1.0]).now + 0.5 * play([-1.0]).now
    uneven = 0.75 * play([0.2]).now + 0.25 * play([-0.6]).now
    assert [even, uneven] == pytest.approx([1, 1])


@pytest.mark.parametrize("pairs_left", range(9))
def test_what_could_still_be_reached_is_what_whole_wins_would_reach(pairs_left: int) -> None:
    for so_far in ([], [1.0], [-1.0], [0.4, 0.4], [1.0, -0.5]):
        could = play(so_far).could_reach(pairs_left)
        assert could == play([*so_far, *[1.0] * pairs_left]).reaches()


def test_the_wealth_is_followed_from_bet_to_bet() -> None:
    assert list(follow_wealth([1, 0, -1])) == pytest.approx(
        [1.9, 1.9, 1.9 * (0.45 * 0.1 + 0.55 * 0.55)]
    )


@pytest.mark.parametrize(("losses", "wins"), [(0, 5), (1, 10), (2, 13), (3, 17)])
def test_so_many_whole_wins_decide_after_losses_and_one_fewer_does_not(
    losses: int, wins: int
) -> None:
    assert wins_needed(losses=losses) == wins
    assert play([-1.0] * losses + [1.0] * wins).reaches()
    assert not play([-1.0] * losses + [1.0] * (wins - 1)).reaches()
