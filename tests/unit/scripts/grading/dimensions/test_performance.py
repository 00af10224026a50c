from grading.dimensions.performance import FULL, judge_performance, points_lost
from grading.result import Code
from hypothesis import given
from hypothesis import strategies as st
from support.observed import exchange, observations, unanswered

LATENCIES = st.floats(0, 1e6)


@given(LATENCIES, LATENCIES)
def test_longer_never_costs_less(one: float, other: float) -> None:
    shorter, longer = sorted((one, other))
    assert 0 <= points_lost(shorter) <= points_lost(longer) <= FULL


def test_the_ends_are_the_guides() -> None:
    assert [points_lost(mean) for mean in (0, 500, 2750, 5000, 60_000)] == [0, 0, 5, 10, 10]


def test_the_mean_of_answered_requests_counts() -> None:
    healthy = (exchange(latency_ms=500), exchange(latency_ms=5000), unanswered())
    (taken,) = judge_performance(observations(healthy=healthy, cycles=()))
    assert (taken.code, taken.points, taken.facts["mean_ms"]) == (Code.SLOW, 5, 2750)
    assert judge_performance(observations()) == ()


def test_where_nothing_is_answered_nothing_is_fast() -> None:
    (taken,) = judge_performance(observations(healthy=(unanswered(),), cycles=()))
    assert (taken.code, taken.points) == (Code.NOTHING_MEASURED, FULL)
