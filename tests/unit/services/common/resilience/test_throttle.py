import pytest
from support.clock import Clock

from services.common.errors import UpstreamError, UpstreamOverloadedError
from services.common.resilience.throttle import MULTIPLE, Throttle


class Part:
    """A part behind a throttle that takes so many requests a second, and refuses the others."""

    def __init__(self, takes: int) -> None:
        self.clock = Clock()
        self.throttle = Throttle(self.clock)
        self.takes = takes

    def serve(self, offered: int, seconds: int) -> tuple[float, float]:
        """How many a second the part is asked, and takes, in the last of so many seconds."""
        for _ in range(seconds):
            asked = taken = 0
            for number in range(1, offered + 1):
                self.clock.now += 1 / offered
                if self.throttle.admits():
                    asked += 1
                    is_accepted = taken < self.takes * number / offered
                    taken += is_accepted
                    self.throttle.tell(is_accepted=is_accepted)
        return asked, taken


def test_a_part_that_refuses_nothing_is_asked_everything() -> None:
    assert Part(takes=1000).serve(offered=50, seconds=3) == (50, 50)


def test_a_part_that_refuses_most_is_asked_little_more_than_it_takes() -> None:
    asked, taken = Part(takes=100).serve(offered=1000, seconds=5)
    assert taken >= 95
    assert asked <= 100 * MULTIPLE * 1.1


def test_three_seconds_after_the_rush_everything_is_asked_again() -> None:
    part = Part(takes=100)
    part.serve(offered=1000, seconds=5)
    assert part.serve(offered=50, seconds=3) == (50, 50)


@pytest.mark.parametrize(
    ("error", "admitted"),
    [
        (UpstreamOverloadedError(upstream="worker"), False),
        (UpstreamError("It failed.", upstream="worker", upstream_code="model_failed"), True),
    ],
)
def test_only_a_refusal_counts_as_one(error: UpstreamError, admitted: bool) -> None:
    throttle = Throttle(Clock())
    for _ in range(50):
        with pytest.raises(UpstreamError), throttle.asking():
            raise error
    assert all(throttle.admits() for _ in range(10)) is admitted
