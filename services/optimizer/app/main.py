"""The Optimizer: finds failing prompts, proves a repair, activates it; once, or until stopped."""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp
import asyncpg
import uvloop
from pydantic import ValidationError

from services.common.config import (
    LOCAL_PROVIDER,
    SIMULATED_PROVIDER,
    USAGE_EXIT_CODE,
    Settings,
    explain_settings_error,
)
from services.common.database import connect
from services.common.errors import ServiceError
from services.common.http import ServiceClient, create_session
from services.common.logging import configure_logging, get_logger
from services.common.models import Prompt
from services.common.task_types import open_task_types
from services.optimizer.app.services.candidates import AskModel, Reflect
from services.optimizer.app.services.conclusion import PROPOSE_MODE
from services.optimizer.app.services.continuous import watch_failures
from services.optimizer.app.services.cooldown import is_cooling_down
from services.optimizer.app.services.cycle import Cycle, Trigger
from services.optimizer.app.services.evaluator_condition import is_evaluator_degraded
from services.optimizer.app.services.healing import Healer
from services.optimizer.app.services.healing_case import Case, HealingOutcome, HealingPolicy
from services.optimizer.app.services.healing_runs import has_open_proposal
from services.optimizer.app.services.notification import Notifier, create_notifier
from services.optimizer.app.services.outcome_notification import describe_outcome
from services.optimizer.app.services.preview import preview_case
from services.optimizer.app.services.replay import Replayer

SERVICE = "optimizer"
FAILURE_EXIT_CODE = 1
MODE_OFF = "off"
# Providers whose model is no capable analyst; rules alone propose for them.
PROVIDERS_WITHOUT_ANALYST = (SIMULATED_PROVIDER, LOCAL_PROVIDER)
RULES = "rules"

log = get_logger()


@dataclass(frozen=True, slots=True)
class Analyst:
    """The configured model, as strategies use it; both are None where rules alone propose."""

    reflect: Reflect | None = None
    ask_model: AskModel | None = None


@asynccontextmanager
async def open_analyst(settings: Settings) -> AsyncIterator[Analyst]:
    """The analyst that OPTIMIZER_MODEL names; by default the hosted model, else none."""
    spec = settings.optimizer_model
    if not spec and settings.llm_provider not in PROVIDERS_WITHOUT_ANALYST:
        spec = f"{settings.llm_provider}:{settings.llm_model}"
    if not spec or spec == RULES:
        yield Analyst()
        return
    # LangChain costs half a second of start-up, which the rules needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415
    from services.common.llm.invocation import close_model  # noqa: PLC0415
    from services.optimizer.app.services.analyst import ask_analyst, ask_plainly  # noqa: PLC0415

    model = create_model_from_spec(settings, spec)
    try:
        yield Analyst(partial(ask_analyst, model), partial(ask_plainly, model))
    finally:
        await close_model(model)


@dataclass(frozen=True, slots=True)
class Tools:
    """What all runs of one process share."""

    session: aiohttp.ClientSession
    analyst: Analyst
    notifier: Notifier


@asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[Tools]:
    """Open what runs need: an HTTP session, the analyst's model, the webhook."""
    async with create_session() as session, open_analyst(settings) as analyst:
        yield Tools(session, analyst, create_notifier(settings, session))


async def optimize(settings: Settings) -> dict[str, HealingOutcome]:
    """Run one cycle.

    Returns:
        Outcomes by task type; empty where nothing needed work.

    Raises:
        ServiceError: If a heal failed, or the run could not be brought to an end; a prompt is
            changed only where the log says `prompt_patched` or `prompt_rolled_back`.
    """
    if settings.optimizer_mode == MODE_OFF:
        log.warning("optimizer_off", remedy="Set OPTIMIZER_MODE to auto or propose.")
        return {}
    async with open_tools(settings) as tools:
        return await _run_cycle(settings, tools, is_continuous=False)


async def watch_continuously(settings: Settings, *, stop: asyncio.Event) -> None:
    """Run cycles whenever an answer fails, and now and then in any case, until stopped.

    Cooldown and heals per day bind this mode only.
    """
    if settings.optimizer_mode == MODE_OFF:
        log.warning("optimizer_off", remedy="Set OPTIMIZER_MODE to auto or propose.")
        await stop.wait()
        return
    async with open_tools(settings) as tools:

        async def run_once() -> bool:
            return bool(await _run_cycle(settings, tools, is_continuous=True))

        await watch_failures(
            database_url=settings.database_url.get_secret_value(),
            timeout_seconds=settings.database_timeout_seconds,
            poll_seconds=settings.optimizer_poll_seconds,
            run_once=run_once,
            stop=stop,
        )


