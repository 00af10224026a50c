"""`selfheal costs`: which days are meant, and what is told of them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from support.rows import for_each

from selfheal.cli.spending.costs import describe, find_spans
from selfheal.runtime.errors import EmbeddedRuntimeError
from services.common.costs.bill import Charge
from services.common.costs.hours import Total, show_usd

NOW = datetime(2026, 12, 1, 8, 30, tzinfo=timezone(timedelta(hours=9)))
CHARGES = [
    Charge("a", "serving", "openai:m", 5, 0, 50, 10, 5, Decimal("0.30000001")),
    Charge("a", "judging", "openai:new", 3, 3, 30, 0, 3, Decimal(0)),
    Charge("b", "serving", "openai:m", 2, 1, 20, 0, 2, Decimal("0.5")),
]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return day(text).replace(tzinfo=UTC)


def test_today_and_this_month_are_utcs() -> None:
    end = utc("2026-12-01")
    assert find_spans(None, None, NOW) == {
        "today": (utc("2026-11-30"), end),
        "this month": (utc("2026-11-01"), end),
    }


@for_each(
    [
        ("2026-10-05", "2026-10-07", "2026-10-05", "2026-10-08"),
        ("2026-10-05", None, "2026-10-05", "2026-12-01"),
        (None, "2026-10-07", "2026-10-01", "2026-10-08"),
        ("2026-11-30", None, "2026-11-30", "2026-12-01"),
    ]
)
def test_a_time_has_its_last_day_in_it(row: tuple[str | None, str | None, str, str]) -> None:
    since, until, start, end = row
    [(name, span)] = find_spans(since and day(since), until and day(until), NOW).items()  # type: ignore[arg-type]
    assert span == (utc(start), utc(end))
    assert name == f"{start} to {utc(end) - timedelta(days=1):%Y-%m-%d}"


def test_a_time_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(EmbeddedRuntimeError, match="--since 2026-11-02 is after"):
        find_spans(day("2026-11-02"), day("2026-11-01"), NOW)


def test_json_has_all_digits_and_names_what_has_no_price() -> None:
    said = describe(CHARGES, "model")
    assert said["total"]["cost_usd"] == "0.80000001"
    assert (said["total"]["calls"], said["total"]["unpriced_calls"]) == (10, 4)
    assert {name: one["calls"] for name, one in said["by_model"].items()} == {
        "openai:m": 7,
        "openai:new": 3,
    }
    assert said["unpriced_models"] == ["openai:m", "openai:new"]
    assert list(describe(CHARGES, "purpose")["by_purpose"]) == ["serving", "judging"]


@for_each(
    [
        (Total(), "$0.00"),
        (Total(calls=2), "$0.00"),
        (Total(calls=2, unpriced_calls=2), "unknown"),
        (Total(calls=2, unpriced_calls=1, cost_usd=Decimal("0.0000123")), "$0.000012"),
        (Total(calls=2, cost_usd=Decimal("1234.567")), "$1,234.57"),
    ]
)
def test_money_is_told_with_as_many_digits_as_it_takes(row: tuple[Total, str]) -> None:
    total, said = row
    assert show_usd(total) == said
