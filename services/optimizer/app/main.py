"""The Optimizer: one run, then exit. Finds failing prompts, proves a repair, activates it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

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
from services.optimizer.app.services.cycle import Trigger, run_cycle
from services.optimizer.app.services.healing import Analyst, Healer, HealingOutcome
from services.optimizer.app.services.log_analyzer import FailureAnalysis
from services.optimizer.app.services.replay import Replayer

SERVICE = "optimizer"
FAILURE_EXIT_CODE = 1
# Providers whose model is no capable analyst; rules alone propose for them.
PROVIDERS_WITHOUT_ANALYST = (SIMULATED_PROVIDER, LOCAL_PROVIDER)

log = get_logger()


@asynccontextmanager
async def open_analyst(settings: Settings) -> AsyncIterator[Analyst | None]:
    """The analyst that OPTIMIZER_MODEL names; by default the hosted model, else none."""
    spec = settings.optimizer_model
    if not spec and settings.llm_provider not in PROVIDERS_WITHOUT_ANALYST:
        spec = f"{settings.llm_provider}:{settings.llm_model}"
    if not spec or spec == "rules":
        yield None
        return
    # LangChain costs half a second of start-up, which the rules needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415
    from services.common.llm.invocation import close_model  # noqa: PLC0415
    from services.optimizer.app.services.analyst import ask_analyst  # noqa: PLC0415

    model = create_model_from_spec(settings, spec)
    try:
        yield partial(ask_analyst, model)
    finally:
        await close_model(model)


async def optimize(settings: Settings) -> dict[str, HealingOutcome]:
    """Wire the Optimizer and run one cycle.

    Returns:
        Outcomes by task type; empty where nothing needed work.

    Raises:
        ServiceError: If a heal failed, or the run could not be brought to an end; a prompt is
            changed only where the log says `prompt_patched`.
    """
    task_types = open_task_types(settings.task_types_dir)
    token = settings.internal_token.get_secret_value() if settings.internal_token else ""
    async with (
        open_analyst(settings) as analyst,
        connect(
            settings.database_url.get_secret_value(),
            timeout_seconds=settings.database_timeout_seconds,
        ) as connection,
        create_session() as session,
    ):
        worker = ServiceClient(
            session,
            upstream="worker",
            base_url=settings.worker_url,
            timeout_seconds=settings.worker_timeout_seconds,
        )
        evaluator = ServiceClient(
            session,
            upstream="evaluator",
            base_url=settings.evaluator_url,
            timeout_seconds=settings.evaluator_timeout_seconds,
        )

        async def heal(incumbent: Prompt, analysis: FailureAnalysis) -> HealingOutcome:
            replayer = Replayer(
                worker=worker,
                evaluator=evaluator,
                internal_token=token,
                max_calls=settings.max_calls,
            )
            healer = Healer(
                connection,
                replayer,
                analyst=analyst,
                task_types=task_types,
                triggered_by=settings.optimizer_triggered_by,
            )
            return await healer.heal(incumbent, analysis)

        trigger = Trigger(settings.optimizer_failure_threshold, settings.optimizer_lookback_minutes)
        return await run_cycle(connection, trigger=trigger, heal=heal)


def main() -> None:
    """Run once; exit 0 when healed or held, 1 when the run failed, 2 for a wrong setting."""
    try:
        settings = Settings()
    except ValidationError as error:
        sys.stderr.write(explain_settings_error(error) + "\n")
        sys.exit(USAGE_EXIT_CODE)
    configure_logging(SERVICE, settings.log_level)
    try:
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
    main()
