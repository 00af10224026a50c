"""A breaker opens after failures in a row, admits one probe a second, and closes by a success."""

from hypothesis import given
from hypothesis import strategies as st
from support.clock import Clock

from services.common.resilience.breaker import Breaker


def make_breaker(clock: Clock) -> Breaker:
    return Breaker("part", failures=3, clock=clock)


def call(breaker: Breaker) -> None:
    assert breaker.admits()
    breaker.tell_success()


def fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.admits()
        breaker.tell_failure()


def test_failures_in_a_row_open_it_and_then_nothing_is_tried() -> None:
    breaker = make_breaker(Clock())
    fail(breaker, 2)
    call(breaker)
    fail(breaker, 2)
    assert not breaker.is_open

    fail(breaker, 1)

    assert breaker.is_open
    assert not breaker.admits()


def test_one_probe_a_second_is_let_through_and_its_success_closes_it() -> None:
    clock = Clock()
    breaker = make_breaker(clock)
    fail(breaker, 3)
    clock.now += 1
    fail(breaker, 1)
    assert not breaker.admits()

    clock.now += 1
    call(breaker)

    assert not breaker.is_open
    call(breaker)


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60))
def test_while_open_no_two_calls_are_tried_within_a_second(
    steps: list[tuple[float, bool]],
) -> None:
    clock = Clock()
    breaker = make_breaker(clock)
    last_probe = None
    for pause, fails in steps:
        clock.now += pause
        was_open = breaker.is_open
        if not breaker.admits():
            continue
        if was_open:
            assert last_probe is None or clock.now - last_probe >= 1
            last_probe = clock.now
        breaker.tell_failure() if fails else breaker.tell_success()
        if not fails:
            last_probe = None


def test_failures_in_a_row_must_last_where_a_time_is_given() -> None:
    clock = Clock()
    breaker = Breaker("part", failures=3, failing_seconds=1, clock=clock)
    fail(breaker, 20)
    assert not breaker.is_open

    clock.now += 1
    fail(breaker, 1)
    assert breaker.is_open


def test_a_success_begins_the_time_anew() -> None:
    clock = Clock()
    breaker = Breaker("part", failures=3, failing_seconds=1, clock=clock)
    fail(breaker, 3)
    call(breaker)
    clock.now += 1
    fail(breaker, 3)

    assert not breaker.is_open


def test_what_is_opened_from_outside_admits_a_probe_a_second_too() -> None:
    clock = Clock()
    breaker = make_breaker(clock)
    breaker.open()
    assert (breaker.is_open, breaker.admits()) == (True, False)

    clock.now += 1
    assert breaker.admits()
    breaker.tell_success()
    assert not breaker.is_open


def test_a_call_in_a_hurry_is_a_probe_only_where_nobody_with_time_comes() -> None:
    clock = Clock()
    breaker = make_breaker(clock)
    breaker.open()

    clock.now += 1
    assert not breaker.admits(is_hurried=True)
    assert breaker.admits()

    clock.now += 2
    assert breaker.admits(is_hurried=True)
    clock.now += 1
    assert breaker.admits()
