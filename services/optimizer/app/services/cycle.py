"""One run of the Optimizer: which task types need work, and a heal for each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from services.common.errors import ServiceError
from services.common.logging import get_logger
from services.common.models import Prompt
from services.optimizer.app.services.failure_log import load_active_prompts, load_window
from services.optimizer.app.services.healing import HealingOutcome
from services.optimizer.app.services.log_analyzer import FailureAnalysis, analyze_failures

log = get_logger()

Heal = Callable[[Prompt, FailureAnalysis], Awaitable[HealingOutcome]]


@dataclass(frozen=True, slots=True)
class Trigger:
    """When failures count as piled up: how many of them, within how many minutes."""

    failure_threshold: int
    lookback_minutes: int


async def run_cycle(
    connection: asyncpg.Connection, *, trigger: Trigger, heal: Heal
) -> dict[str, HealingOutcome]:
    """Look at every active prompt and heal those that need it.

    A task type whose heal fails keeps no other from being healed.

    Returns:
        Outcomes by task type; empty where nothing needed work.

    Raises:
        ServiceError: The first failure of a heal, after all of them were tried.
    """
    log.info(
        "optimization_cycle_started",
        lookback_minutes=trigger.lookback_minutes,
        failure_threshold=trigger.failure_threshold,
    )
    needy = await find_needy(connection, trigger)
    if not needy:
        log.info(
            "no task types need optimization",
            lookback_minutes=trigger.lookback_minutes,
            failure_threshold=trigger.failure_threshold,
        )
    else:
        log.info(
            "task_types_needing_optimization",
            task_types=[prompt.task_type for prompt, _ in needy],
            failures={prompt.task_type: analysis.failure_count for prompt, analysis in needy},
        )
    outcomes: dict[str, HealingOutcome] = {}
    failures: list[ServiceError] = []
    for prompt, analysis in needy:
        try:
            outcomes[prompt.task_type] = await heal(prompt, analysis)
        except ServiceError as error:
            failures.append(error)
            log.error(
                "healing_failed",
                task_type=prompt.task_type,
                code=error.code,
                message=error.message,
            )
    if failures and not outcomes:
        raise failures[0]
    log.info(
        "optimization_completed",
        promoted=[name for name, outcome in outcomes.items() if outcome.promoted],
        held={name: outcome.reason for name, outcome in outcomes.items() if not outcome.promoted},
    )
    if failures:
        raise failures[0]
    return outcomes


async def find_needy(
    connection: asyncpg.Connection, trigger: Trigger
) -> list[tuple[Prompt, FailureAnalysis]]:
    """The active prompts whose failures have piled up, with what fails."""
    needy = []
    for prompt in await load_active_prompts(connection):
        window = await load_window(connection, prompt, lookback_minutes=trigger.lookback_minutes)
        analysis = analyze_failures(window, threshold=trigger.failure_threshold)
        if analysis.needs_optimization:
            needy.append((prompt, analysis))
    return needy
