"""Which pass rate still serves."""

import pytest
from support.logged_results import rows

from services.common.record.surprise import Record
from services.optimizer.app.services.diagnosis.norms import find_bar
from services.optimizer.app.services.log.log_records import Window

BAD = Window(rows("-----"))
HALF_LUCK = Window(rows("-----"), earlier=Record(200, 100))


@pytest.mark.parametrize(
    ("window", "last_good", "bar"),
    [
        pytest.param(BAD, Record(), 0.7, id="nothing-is-known"),
        pytest.param(HALF_LUCK, Record(), 0.375, id="half-luck-is-usual"),
        pytest.param(HALF_LUCK, Record(100, 80), 0.6, id="the-better-of-two"),
        pytest.param(BAD, Record(100, 100), 0.7, id="at-most-a-good-one"),
        pytest.param(BAD, Record(19, 10), 0.7, id="too-few-to-be-usual"),
        pytest.param(BAD, Record(20, 10), 0.375, id="enough-to-be-usual"),
        pytest.param(BAD, Record(200, 99), 0.7, id="too-bad-to-be-a-norm"),
        pytest.param(
            Window((*rows("-" * 9), *rows("+++-+" * 4))),
            Record(),
            0.6,
            id="the-window-before-it-fell",
        ),
    ],
)
def test_what_still_serves_is_near_what_is_usual(
    window: Window, last_good: Record, bar: float
) -> None:
    assert find_bar(window, last_good) == pytest.approx(bar, abs=0.02)
