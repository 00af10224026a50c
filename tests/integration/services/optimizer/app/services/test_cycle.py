"""One run on a real database: who needs work, and what the log says of it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from services.common.errors import UpstreamError
from services.common.models import Prompt
from services.optimizer.app.services.cycle import Trigger, run_cycle
from services.optimizer.app.services.healing_case import HealingOutcome
from services.optimizer.app.services.log_analyzer import FailureAnalysis

Connection = asyncpg.Connection
Deploy = Callable[..., Awaitable[int]]
LogResult = Callable[..., Awaitable[None]]
Logs = list[MutableMapping[str, Any]]

TRIGGER = Trigger(failure_threshold=3, lookback_minutes=30)
HEALED = HealingOutcome(True, "better", 100)
HELD = HealingOutcome(False, "no_better_candidate", 99)


class FakeHeal:
    """Keeps what it was asked to heal."""

    def __init__(self, **outcomes: HealingOutcome | Exception) -> None:
        self._outcomes = outcomes
        self.asked: list[tuple[str, int, int]] = []

    async def __call__(self, prompt: Prompt, analysis: FailureAnalysis) -> HealingOutcome:
        self.asked.append((prompt.task_type, prompt.version, analysis.failure_count))
        outcome = self._outcomes.get(prompt.task_type, HEALED)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


async def run(connection: Connection, heal: FakeHeal, trigger: Trigger = TRIGGER) -> Logs:
    with capture_logs() as logs:
        await run_cycle(connection, trigger=trigger, heal=heal)
    return logs


async def test_where_nothing_fails_the_log_says_so_in_the_guide_s_words(
    connection: Connection,
) -> None:
    heal = FakeHeal()
    logs = await run(connection, heal)
    assert [entry["event"] for entry in logs] == [
        "optimization_cycle_started",
        "no task types need optimization",
        "optimization_completed",
    ]
    assert (logs[0]["lookback_minutes"], logs[0]["failure_threshold"]) == (30, 3)
    assert heal.asked == []


@pytest.mark.parametrize(
    ("failures", "passes", "threshold", "needed"),
    [
        pytest.param(2, 9, 3, False, id="below-the-threshold"),
        pytest.param(3, 0, 3, True, id="at-the-threshold"),
        pytest.param(5, 9, 3, True, id="above-it-among-passes"),
        pytest.param(1, 0, 1, True, id="threshold-of-one"),
        pytest.param(5, 0, 6, False, id="threshold-of-six"),
    ],
)
async def test_a_prompt_is_healed_when_its_failures_reach_the_threshold(
    connection: Connection,
    deploy: Deploy,
    log_result: LogResult,
    *,
    failures: int,
    passes: int,
    threshold: int,
    needed: bool,
) -> None:
    await deploy()
    await log_result(times=failures)
    await log_result(times=passes, score=0.9, passed=True)
    heal = FakeHeal()
    await run(connection, heal, Trigger(threshold, 30))
    assert heal.asked == ([("code_generation", 99, failures)] if needed else [])


async def test_unscored_answers_never_trigger(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await log_result(times=2)
    await log_result(times=10, score=None, passed=None)
    heal = FakeHeal()
    await run(connection, heal)
    assert heal.asked == []


async def test_failures_of_what_no_longer_serves_never_trigger(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await log_result(times=5)
    await deploy("better", version=100)
    heal = FakeHeal()
    await run(connection, heal)
    assert heal.asked == []


async def test_the_log_names_who_needs_work_who_was_healed_and_who_was_not(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await deploy("be rude", version=7, task_type="letters")
    await deploy("rhyme", version=1, task_type="poems")
    await log_result(times=3)
    await log_result(times=4, version=7, task_type="letters")
    await log_result(times=2, version=1, task_type="poems")
    heal = FakeHeal(letters=HELD)
    logs = await run(connection, heal)
    assert heal.asked == [("code_generation", 99, 3), ("letters", 7, 4)]
    assert [entry["event"] for entry in logs] == [
        "optimization_cycle_started",
        "task_types_needing_optimization",
        "optimization_completed",
    ]
    assert logs[1]["task_types"] == ["code_generation", "letters"]
    assert logs[1]["failures"] == {"code_generation": 3, "letters": 4}
    assert logs[2]["promoted"] == ["code_generation"]
    assert logs[2]["held"] == {"letters": "no_better_candidate"}


async def test_a_task_type_that_can_not_be_healed_keeps_no_other_from_it(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await deploy("be rude", version=7, task_type="letters")
    await log_result(times=3)
    await log_result(times=3, version=7, task_type="letters")
    failure = UpstreamError("The worker fails", upstream="worker", upstream_code="unreachable")
    heal = FakeHeal(code_generation=failure)
    with capture_logs() as logs, pytest.raises(UpstreamError):
        await run_cycle(connection, trigger=TRIGGER, heal=heal)
    assert [task_type for task_type, _, _ in heal.asked] == ["code_generation", "letters"]
    assert logs[-2]["event"] == "healing_failed"
    assert (logs[-2]["task_type"], logs[-2]["code"]) == ("code_generation", "worker_failed")
    assert logs[-1]["event"] == "optimization_completed"
    assert (logs[-1]["promoted"], logs[-1]["held"]) == (["letters"], {})


async def test_a_database_that_is_lost_ends_the_run(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await deploy("be rude", version=7, task_type="letters")
    await log_result(times=3)
    await log_result(times=3, version=7, task_type="letters")
    heal = FakeHeal(code_generation=asyncpg.InterfaceError("connection is closed"))
    with pytest.raises(asyncpg.InterfaceError):
        await run_cycle(connection, trigger=TRIGGER, heal=heal)
    assert [task_type for task_type, _, _ in heal.asked] == ["code_generation"]


async def test_outcomes_are_given_by_task_type(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await log_result(times=3)
    outcomes = await run_cycle(connection, trigger=TRIGGER, heal=FakeHeal())
    assert outcomes == {"code_generation": HEALED}


async def test_two_active_prompts_are_one_that_serves(
    connection: Connection, deploy: Deploy, log_result: LogResult
) -> None:
    await deploy()
    await connection.execute("UPDATE prompts SET is_active = TRUE")
    await log_result(times=3)
    await log_result(times=5, version=1)
    heal = FakeHeal()
    await run(connection, heal)
    assert heal.asked == [("code_generation", 99, 3)]
