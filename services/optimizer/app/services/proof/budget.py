"""The budget of a heal: calls of models and tokens, by purpose. What it allows is never exceeded,
but for the tokens of calls that are under way when they run out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from services.common.errors import ServiceError
from services.common.metering.spending import Spending, metering

WORKER, JUDGE, ANALYST = "worker", "judge", "analyst"
# An answer is judged twice at most, and each time a reply that is no grade is asked for again.
MOST_JUDGE_CALLS = 4
TOKENS_A_CALL = 20_000
LEAST_ANALYST_CALLS = 20
# What ran out, as people are told.
WORKER_CALLS, JUDGE_CALLS = "Worker calls", "judge calls"
ANALYST_CALLS, TOKENS = "analyst calls", "tokens"

Question = ParamSpec("Question")
Reply = TypeVar("Reply")


class BudgetExceededError(ServiceError):
    """The heal has used up what it may spend: calls of one purpose, or tokens."""

    code = "budget_exceeded"

    def __init__(self, what: str = WORKER_CALLS) -> None:
        super().__init__(f"The budget of {what} is used up.")


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that a heal may spend; `tokens` are those of all purposes, in and out."""

    worker_calls: int
    judge_calls: int
    analyst_calls: int
    tokens: int

    @classmethod
    def suiting(
        cls, worker_calls: int, *, judge_calls: int = 0, analyst_calls: int = 0, tokens: int = 0
    ) -> "Limits":
        """Make limits; those that are 0 follow from the Worker's calls.

        A judge's two looks at each answer, an analyst's call for every fourth answer and 20 in any
        case, and 20,000 tokens an answer.
        """
        return cls(
            worker_calls,
            judge_calls or max(2 * worker_calls, MOST_JUDGE_CALLS),
            analyst_calls or max(worker_calls // 4, LEAST_ANALYST_CALLS),
            tokens or TOKENS_A_CALL * worker_calls,
        )


class Budget:
    """Counts what a heal spends, and says when it may spend no more.

    Attributes:
        spent: By purpose.
        used_up: What ran out first and kept something from being asked; empty where nothing did.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.spent: Mapping[str, Spending] = {
            purpose: Spending() for purpose in (WORKER, JUDGE, ANALYST)
        }
        self.used_up = ""
        self._held = 0
        self._given_back = asyncio.Event()

    @property
    def worker_calls_left(self) -> int:
        """Worker calls that may still be made; 0 where judge or tokens have run out."""
        if self.used_up in (JUDGE_CALLS, TOKENS):
            return 0
        return self.limits.worker_calls - self.spent[WORKER].calls

    async def begin_replay(self) -> bool:
        """Take a Worker call, and keep as many of the judge as it may lead to; False if there
        aren't so many, and no replay under way could give any back.
        """
        while self._held and self._judge_calls_left < MOST_JUDGE_CALLS:
            self._given_back.clear()
            await self._given_back.wait()
        if self.worker_calls_left <= 0:
            self.used_up = self.used_up or WORKER_CALLS
            return False
        if self._judge_calls_left < MOST_JUDGE_CALLS:
            self.used_up = JUDGE_CALLS
        elif self._tokens_left <= 0:
            self.used_up = TOKENS
        else:
            self.spent[WORKER].calls += 1
            self._held += MOST_JUDGE_CALLS
            return True
        return False

    def end_replay(self, judged: Spending | None) -> None:
        """Count what the judge spent, and give back the rest.

        Args:
            judged: None where that isn't known: then it may have been all that was kept, where a
                model is known to judge.
        """
        self._held -= MOST_JUDGE_CALLS
        if judged is None:
            judged = Spending(MOST_JUDGE_CALLS if self.spent[JUDGE].calls else 0)
        self.spent[JUDGE].add(judged)
        self._given_back.set()

    def give_back_call(self) -> None:
        """Give back a Worker call that asked no model."""
        self.spent[WORKER].calls -= 1

    def count_analyst(
        self, ask: Callable[Question, Awaitable[Reply]]
    ) -> Callable[Question, Awaitable[Reply]]:
        """Have the analyst asked within the budget, and what it spends counted."""

        async def ask_and_count(*args: Question.args, **options: Question.kwargs) -> Reply:
            self.require_analyst()
            with metering() as spent:
                try:
                    return await ask(*args, **options)
                finally:
                    spent.calls = max(spent.calls, 1)
                    self.spent[ANALYST].add(spent)

        return ask_and_count

    def require_analyst(self) -> None:
        """Make sure that the analyst may be asked once more.

        Raises:
            BudgetExceededError: If it may not.
        """
        if self.spent[ANALYST].calls >= self.limits.analyst_calls:
            self.used_up = ANALYST_CALLS
        elif self._tokens_left <= 0:
            self.used_up = TOKENS
        else:
            return
        raise BudgetExceededError(self.used_up)

    @property
    def _judge_calls_left(self) -> int:
        return self.limits.judge_calls - self.spent[JUDGE].calls - self._held

    @property
    def _tokens_left(self) -> int:
        return self.limits.tokens - sum(one.tokens for one in self.spent.values())
