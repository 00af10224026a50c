"""A heal's budget: what follows from what, and what runs out first."""

import pytest

from services.common.metering.spending import Spending
from services.optimizer.app.services.proof.budget import (
    ANALYST,
    JUDGE,
    WORKER,
    Budget,
    BudgetExceededError,
    Limits,
)


@pytest.mark.parametrize(
    ("worker", "given", "limits"),
    [
        (120, {}, Limits(120, 240, 30, 2_400_000)),
        (60, {}, Limits(60, 120, 20, 1_200_000)),
        (1, {}, Limits(1, 4, 20, 20_000)),
        (60, {"judge_calls": 7, "analyst_calls": 3, "tokens": 5}, Limits(60, 7, 3, 5)),
    ],
)
def test_limits_follow_from_the_workers_calls(
    worker: int, given: dict[str, int], limits: Limits
) -> None:
    assert Limits.suiting(worker, **given) == limits


async def test_a_workers_calls_run_out() -> None:
    budget = Budget(Limits.suiting(1))
    assert await budget.begin_replay()
    budget.end_replay(Spending())
    assert not await budget.begin_replay()
    assert (budget.used_up, budget.spent[WORKER].calls) == ("Worker calls", 1)


async def test_what_a_judge_may_take_has_to_be_there() -> None:
    budget = Budget(Limits.suiting(9, judge_calls=5))
    assert await budget.begin_replay()
    budget.end_replay(Spending(1))
    assert await budget.begin_replay()
    budget.end_replay(Spending(1))
    assert not await budget.begin_replay()
    assert (budget.used_up, budget.worker_calls_left) == ("judge calls", 0)
    assert budget.spent[JUDGE].calls == 2


def test_the_analysts_calls_run_out_and_leave_the_workers() -> None:
    budget = Budget(Limits.suiting(9, analyst_calls=1))
    budget.require_analyst()
    budget.spent[ANALYST].add(Spending(1))
    with pytest.raises(BudgetExceededError, match="analyst calls"):
        budget.require_analyst()
    assert (budget.used_up, budget.worker_calls_left) == ("analyst calls", 9)


def test_tokens_of_all_purposes_count() -> None:
    budget = Budget(Limits.suiting(9, tokens=30))
    for purpose in (WORKER, JUDGE, ANALYST):
        budget.require_analyst()
        budget.spent[purpose].add(Spending(0, 6, 4))
    with pytest.raises(BudgetExceededError, match="tokens"):
        budget.require_analyst()
