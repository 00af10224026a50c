"""A bill adds up what is known, and counts what isn't."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.rows import for_each

from services.common.costs.bill import UNKNOWN_MODEL, Bill, Charge
from services.common.costs.prices import Prices
from services.common.errors import (
    ClientGoneError,
    ServiceError,
    UpstreamError,
    UpstreamTimeoutError,
)
from services.common.metering.spending import SPENT_HEADER, Spending
from services.common.settings.costs import Price

PRICES = Prices({"openai:known": Price(input=Decimal(1_000), output=Decimal(2_000))})
# A model, what was spent, and of the charge: calls, unpriced ones, cost; None for no charge.
ROWS: list[tuple[str, Spending, tuple[int, int, str] | None]] = [
    ("openai:known", Spending(1, 1, 1), (1, 0, "0.003")),
    ("openai:known", Spending(2, 1, 1), (2, 0, "0.003")),
    ("openai:known", Spending(2, 1, 1, untold_calls=1), (2, 1, "0.003")),
    ("openai:known", Spending(1, untold_calls=1), (1, 1, "0")),
    ("openai:known", Spending(3), None),
    ("openai:known", Spending(), None),
    ("openai:new", Spending(2, 1, 1), (2, 2, "0")),
    ("openai:new", Spending(2, 1, 1, untold_calls=1), (2, 2, "0")),
    ("local:any", Spending(2, 1, 1, untold_calls=1), (2, 0, "0")),
    ("local:any", Spending(1, untold_calls=1), (1, 0, "0")),
]


def read(charge: Charge) -> tuple[int, int, str]:
    return charge.calls, charge.unpriced_calls, f"{charge.cost_usd:f}"


@for_each(ROWS)
def test_calls_are_charged(row: tuple[str, Spending, tuple[int, int, str] | None]) -> None:
    model, spent, expected = row
    bill = Bill(PRICES, "t")
    told = bill.add("serving", model, spent)
    assert [read(charge) for charge in bill.charges] == ([expected] if expected else [])
    is_known = expected is not None and expected[1] == 0
    assert told == (float(expected[2]) if expected and is_known else None)


def upstream(told: dict[str, str] | None = None) -> UpstreamError:
    error = UpstreamError("It failed.", upstream="worker", upstream_code="model_answer_cut")
    error.told = told or {}
    return error


TOLD = {SPENT_HEADER: '{"model": "openai:known", "calls": 1, "input_tokens": 5}'}
LATE = UpstreamTimeoutError(upstream="worker", seconds=1)
FAILURES: list[tuple[ServiceError, bool, list[tuple[str, int, str]]]] = [
    (upstream(TOLD), True, [("openai:known", 0, "0.005")]),
    (upstream(TOLD), False, [("openai:known", 0, "0.005")]),
    (upstream(), True, []),
    (LATE, True, [(UNKNOWN_MODEL, 1, "0")]),
    (LATE, False, []),
    (ClientGoneError(), True, [(UNKNOWN_MODEL, 1, "0")]),
    (ServiceError("ours"), True, []),
]


@for_each(FAILURES)
def test_failures_are_charged_as_far_as_they_cost(
    row: tuple[ServiceError, bool, list[tuple[str, int, str]]],
) -> None:
    failure, is_asked, expected = row
    bill = Bill(PRICES, "t")
    bill.add_failure("serving", failure, is_asked=is_asked)
    assert [
        (one.model, one.unpriced_calls, f"{one.cost_usd:f}") for one in bill.charges
    ] == expected


def test_a_judge_is_charged_by_its_name_and_the_detail_says_what_it_cost() -> None:
    detail: dict[str, Any] = {"judge": {"name": "openai:known", "calls": 2, "input_tokens": 3}}
    bill = Bill(PRICES, "t")
    assert bill.add_judging("judging", detail)["judge"]["cost_usd"] == 0.003
    assert "cost_usd" not in detail["judge"]
    assert read(bill.charges[0]) == (2, 0, "0.003")
    rubric = {"judge": {"name": "rubric", "calls": 0}}
    assert bill.add_judging("judging", rubric) == rubric
    assert len(bill.charges) == 1


spendings = st.builds(
    lambda calls, read, written, cached, untold: Spending(
        calls, read, written, min(cached, read), untold_calls=min(untold, calls)
    ),
    *[st.integers(0, 10_000)] * 5,
)


@given(st.lists(st.tuples(st.sampled_from(["openai:known", "openai:new", "local:m"]), spendings)))
def test_known_and_unknown_calls_are_all_calls(asked: list[tuple[str, Spending]]) -> None:
    bill = Bill(PRICES, "t")
    for model, spent in asked:
        bill.add("healing", model, spent)
    for charge in bill.charges:
        assert 0 <= charge.unpriced_calls <= charge.calls
        assert charge.model != "openai:new" or charge.cost_usd == 0
        assert charge.model != "openai:new" or charge.unpriced_calls == charge.calls
    charged = [s for _, s in asked if s.input_tokens or s.output_tokens or s.untold_calls]
    assert sum(one.calls for one in bill.charges) == sum(one.calls for one in charged)
