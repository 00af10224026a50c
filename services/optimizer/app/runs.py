"""Runs the Optimizer: once, continuously, or as a preview that changes nothing."""

import asyncio
from functools import partial

from services.common.config import OptimizerSettings
from services.common.database import Opener
from services.common.http import create_session
from services.common.logging import get_logger
from services.common.record.outcomes import HealingOutcome
from services.common.task_types import open_task_types
from services.optimizer.app.analyst import find_analyst_spec
from services.optimizer.app.services.background import BackgroundWork
from services.optimizer.app.services.continuous import FailureWatch
from services.optimizer.app.services.diagnosis.evaluator_condition import EvaluatorWatch
from services.optimizer.app.services.heal.preview import preview_case
from services.optimizer.app.wiring import (
    find_limits,
    follow_rollouts,
    make_surveyor,
    open_connection,
    open_tools,
    run_cycle,
)

MODE_OFF = "off"

log = get_logger()


async def optimize(settings: OptimizerSettings) -> dict[str, HealingOutcome]:
    """Run one cycle.

    Returns:
        Outcomes by task type; empty where nothing needed work.

    Raises:
        ServiceError: If a heal failed, or the run could not be brought to an end; a prompt is
            changed only where the log says `prompt_patched` or `prompt_rolled_back`.
    """
    if _is_off(settings):
        return {}
    async with open_tools(settings) as tools:
        return await run_cycle(settings, tools, is_continuous=False)


async def watch_continuously(settings: OptimizerSettings, *, stop: asyncio.Event) -> None:
    """Run cycles whenever an answer fails, and now and then in any case, until stopped.

    Cooldown and heals per day bind this mode, and one-shot runs with OPTIMIZER_UNATTENDED.
    """
    if _is_off(settings):
        await stop.wait()
        return
    async with (
        open_tools(settings) as tools,
        BackgroundWork(settings.optimizer_heals_at_once) as background,
    ):

        async def run_once() -> bool:
            return bool(await run_cycle(settings, tools, is_continuous=True, background=background))

        opener = Opener(
            settings.direct_database_url or settings.database_url.get_secret_value(),
            timeout_seconds=settings.database_timeout_seconds,
        )
        follow = partial(follow_rollouts, settings, tools)
        seconds = settings.optimizer_poll_seconds
        await FailureWatch(seconds, run_once, follow, background.ended, stop).run(opener)


async def preview(settings: OptimizerSettings) -> None:
    """Log what a run would do; no model is called and nothing is changed."""
    if _is_off(settings):
        return
    async with create_session() as session, open_connection(settings) as connection:
        evaluator = EvaluatorWatch(session, settings.evaluator_url)
        survey = await make_surveyor(settings, evaluator).survey(connection)
        limits = find_limits(settings)
        for case in survey.cases:
            plan = await preview_case(
                connection,
                case,
                task_types=open_task_types(settings.task_types_dir),
                guard_inputs=settings.optimizer_guard_inputs,
                has_analyst=bool(find_analyst_spec(settings)),
            )
            log.info(
                "would_look_into",
                **plan,
                mode=settings.optimizer_mode,
                max_calls=limits.worker_calls,
                max_judge_calls=limits.judge_calls,
                max_analyst_calls=limits.analyst_calls,
                max_tokens=limits.tokens,
            )
        if not survey.cases and not survey.postponed:
            log.info("no task types need optimization")


def _is_off(settings: OptimizerSettings) -> bool:
    is_off = settings.optimizer_mode == MODE_OFF
    if is_off:
        log.warning("optimizer_off", remedy="Set OPTIMIZER_MODE to auto or propose.")
    return is_off
