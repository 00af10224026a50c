"""An evaluation inside this very process, put together as the Evaluator's own is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from services.common.config import Settings

if TYPE_CHECKING:
    from services.evaluator.app.services.evaluation import Evaluation


@asynccontextmanager
async def open_evaluation(settings: Settings, *, judge: str = "") -> AsyncIterator["Evaluation"]:
    """Start judge and sandbox, and end them afterwards; no service needs to run.

    A judge that is named (`provider:name`, or `rubric`) takes the place of the configured one.

    Raises:
        ServiceError: If the judge or a task type's directory can't be used.
    """
    # What judges takes 0.2 s to import, which the commands that don't judge needn't pay.
    from services.evaluator.app.wiring import create_evaluation  # noqa: PLC0415

    chosen = settings.model_copy(update={"judge_model": judge}) if judge else settings
    evaluation = create_evaluation(chosen)
    try:
        await evaluation.start()
        yield evaluation
    finally:
        await evaluation.close()
