"""Texts that are run without a service or a database: an answer is a function of text and input."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import pytest

from services.common.errors import UpstreamError
from services.optimizer.app.services.proof.budget import BudgetExceededError
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult

NAMESPACE = UUID("00000000-0000-4000-8000-000000000001")
Answer = Callable[[str, ReplayInput], float | None]


@dataclass
class FakeTextReplays:
    """Stands for `TextReplays`.

    Attributes:
        answer: Text and input to score, None for what can't be scored.
        budget: Worker calls.
        mute_code: Why it can't be scored.
        asked: What was run, in order: text and input id.
        registered: Texts and the strategies that they were registered for.
    """

    answer: Answer
    budget: int = 1_000
    mute_code: str = "not_judgeable"
    asked: list[tuple[str, str]] = field(default_factory=list)
    registered: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, ReplayResult]] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        return len(self.asked)

    @property
    def calls_left(self) -> int:
        return self.budget - len(self.asked)

    async def register(self, content: str, strategy: str = "tried") -> UUID:
        self.registered[content] = strategy
        return uuid5(NAMESPACE, content)

    async def run(self, content: str, inputs: Sequence[ReplayInput]) -> dict[str, ReplayResult]:
        results = self.results.setdefault(content, {})
        fresh = [item for item in inputs if (content, item.id) not in self.asked]
        scored = 0
        for item in fresh:
            if self.calls_left <= 0:
                break
            self.asked.append((content, item.id))
            score = self.answer(content, item)
            if score is not None:
                results[item.id] = ReplayResult(score, score >= 0.7, "f", f"{content}: {item.id}")
                scored += 1
        if fresh and not scored:
            if self.calls_left <= 0:
                raise BudgetExceededError
            raise UpstreamError("no", upstream="evaluator", upstream_code=self.mute_code)
        return {item.id: results[item.id] for item in inputs if item.id in results}

    def known(self, content: str) -> dict[str, ReplayResult]:
        return dict(self.results.get(content, {}))


@pytest.fixture
def make_replays() -> Callable[..., FakeTextReplays]:
    """Builds replays that answer with a function."""
    return FakeTextReplays
