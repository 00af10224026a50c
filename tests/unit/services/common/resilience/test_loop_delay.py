from services.common.resilience.loop_delay import MOST_REFUSED, LoopDelay
from services.common.resilience.ranks import Rank


def delayed(*seconds: float, requests: int = 10) -> LoopDelay:
    """After these samples, before each of which so many requests came."""
    delay = LoopDelay()
    for one in seconds:
        for _ in range(requests):
            delay.admits(Rank.LIVE)
        delay.tell(one)
    return delay


def count_admitted(delay: LoopDelay, rank: Rank) -> int:
    return sum(delay.admits(rank) for _ in range(100))


def test_where_nothing_waits_everything_is_taken_on() -> None:
    delay = delayed(*[0.01] * 100)
    assert [count_admitted(delay, rank) for rank in Rank] == [100, 100, 100]


def test_where_few_requests_come_it_is_others_who_keep_the_machine_busy() -> None:
    delay = delayed(*[0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0] * 10, *[0.5] * 10, requests=1)
    assert [count_admitted(delay, rank) for rank in Rank] == [100, 100, 100]


def test_a_burst_is_no_queue_that_stands() -> None:
    delay = delayed(*[0.0, 3.0] * 10)
    assert count_admitted(delay, Rank.LIVE) == 100


def test_a_queue_that_stands_has_a_share_of_live_requests_refused_and_all_others() -> None:
    delay = delayed(*[0.06] * 10)
    assert 0 < count_admitted(delay, Rank.LIVE) < 100
    assert [count_admitted(delay, rank) for rank in (Rank.SCORING, Rank.REPLAY)] == [0, 0]


def test_the_share_grows_with_the_delay_and_a_few_are_always_taken_on() -> None:
    shares = [delayed(*[seconds] * 10).refused_share for seconds in (0.035, 0.04, 0.05)]
    assert shares == sorted(shares)
    assert len(set(shares)) == 3
    assert delayed(*[1.0] * 100, requests=100).refused_share == MOST_REFUSED


def test_four_seconds_without_delay_end_it() -> None:
    assert delayed(*[1.0] * 20, *[0.0] * 80, requests=100).refused_share == 0