async def preview(settings: Settings) -> None:
    """Log what a run would do; no model is called and nothing is changed."""
    task_types = open_task_types(settings.task_types_dir)
    async with create_session() as session, _connect(settings) as connection:
        cycle = Cycle(
            _trigger(settings),
            _refuse_to_heal,
            is_degraded=partial(is_evaluator_degraded, session, settings.evaluator_url),
        )
        cases = await cycle.find_cases(connection)
        for case in cases:
            plan = await preview_case(
                connection,
                case,
                task_types=task_types,
                guard_inputs=settings.optimizer_guard_inputs,
            )
            log.info("would_look_into", **plan, max_calls=settings.max_calls)
        if not cases:
            log.info("no task types need optimization")


async def _run_cycle(
    settings: Settings, tools: Tools, *, is_continuous: bool
) -> dict[str, HealingOutcome]:
    async with _connect(settings) as connection:

        async def heal(case: Case) -> HealingOutcome:
            healer = Healer(
                connection,
                _make_replayer(settings, tools.session),
                reflect=tools.analyst.reflect,
                ask_model=tools.analyst.ask_model,
                task_types=open_task_types(settings.task_types_dir),
                policy=_policy(settings),
            )
            return await healer.heal(case)

        async def announce(prompt: Prompt, outcome: HealingOutcome | ServiceError) -> None:
            await tools.notifier.notify(describe_outcome(prompt, outcome))

        async def find_pause(prompt: Prompt) -> str:
            if settings.optimizer_mode == PROPOSE_MODE and await has_open_proposal(
                connection, prompt
            ):
                return "proposal_waits"
            if not is_continuous:
                return ""
            return await is_cooling_down(
                connection,
                prompt,
                base_seconds=settings.optimizer_cooldown_seconds,
                max_heals_per_day=settings.optimizer_max_heals_per_day,
            )

        cycle = Cycle(
            _trigger(settings),
            heal,
            triggered_by=settings.optimizer_triggered_by,
            is_degraded=partial(is_evaluator_degraded, tools.session, settings.evaluator_url),
            announce=announce,
            is_cooling_down=find_pause,
        )
        return await cycle.run(connection)


def _connect(settings: Settings) -> AbstractAsyncContextManager[asyncpg.Connection]:
    return connect(
        settings.database_url.get_secret_value(),
        timeout_seconds=settings.database_timeout_seconds,
    )


def _trigger(settings: Settings) -> Trigger:
    return Trigger(settings.optimizer_failure_threshold, settings.optimizer_lookback_minutes)


def _policy(settings: Settings) -> HealingPolicy:
    return HealingPolicy(
        mode=settings.optimizer_mode,
        triggered_by=settings.optimizer_triggered_by,
        lookback_minutes=settings.optimizer_lookback_minutes,
        guard_inputs=settings.optimizer_guard_inputs,
        max_newly_failing=settings.optimizer_max_newly_failing,
        max_calls=settings.max_calls,
    )


def _make_replayer(settings: Settings, session: aiohttp.ClientSession) -> Replayer:
    token = settings.internal_token.get_secret_value() if settings.internal_token else ""
    return Replayer(
        worker=ServiceClient(
            session,
            upstream="worker",
            base_url=settings.worker_url,
            timeout_seconds=settings.worker_timeout_seconds,
        ),
        evaluator=ServiceClient(
            session,
            upstream="evaluator",
            base_url=settings.evaluator_url,
            timeout_seconds=settings.evaluator_timeout_seconds,
        ),
        internal_token=token,
        max_calls=settings.max_calls,
        deadline_seconds=settings.optimizer_deadline_seconds,
    )


async def _refuse_to_heal(_case: Case) -> HealingOutcome:
    raise AssertionError("a preview heals nothing")


async def _watch_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await watch_continuously(settings, stop=stop)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run; exit 0 when healed, held or stopped, 1 when the run failed, 2 for a wrong setting."""
    parser = argparse.ArgumentParser(
        prog="python -m services.optimizer.app.main", description=__doc__
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--watch", action="store_true", help="go on until SIGINT or SIGTERM")
    mode.add_argument("--dry-run", action="store_true", help="say what would be done, do nothing")
    options = parser.parse_args([] if arguments is None else arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(explain_settings_error(error) + "\n")
        sys.exit(USAGE_EXIT_CODE)
    configure_logging(SERVICE, settings.log_level)
    try:
        if options.watch:
            uvloop.run(_watch_until_signalled(settings))
        elif options.dry_run:
            uvloop.run(preview(settings))
        else:
            uvloop.run(optimize(settings))
    except ServiceError as error:
        log.error("optimization_failed", code=error.code, message=error.message)
        sys.exit(FAILURE_EXIT_CODE)
    except asyncpg.PostgresError as error:
        log.error("optimization_failed", code="database_error", message=type(error).__name__)
        sys.exit(FAILURE_EXIT_CODE)
    except (KeyboardInterrupt, asyncio.CancelledError):
        log.warning("optimization_interrupted")
        sys.exit(FAILURE_EXIT_CODE)


if __name__ == "__main__":
    main(sys.argv[1:])
