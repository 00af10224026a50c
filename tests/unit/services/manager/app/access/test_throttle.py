"""How often somebody may fail, and that it is nobody else's loss."""

import pytest
from support.clock import Clock

from services.common.errors import TooManyAttemptsError
from services.manager.app.access import throttle
from services.manager.app.access.throttle import Throttle

A, B = "198.51.100.7", "203.0.113.9"


def is_refused(counter: Throttle, address: str, name: str = "") -> bool:
    try:
        counter.take(address, name)
    except TooManyAttemptsError:
        return True
    return False


def test_a_name_is_bounded_from_one_address_and_not_from_another() -> None:
    counter = Throttle()
    assert [is_refused(counter, A, "Alice") for _ in range(6)] == [False] * 5 + [True]
    assert is_refused(counter, A, "alice")
    assert not is_refused(counter, B, "alice")
    assert not is_refused(counter, A, "bob")


def test_an_address_is_bounded_whatever_the_names() -> None:
    counter = Throttle()
    assert [is_refused(counter, A, str(number)) for number in range(31)] == [False] * 30 + [True]
    assert is_refused(counter, A)
    assert not is_refused(counter, B, "0")


def test_it_is_over_after_a_while_that_is_told() -> None:
    clock = Clock()
    counter = Throttle(clock)
    for _ in range(5):
        counter.take(A, "alice")
    clock.now += 100.5
    with pytest.raises(TooManyAttemptsError) as raised:
        counter.take(A, "alice")
    assert raised.value.headers == {"retry-after": "800"}
    clock.now += 799.5
    assert not is_refused(counter, A, "alice")


def test_who_succeeds_begins_anew_and_failures_still_count_for_the_address() -> None:
    counter = Throttle()
    for _ in range(6):
        for _ in range(5):
            counter.take(A, "alice")
        counter.give_back(A, "alice")
    # 24 failures so far.
    assert [is_refused(counter, A, str(number)) for number in range(7)] == [False] * 6 + [True]


def test_of_ipv6_a_whole_network_is_one_caller() -> None:
    counter = Throttle()
    for number in range(5):
        counter.take(f"2001:db8::{number}", "alice")
    assert is_refused(counter, "2001:db8::ffff", "alice")
    assert not is_refused(counter, "2001:db8:0:1::1", "alice")
    for _ in range(5):
        counter.take(f"::ffff:{A}", "alice")
    assert is_refused(counter, A, "alice")


def test_many_addresses_cost_no_more_memory_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_ENTRIES", 10)
    counter = Throttle()
    for number in range(100):
        counter.take(f"192.0.2.{number}", "alice")
    assert len(counter._attempts) == 10
