"""What the Optimizer is made of: the one place that wires it from the settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp
import asyncpg

from services.common.config import (
    LOCAL_PROVIDER,
    SIMULATED_PROVIDER,
    Settings,
)
from services.common.database import connect
from services.common.errors import ServiceError
from services.common.http import create_session
from services.common.models import Prompt
from services.common.siblings import EvaluatorClient, WorkerClient
from services.common.task_types import open_task_types
from services.optimizer.app.services.aftercare.alarm_confirmation import Confirmation, confirm_alarm
from services.optimizer.app.services.cycle import Cycle
from services.optimizer.app.services.diagnosis.cooldown import is_cooling_down, was_told
from services.optimizer.app.services.diagnosis.evaluator_condition import is_evaluator_degraded
from services.optimizer.app.services.diagnosis.healing_case import (
    Case,
    HealingOutcome,
    HealingPolicy,
)
from services.optimizer.app.services.diagnosis.survey import Trigger
from services.optimizer.app.services.heal.conclusion import PROPOSE_MODE
from services.optimizer.app.services.heal.healing import Healer
from services.optimizer.app.services.log.log_records import LoggedResult
from services.optimizer.app.services.proof.replay import Replayer
from services.optimizer.app.services.proof.text_replays import TextReplays
from services.optimizer.app.services.record.healing_runs import has_open_proposal
from services.optimizer.app.services.repair.candidates import AskModel, Reflect
from services.optimizer.app.services.telling.notification import Notifier, create_notifier
from services.optimizer.app.services.telling.outcome_notification import describe_outcome

# Providers whose model is no capable analyst; rules alone propose for them.
PROVIDERS_WITHOUT_ANALYST = (SIMULATED_PROVIDER, LOCAL_PROVIDER)
RULES = "rules"


@dataclass(frozen=True, slots=True)
class Analyst:
    """The configured model, as strategies use it; both are None where rules alone propose."""

    reflect: Reflect | None = None
    ask_model: AskModel | None = None


def find_analyst_spec(settings: Settings) -> str:
    """The analyst that OPTIMIZER_MODEL names; by default the hosted model; empty for none."""
    spec = settings.optimizer_model
    if not spec and settings.llm_provider not in PROVIDERS_WITHOUT_ANALYST:
        spec = f"{settings.llm_provider}:{settings.llm_model}"
    return "" if spec == RULES else spec


@asynccontextmanager
async def open_analyst(settings: Settings) -> AsyncIterator[Analyst]:
    """The analyst that the settings name, if they name one."""
    spec = find_analyst_spec(settings)
    if not spec:
        yield Analyst()
        return
    # LangChain costs half a second of start-up, which the rules needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415
    from services.common.llm.invocation import close_model  # noqa: PLC0415
    from services.optimizer.app.services.repair.analyst import ask_analyst, ask_plainly  # noqa: PLC0415

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


async def run_cycle(
    settings: Settings, tools: Tools, *, is_continuous: bool
) -> dict[str, HealingOutcome]:
    """Run one cycle on a connection of its own; cooldown binds the continuous mode only.

    Raises:
        ServiceError: If a heal failed, or the run could not be brought to an end.
    """
    async with open_connection(settings) as connection:

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

        async def confirm(
            serving: Prompt, before: str, after: Sequence[LoggedResult]
        ) -> Confirmation:
            replayer = _make_replayer(settings, tools.session)
            return await confirm_alarm(
                TextReplays(connection, replayer, serving),
                promoted=serving.content,
                before=before,
                after=after,
                count_calls=lambda: replayer.calls,
            )

        async def find_pause(case: Case) -> str:
            waits = await find_waiting_proposal(settings, connection, case)
            if waits or not is_continuous:
                return waits
            if case.attribution is not None:
                return await was_told(connection, case.incumbent, case.attribution.verdict)
            return await is_cooling_down(
                connection,
                case.incumbent,
                base_seconds=settings.optimizer_cooldown_seconds,
                max_heals_per_day=settings.optimizer_max_heals_per_day,
            )

        cycle = Cycle(
            make_trigger(settings),
            heal,
            triggered_by=settings.optimizer_triggered_by,
            is_degraded=partial(is_evaluator_degraded, tools.session, settings.evaluator_url),
            announce=announce,
            is_cooling_down=find_pause,
            confirm=confirm,
        )
        return await cycle.run(connection)


async def find_waiting_proposal(
    settings: Settings, connection: asyncpg.Connection, case: Case
) -> str:
    """A code where a proven text already waits for a person's answer; empty where none does."""
    asks_first = settings.optimizer_mode == PROPOSE_MODE
    waits = await has_open_proposal(connection, case.incumbent, of_any_kind=asks_first)
    return "proposal_waits" if waits else ""


def open_connection(settings: Settings) -> AbstractAsyncContextManager[asyncpg.Connection]:
    """A connection to the database that the settings name."""
    return connect(
        settings.database_url.get_secret_value(),
        timeout_seconds=settings.database_timeout_seconds,
    )


def make_trigger(settings: Settings) -> Trigger:
    """When failures count as piled up."""
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
        worker=WorkerClient(
            session,
            base_url=settings.worker_url,
            timeout_seconds=settings.worker_timeout_seconds,
        ),
        evaluator=EvaluatorClient(
            session,
            base_url=settings.evaluator_url,
            timeout_seconds=settings.evaluator_timeout_seconds,
        ),
        internal_token=token,
        max_calls=settings.max_calls,
        deadline_seconds=settings.optimizer_deadline_seconds,
    )
