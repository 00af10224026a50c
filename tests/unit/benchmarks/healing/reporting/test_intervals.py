import pytest

from benchmarks.healing.reporting.intervals import Rate, rate_of


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # Wilson's interval, by R's binom.confint(x, n, methods="wilson")
        (0, 200, 0.0, 0.0188),
        (10, 10, 0.7225, 1.0),
        (8, 10, 0.4902, 0.9433),
        (50, 100, 0.4038, 0.5962),
    ],
)
def test_intervals_are_wilsons(count: int, total: int, low: float, high: float) -> None:
    rate = Rate(count, total)
    assert rate.low == pytest.approx(low, abs=1e-4)
    assert rate.high == pytest.approx(high, abs=1e-4)


def test_the_rate_of_nothing_is_unknown() -> None:
    rate = rate_of([])
    assert rate.as_json() == {"count": 0, "total": 0, "share": None, "low": None, "high": None}


def test_a_rate_counts_what_holds() -> None:
    assert rate_of([True, False, True]) == Rate(2, 3)
