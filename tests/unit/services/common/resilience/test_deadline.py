import asyncio
from collections.abc import Mapping

import pytest
from support.rows import for_each

from services.common.errors import DeadlinePassedError
from services.common.resilience import deadline
from services.common.resilience.deadline import (
    fit,
    fits,
    read_seconds,
    remaining_seconds,
    serving,
    within,
    write_headers,
)

NOW = 1_800_000_000.0
HOUR = 3600


class Clock:
    """A wall clock and an event loop's clock that a test moves."""

    def __init__(self) -> None:
        self.wall = NOW
        self.loop = 50.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.loop += seconds


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadline.time, "time", lambda: clock.wall)
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.loop)
    return clock


def headers(moment: object = None, left: object = None) -> dict[bytes, bytes]:
    told = {b"x-selfheal-deadline": moment, b"x-selfheal-remaining-ms": left}
    return {name: str(value).encode() for name, value in told.items() if value is not None}


def at(seconds: float) -> int:
    """Write a moment so many seconds from now."""
    return round((NOW + seconds) * 1000)


TOLD: Mapping[str, tuple[Mapping[bytes, bytes], float | None]] = {
    "nothing told": ({}, None),
    "a moment": (headers(at(8)), 8),
    "what is left alone": (headers(left=8000), 8),
    "both agree, and the way took a second": (headers(at(7), 8000), 7),
    "the moment passed on the way": (headers(at(-1), 500), -1),
    "the other's clock is an hour ahead": (headers(at(8 + HOUR), 8000), 8),
    "the other's clock is an hour behind": (headers(at(8 - HOUR), 8000), 8),
    "a moment that just passed": (headers(at(-1)), -1),
    "a moment that nobody can wait for any more": (headers(at(-HOUR)), None),
    "a moment far ahead": (headers(at(HOUR)), HOUR),
    "no number": (headers("soon", "8.5"), None),
    "a negative number": (headers("-5", "-5"), None),
    "a number in other digits": (headers("\u0661\u0662"), None),
    "a number without end": (headers("9" * 4000, "9" * 4000), None),
    "an empty one": (headers("", ""), None),
    "a bad moment beside what is left": (headers("soon", 8000), 8),
}


@for_each(TOLD, name=str)
def test_a_told_time_is_read_whatever_the_clocks_say(name: str) -> None:
    given, expected = TOLD[name]
    assert read_seconds(given, NOW) == pytest.approx(expected)


async def test_outside_of_any_request_nothing_ends() -> None:
    assert remaining_seconds() is None
    assert fit(90) == 90
    assert fits(1e9)


def test_outside_of_any_event_loop_nothing_ends() -> None:
    assert remaining_seconds() is None


async def test_time_runs_and_never_below_zero(clock: Clock) -> None:
    with within(10):
        clock.pass_by(4)
        assert remaining_seconds() == 6
        assert (fit(90), fit(5)) == (6, 5)
        assert (fits(5), fits(6)) == (True, False)
        clock.pass_by(100)
        assert remaining_seconds() == 0
    assert remaining_seconds() is None


async def test_no_deadline_is_later_than_the_one_around_it(clock: Clock) -> None:
    with within(10):
        with within(60):
            assert remaining_seconds() == 10
        with within(2):
            assert remaining_seconds() == 2
        assert remaining_seconds() == 10


async def test_a_deadline_stays_with_its_own_tasks(clock: Clock) -> None:
    async def look() -> float | None:
        return remaining_seconds()

    outside = asyncio.create_task(look())
    with within(10):
        inside = asyncio.create_task(look())
    assert (await outside, await inside) == (None, 10)


async def serve(given: Mapping[bytes, bytes], bound: float | None) -> float | None:
    with serving(given.items(), bound):
        return remaining_seconds()


async def test_a_request_gets_the_earlier_of_its_own_time_and_the_bound(clock: Clock) -> None:
    assert await serve({}, 60) == 60
    assert await serve(headers(at(HOUR)), 60) == 60
    assert await serve(headers(at(HOUR), HOUR * 1000), 60) == 60
    assert await serve(headers(at(-HOUR)), 60) == 60, "another clock's"
    assert await serve(headers(at(8)), None) is None


async def test_of_a_told_time_the_way_back_is_kept(clock: Clock) -> None:
    assert await serve(headers(at(31)), 60) == pytest.approx(30)
    assert await serve(headers(at(1)), 60) == pytest.approx(0.9)


async def test_a_request_that_comes_too_late_is_refused(clock: Clock) -> None:
    for given in (headers(at(-1)), headers(at(0)), headers(left=0)):
        with pytest.raises(DeadlinePassedError):
            await serve(given, 60)


async def test_a_clock_that_jumps_moves_no_deadline(clock: Clock) -> None:
    with serving(headers(at(31), 31_000).items(), 60):
        clock.wall += HOUR
        assert remaining_seconds() == pytest.approx(30)
        clock.wall -= 2 * HOUR
        assert remaining_seconds() == pytest.approx(30)


async def test_what_is_sent_is_read_as_it_was_meant_by_a_clock_that_differs(clock: Clock) -> None:
    sent = {name.encode(): value.encode() for name, value in write_headers(12.5).items()}
    for skew in (0, 1, -1, 30, -30, HOUR, -HOUR):
        assert read_seconds(sent, NOW + skew) == pytest.approx(12.5, abs=deadline.SKEW_SECONDS)
