"""What strategies look at, without a service: a prompt's answers are a function of its text."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.common.task_types import Repairs
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.log_analyzer import analyze_failures
from services.optimizer.app.services.proof.replay_results import (
    FAILING,
    GOLDEN,
    ReplayInput,
    ReplayResult,
)
from services.optimizer.app.services.repair.candidates import Candidate, RepairContext, Strategy

Passes = Callable[[str], bool]

INPUTS = (
    ReplayInput("failing-1", "Sort a list", "Sort a list", FAILING),
    ReplayInput("golden-1", "Reverse a string", "Reverse a string", GOLDEN),
    ReplayInput("failing-2", "Count words", "Count words", FAILING),
    ReplayInput("golden-2", "Add two numbers", "Add two numbers", GOLDEN),
    ReplayInput("golden-3", "Square a number", "Square a number", GOLDEN),
)


@dataclass
class Replays:
    """Answers texts by whether they pass, and counts what was not asked before."""

    passes: Passes
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(
        self, content: str, inputs: Sequence[ReplayInput]
    ) -> dict[str, ReplayResult]:
        new = [(content, item.id) for item in inputs if (content, item.id) not in self.asked]
        self.asked += new
        passed = self.passes(content)
        return {
            item.id: ReplayResult(0.9 if passed else 0.3, passed, "f", f"answer to {item.id}")
            for item in inputs
        }


@pytest.fixture
def make_context() -> Callable[..., RepairContext]:
    """Builds contexts in which the incumbent fails on every input."""

    def make(incumbent: str = "Be rude.", **parts: Any) -> RepairContext:
        rules = parts.pop("failed_rules", ("r",))
        failures = [LoggedResult("x", "x", 0.3, False, failed_rules=rules)]
        replay = Replays(parts.pop("passes", lambda content: False))
        return RepairContext(
            **{
                "incumbent": incumbent,
                "analysis": analyze_failures(failures, threshold=1),
                "choosing": INPUTS,
                "incumbent_results": {
                    item.id: ReplayResult(0.3, False, "f", "rude") for item in INPUTS
                },
                "last_good": None,
                "repairs": Repairs(
                    role="You write code.", by_rule={"r": "Obey r.", "s": "Obey s."}
                ),
                "replay": replay,
                "calls_for_search": 30,
                **parts,
            }
        )

    return make


@pytest.fixture
def propose() -> Callable[[Strategy, RepairContext], Any]:
    """Collects all that a strategy proposes."""

    async def collect(strategy: Strategy, context: RepairContext) -> list[Candidate]:
        proposals: AsyncIterator[Candidate] = strategy(context)
        return [candidate async for candidate in proposals]

    return collect
