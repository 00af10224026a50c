"""How surprising failures are."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.record.surprise import (
    ACTIVATION,
    LARGEST_WEALTH,
    RUN_LENGTH,
    SERVICE,
    ChangeDetector,
    Outcome,
    Record,
    Served,
    beta_binomial_tail,
    compare_activation,
    detect_change,
    find_norm,
    rate_surprise,
)

OUTCOMES = st.lists(st.builds(Outcome, st.booleans(), st.sampled_from([0.1, 0.5, 1.0])))
RATES = st.floats(0.001, 0.999)


def answers(marks: str) -> list[Outcome]:
    return [Outcome(mark == "+") for mark in marks]


def run(detector: ChangeDetector, outcomes: list[Outcome]) -> float:
    for outcome in outcomes:
        detector.bet(outcome)
    return detector.wealth


@pytest.mark.parametrize(
    ("successes", "trials", "a", "b", "tail"),
    [
        pytest.param(0, 5, 1, 9, 1, id="none-or-more"),
        pytest.param(1, 1, 1, 9, 0.1, id="one-of-one-has-the-mean-s-chance"),
        pytest.param(1, 1, 3, 1, 0.75, id="whatever-the-mean"),
        pytest.param(2, 3, 1, 1, 0.5, id="a-uniform-rate-makes-all-counts-alike"),
        pytest.param(4, 4, 1, 1, 0.2, id="four-of-four-under-a-uniform-rate"),
        pytest.param(3, 3, 1, 9, 1 * 2 * 3 / (10 * 11 * 12), id="three-of-three"),
    ],
)
def test_the_tail_of_the_beta_binomial(
    successes: int, trials: int, a: float, b: float, tail: float
) -> None:
    assert beta_binomial_tail(successes, trials, a, b) == pytest.approx(tail)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.1, 300), st.floats(0.1, 300))
def test_the_tail_is_a_probability_that_falls(
    successes: int, more: int, a: float, b: float
) -> None:
    trials = successes + more
    tail = beta_binomial_tail(successes, trials, a, b)
    assert 0 < tail <= 1
    assert beta_binomial_tail(successes + 1, trials + 1, a, b) <= tail + 1e-9
    if more:
        assert beta_binomial_tail(successes + 1, trials, a, b) <= tail


def test_a_full_window_is_no_trouble() -> None:
    assert 0 < beta_binomial_tail(1_000, 1_000, 11, 199) < 1e-9
    surprise = rate_surprise(Record(1_000, 0), Served(recent=answers("-" * 1_000)))
    assert surprise.is_surprising
    assert surprise.e_value <= LARGEST_WEALTH


# Since an activation.


@for_each(
    [
        # base rate, known from, the answers, whether they alarm
        (0.05, 0, "---", True),
        (0.05, 0, "----+", True),
        (0.05, 0, "---++", True),
        (0.05, 0, "++---", True),
        (0.05, 0, "++++++++---", False),
        (0.05, 2_000, "---++", True),
        (0.05, 2_000, "+-+--", True),
        (0.05, 2_000, "++++++++---", False),
        (0.2, 200, "---", True),
        (0.2, 2_000, "---", True),
        (0.2, 2_000, "----+", True),
        (0.2, 2_000, "+----", True),
        (0.2, 2_000, "--+--", True),
        (0.2, 2_000, "++---", False),
        (0.45, 200, "---", False),
        (0.45, 200, "-" * 12, True),
        # Who fails more often than not is no norm: a half is the most that is usual.
        (0.9, 200, "---", True),
    ]
)
def test_an_activation_alarms_at_once_where_what_it_serves_breaks(
    row: tuple[float, int, str, bool],
) -> None:
    rate, known, marks, alarms = row
    usual = [Record(known, known - round(known * rate))]
    surprise = rate_surprise(
        Record(len(marks), marks.count("+")), Served((), answers(marks)), usual
    )
    assert surprise.is_surprising is alarms
    assert (surprise.clock, surprise.alarm_at) == (ACTIVATION, 20)


@given(st.integers(0, 400), st.floats(0, 1))
def test_under_what_is_believed_the_mean_wealth_is_one_at_most(known: int, rate: float) -> None:
    """Over all runs of twelve answers, each as likely as the posterior has it (Polya's urn)."""
    norm = Record(known, known - round(known * rate / 2))
    failing, passing = 0.75 + norm.failed, 14.25 + norm.passed
    mean = sum(
        (beta_binomial_tail(failed, 12, failing, passing) - _more_than(failed, failing, passing))
        * compare_activation(answers("-" * failed + "+" * (12 - failed)), norm)
        for failed in range(13)
    )
    assert mean <= 1 + 1e-9


def _more_than(failed: int, failing: float, passing: float) -> float:
    return beta_binomial_tail(failed + 1, 12, failing, passing) if failed < 12 else 0.0


@given(OUTCOMES, st.randoms())
def test_the_order_of_answers_since_an_activation_does_not_matter(
    outcomes: list[Outcome], chance: Random
) -> None:
    shuffled = list(outcomes)
    chance.shuffle(shuffled)
    found = compare_activation(shuffled, Record(90, 85))
    assert found == pytest.approx(compare_activation(outcomes, Record(90, 85)))


@given(OUTCOMES)
def test_a_failure_instead_of_a_pass_is_no_less_evidence(outcomes: list[Outcome]) -> None:
    for rate in (detect_change, lambda served: compare_activation(served.recent, Record())):
        failed = rate(Served(recent=[*outcomes, Outcome(passed=False)]))
        assert failed >= rate(Served(recent=[*outcomes, Outcome(passed=True)]))


# For a prompt that has long served.


@given(st.floats(1, 500), st.floats(1, 500), RATES, st.sampled_from([0.1, 1.0]), OUTCOMES)
def test_no_bet_is_better_than_fair_where_answers_fail_as_usual(
    failures: float, passes: float, rate: float, share: float, before: list[Outcome]
) -> None:
    """In the mean over an answer that fails no more often than is usual, nothing is won."""
    expected = 0.0
    for passed in (True, False):
        detector = ChangeDetector(failures, passes)
        held = run(detector, before) + 1
        failure_rate = min(rate, detector.usual_failure_rate)
        detector.bet(Outcome(passed, share))
        expected += (1 - failure_rate if passed else failure_rate) * detector.wealth
    assert expected <= held * (1 + 1e-9)


@given(OUTCOMES, st.integers(0, 40), st.floats(1, 100), st.floats(1, 100))
def test_who_forgets_the_oldest_starts_holds_no_more_than_who_keeps_them(
    outcomes: list[Outcome], cut: int, failures: float, passes: float
) -> None:
    whole = run(ChangeDetector(failures, passes), outcomes)
    windowed = ChangeDetector(failures, passes)
    for outcome in outcomes[:cut]:
        windowed.learn(outcome)
    assert run(windowed, outcomes[cut:]) <= whole * (1 + 1e-9)


@given(OUTCOMES)
def test_what_is_recomputed_at_a_look_is_what_was_followed(outcomes: list[Outcome]) -> None:
    assert detect_change(Served(recent=outcomes)) == run(ChangeDetector(), outcomes)


def test_an_input_that_is_asked_again_counts_for_less() -> None:
    again = [Outcome(passed=False, nth=nth) for nth in range(1, 6)]
    earlier = answers("+" * 2_000)
    assert detect_change(Served(earlier, again)) < RUN_LENGTH
    assert detect_change(Served(earlier, answers("-" * 5))) > RUN_LENGTH


@for_each(
    [
        # what it did before, what it does now, whether that alarms
        ("+" * 19 + "-", "-----", True),
        ("+" * 19 + "-", "----", False),
        ("+" * 19 + "-", "++-" * 13, True),
        ("+" * 19 + "-", "+++++++++-" * 6, False),
        ("++++-", "++++-" * 100, False),
        ("+-", "+-" * 200, False),
        # A prompt that passes less than half is no norm, not even its own.
        ("+" + "-" * 9, "-" * 40, True),
    ]
)
def test_a_prompt_that_has_long_served_is_compared_with_itself(
    row: tuple[str, str, bool],
) -> None:
    before, now, alarms = row
    served = Served(answers(before * (2_000 // len(before))), answers(now), is_whole=False)
    surprise = rate_surprise(Record(len(now), now.count("+")), served, [Record(200, 200)])
    assert surprise.is_surprising is alarms
    assert (surprise.clock, surprise.alarm_at) == (SERVICE, RUN_LENGTH)


def test_where_not_all_was_read_no_activation_is_judged() -> None:
    broken = Record(3, 0)
    assert rate_surprise(broken, Served((), answers("---"))).clock == ACTIVATION
    assert rate_surprise(broken, Served((), answers("---"), is_whole=False)).clock == SERVICE


def test_the_surprise_tells_what_was_expected() -> None:
    served = Served((), answers("+" * 10 + "-" * 5))
    surprise = rate_surprise(Record(5, 0), served, [Record(90, 85), Record(10, 2)])
    assert surprise.baseline_answers == 10
    assert surprise.baseline_failure_rate == pytest.approx(0.75 / 25)
    assert surprise.p_value == pytest.approx(beta_binomial_tail(5, 5, 0.75, 24.25))


def test_without_any_record_a_twentieth_is_expected_to_fail() -> None:
    surprise = rate_surprise(Record(10, 9), Served((), answers("+" * 9 + "-")), [])
    assert (surprise.baseline_failure_rate, surprise.baseline_answers) == (0.05, 0)
    assert surprise.p_value == pytest.approx(beta_binomial_tail(1, 10, 0.75, 14.25))


@for_each(
    [
        ([], Record()),
        ([Record(200, 190), Record(200, 140)], Record(200, 190)),
        ([Record(200, 100)], Record(200, 100)),
        ([Record(200, 99)], Record()),
    ]
)
def test_the_norm_is_the_best_that_passes_at_least_half(
    row: tuple[list[Record], Record],
) -> None:
    assert find_norm(row[0]) == row[1]


def test_nothing_is_no_surprise() -> None:
    assert not rate_surprise(Record(), Served(), []).is_surprising
