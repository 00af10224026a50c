"""Wagers: how the error rate is shared, what is bet on twice, and when betting ends."""

from itertools import product
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.proof.betting import FIRST_ALPHA, MAX_PROVING, SIGNIFICANCE_LEVEL, alpha_of
from services.optimizer.app.services.proof.replay_results import GOLDEN, ReplayInput
from services.optimizer.app.services.proof.wagers import (
    ENOUGH_WITHOUT_WIN,
    INPUTS_USED_UP,
    LEAST_FRESH,
    NO_BETTER,
    Wager,
    WagerBook,
)

GAIN = st.floats(-1, 1)


def item(text: str) -> ReplayInput:
    return ReplayInput(f"golden-{text}", text, text, GOLDEN)


def test_all_wagers_of_an_incident_spend_the_error_rate_together() -> None:
    spent = sum(alpha_of(number) for number in range(1, 100_000))
    assert 0.04999 < spent <= SIGNIFICANCE_LEVEL
    assert alpha_of(1) == FIRST_ALPHA


def test_five_whole_wins_decide_an_incident_s_first_wager_and_four_do_not() -> None:
    assert not Wager(FIRST_ALPHA, (1.0,) * 4).wealth.reaches(FIRST_ALPHA)
    assert Wager(FIRST_ALPHA, (1.0,) * 5).wealth.reaches(FIRST_ALPHA)
    assert LEAST_FRESH == 5


@pytest.mark.parametrize("number", [1, 2, 5])
def test_under_a_tie_the_wealth_over_heals_is_1_in_the_mean_and_rarely_enough(number: int) -> None:
    """All of the 2^12 ways in which 12 fair pairs can fall, each as likely as any other."""
    alpha = alpha_of(number)
    ends = [Wager(alpha, gains).wealth for gains in product((-1.0, 1.0), repeat=12)]
    assert fmean(end.now for end in ends) == pytest.approx(1)
    assert fmean(end.reaches(alpha) for end in ends) <= alpha


@given(st.lists(GAIN, max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_whatever_went_before_no_fair_pair_can_be_expected_to_pay(
    past: list[float], win: float, loss: float
) -> None:
    """Two outcomes with a mean of zero, after any past: the stake depends on that alone."""
    wager = Wager(gains=tuple(past))
    if win + loss < 1e-6:
        return
    won, lost = (Wager(gains=(*past, gain)).wealth.now for gain in (win, -loss))
    mean = (loss * won + win * lost) / (win + loss)
    assert mean == pytest.approx(wager.wealth.now)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), GAIN), max_size=40), st.integers(1, 5))
def test_no_input_counts_twice(bets: list[tuple[str, float]], size: int) -> None:
    wager = Wager()
    for start in range(0, len(bets), size):
        wager = wager.bet_on(bets[start : start + size])
    assert len(wager.gains) == len(wager.seen) == len({name for name, _ in bets})


def test_what_was_seen_is_never_bet_on_and_the_order_is_kept() -> None:
    inputs = [item(str(number)) for number in range(60)]
    wager = Wager(seen=frozenset(one.fingerprint for one in inputs[::2]))
    fresh = wager.pick_fresh([*inputs, *inputs])
    assert fresh == inputs[1::2][:MAX_PROVING]


@pytest.mark.parametrize(
    ("gains", "fresh", "obstacle"),
    [
        pytest.param((), LEAST_FRESH, "", id="new"),
        pytest.param((), LEAST_FRESH - 1, INPUTS_USED_UP, id="too-few"),
        pytest.param((1.0,) * 4, 1, "", id="one-may-decide"),
        pytest.param((1.0,) * 4, 0, INPUTS_USED_UP, id="none-is-left"),
        pytest.param((1.0,) * 5, 0, "", id="won-already"),
        pytest.param((-1.0,) * 5, 24, NO_BETTER, id="shown-worse"),
        pytest.param((0.0,) * ENOUGH_WITHOUT_WIN, 24, NO_BETTER, id="nothing-won-on-many"),
        pytest.param((0.0,) * (ENOUGH_WITHOUT_WIN - 1), 24, "", id="nothing-won-on-a-few"),
        pytest.param((1.0, -1.0) * 24, 24, NO_BETTER, id="as-many-lost-as-won"),
        pytest.param((1.0, -1.0) * 23, 24, "", id="as-many-lost-as-won-so-far"),
        pytest.param((1.0, -1.0) * 8 + (1.0,), 24, "", id="undecided"),
    ],
)
def test_when_a_text_comes_before_the_gate(
    gains: tuple[float, ...], fresh: int, obstacle: str
) -> None:
    assert Wager(FIRST_ALPHA, gains, number=1).find_obstacle(fresh) == obstacle


@pytest.mark.parametrize(
    ("gains", "left", "bet_now", "goes_on"),
    [
        pytest.param((), 5, 0, True, id="may-be-decided"),
        pytest.param((1.0, -1.0, 1.0), 2, 3, True, id="wins-though-this-heal-can-not-decide"),
        pytest.param((1.0, -1.0), 2, 2, False, id="wins-nothing"),
        pytest.param((1.0, -1.0, -1.0), 5, 0, True, id="a-first-look-in-each-heal"),
        pytest.param((-1.0,) * 5, 24, 0, False, id="shown-worse"),
        pytest.param((1.0, 1.0), 0, 2, False, id="no-pair-left"),
    ],
)
def test_when_betting_goes_on_in_a_heal(
    gains: tuple[float, ...], left: int, bet_now: int, goes_on: bool
) -> None:
    wager = Wager(FIRST_ALPHA, gains, number=1)
    assert wager.goes_on(left, bet_now=bet_now) == goes_on


async def test_each_text_gets_the_next_number_and_goes_on_with_its_own_evidence() -> None:
    book = WagerBook()
    first = await book.open("a", [item("x")])
    await book.bet("a", [("p", 1.0), ("q", -0.5)])
    second = await book.open("b", [])
    assert [first.alpha, second.alpha] == [alpha_of(1), alpha_of(2)]
    again = await book.open("a", [item("y")])
    assert again.gains == (1.0, -0.5)
    assert again.seen == {"p", "q", item("x").fingerprint, item("y").fingerprint}
    assert book.find("c").number == 3


@for_each(
    [
        ("it has won", (1.0, 1.0), True),
        ("it has lost less than a new bet would begin behind", (1.0, -1.0), True),
        ("it has lost more", (-1.0,), False),
        ("it is decided", (1.0,) * 5, False),
        ("it is given up", (0.0,) * ENOUGH_WITHOUT_WIN, False),
    ]
)
def test_a_bet_goes_on_while_a_new_one_would_take_longer(
    row: tuple[str, tuple[float, ...], bool],
) -> None:
    _, gains, expected = row
    assert Wager(FIRST_ALPHA, gains).is_ahead_of(alpha_of(2)) == expected
