import pytest
from grading.observations import LogRow
from grading.observing.cycles import describe, make_log_row
from support.observed import exchange, unanswered


@pytest.mark.parametrize(
    ("row", "seen"),
    [
        ((3, 0.5, False), LogRow(3, 0.5, False)),
        ((None, None, None), LogRow(None, None, None)),
        (("3", "0.5", "f"), LogRow(None, None, None)),
        ((3, 85, 1), LogRow(3, None, None)),
    ],
)
def test_a_row_says_nothing_in_columns_of_another_type(
    row: tuple[object, ...], seen: LogRow
) -> None:
    columns = ("prompt_version", "evaluation_score", "evaluation_passed")
    assert make_log_row(dict(zip(columns, row, strict=True))) == seen


def test_requests_are_told_in_a_line() -> None:
    exchanges = (exchange(score=0.9, latency_ms=10), unanswered())
    assert describe(exchanges) == "50% of 2 requests pass (mean score 0.90, 15 ms)"
    assert describe((unanswered(),)) == "0% of 1 requests pass (no score, 20 ms)"
