"""`selfheal costs`: what is told of a day and a month."""

from decimal import Decimal

import pytest
from support.rows import for_each

from selfheal.cli.spending import costs
from services.common.costs.bill import Charge
from services.common.costs.hours import Costs, add_up, show_usd

CHARGES = [
    Charge("b", "serving", "openai:m", 5, 0, 50, 10, 5, Decimal("0.30000001")),
    Charge("a", "judging", "openai:new", 3, 3, 30, 0, 3, Decimal(0)),
]
DAY = add_up([])
COSTS = Costs(CHARGES[0], add_up(CHARGES), [(CHARGES[0], CHARGES[0]), (DAY, CHARGES[1])])


def test_json_has_all_digits_and_names_what_has_no_price() -> None:
    said = costs.describe(COSTS)
    month = said["total"]["this_month"]
    assert (month["cost_usd"], month["calls"], month["unpriced_calls"]) == ("0.30000001", 8, 3)
    assert [(one["task_type"], one["today"]["calls"]) for one in said["costs"]] == [
        ("b", 5),
        ("a", 0),
    ]
    assert said["unpriced_models"] == ["openai:new"]


@pytest.mark.parametrize("found", [COSTS, Costs(DAY, DAY, [])], ids=["some", "none"])
def test_a_day_and_a_month_are_told(
    found: Costs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(costs, "ask_about", lambda *_: found)
    costs.costs()
    said = "".join(capsys.readouterr())
    if not found.lines:
        assert "No model was asked this month." in said
        return
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines() if line.strip()}
    assert rows["b"] == ["serving", "openai:m", "$0.300000", "$0.300000", "5", "55"]
    assert rows["a"] == ["judging", "openai:new", "$0.00", "unknown", "3", "33"]
    assert rows["all"] == ["$0.300000", "$0.300000", "8", "88"]
    assert "3 of 8 calls have no known price: openai:new" in said


def spent(calls: int, unpriced: int, usd: str) -> Charge:
    return Charge("", "", "", calls, unpriced, 0, 0, 0, Decimal(usd))


@for_each(
    [
        (spent(0, 0, "0"), "$0.00"),
        (spent(2, 0, "0"), "$0.00"),
        (spent(2, 2, "0"), "unknown"),
        (spent(2, 1, "0.0000123"), "$0.000012"),
        (spent(2, 0, "1234.567"), "$1,234.57"),
    ]
)
def test_money_is_told_with_as_many_digits_as_it_takes(row: tuple[Charge, str]) -> None:
    charge, said = row
    assert show_usd(charge) == said
