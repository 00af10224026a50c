import pytest

from selfheal.runtime.errors import InterruptedStartError
from selfheal.runtime.waiting import wait_until


def test_the_condition_is_asked_at_least_once() -> None:
    assert wait_until(lambda: True, timeout_seconds=0) is True
    assert wait_until(lambda: False, timeout_seconds=0) is False


def test_it_polls_until_the_condition_holds() -> None:
    answers = iter([False, False, True])
    assert wait_until(lambda: next(answers), timeout_seconds=60) is True


def test_an_interruption_goes_before_the_condition() -> None:
    with pytest.raises(InterruptedStartError):
        wait_until(lambda: True, timeout_seconds=60, interrupted=lambda: True)
