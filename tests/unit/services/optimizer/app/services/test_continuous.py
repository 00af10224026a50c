"""How the continuous mode spaces its looks out."""

from services.optimizer.app.services.continuous import LONGEST_INTERVAL_SECONDS, Pace


def test_while_failures_pour_in_looks_come_less_and_less_often() -> None:
    pace = Pace()
    intervals = [pace.find_interval(had_news=True, acted=False) for _ in range(8)]
    assert intervals[:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert set(intervals[5:]) == {LONGEST_INTERVAL_SECONDS}


def test_after_one_that_did_something_or_had_no_news_they_are_soon_again() -> None:
    for quiet in ({"had_news": True, "acted": True}, {"had_news": False, "acted": False}):
        pace = Pace()
        for _ in range(8):
            pace.find_interval(had_news=True, acted=False)
        assert pace.find_interval(**quiet) == 0
        assert pace.find_interval(had_news=True, acted=False) == 0.1
