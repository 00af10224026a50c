"""The guide's demo, whose repair serves a share of the traffic."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest
from support.rollouts import CANARY

from services.common.models import Prompt
from services.common.record.outcomes import HealingOutcome
from services.common.record.rollouts.rollout import Rollout, load_open_rollouts

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
LoadActive = Callable[[], Awaitable[Prompt]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]
Siblings = Any  # of the conftest, which can't be imported
Answer = Callable[..., Awaitable[None]]

STEPS = "0.1,0.5,1"


@pytest.fixture
def look(optimize: Optimize, siblings: Siblings) -> Optimize:
    """Runs the Optimizer once, in steps."""

    async def run(**values: Any) -> dict[str, HealingOutcome]:
        return await optimize(**{"canary_steps": STEPS, **values})

    return run


@pytest.fixture
async def rollout(
    connection: Connection, deploy: Deploy, log_result: LogResult, look: Optimize
) -> Rollout:
    """The guide's demo, whose repair serves a tenth of the traffic."""
    await deploy(version=99)
    await log_result(times=5)
    assert await look() == {"code_generation": CANARY}
    [found] = await load_open_rollouts(connection)
    return found


@pytest.fixture
def answer(log_result: LogResult, rollout: Rollout) -> Answer:
    """Logs pairs of answers, one on each arm, each of a unit of its own."""
    count = 0

    async def log(
        times: int = 1, *, candidate: float | None = 0.9, incumbent: float = 0.3, unit: str = ""
    ) -> None:
        nonlocal count
        for arm, score in [("incumbent", incumbent), ("candidate", candidate)] * times:
            count += 1
            worker = {"rollout": str(rollout.id), "arm": arm, "unit": unit or f"unit {count}"}
            await log_result(
                "Write a binary search function",
                version=100 if arm == "candidate" else 99,
                score=score,
                passed=None if score is None else score >= 0.7,
                detail={"worker": worker, "evaluator": {"fingerprint": "fake"}},
            )

    return log
