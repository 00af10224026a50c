"""The Evaluator: scores answers, rules 40 % and judge 60 %."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.common.config import Settings
from services.common.logging import get_logger
from services.common.metrics import EvaluationMetrics, ServiceMetrics
from services.common.task_types.registry import open_task_types
from services.common.web import create_app, serve
from services.evaluator.app.api import router
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.wiring import create_evaluation

SERVICE = "evaluator"
MAX_BODY_BYTES = 2 << 20

log = get_logger()


def create_evaluator(settings: Settings) -> FastAPI:
    """Wire the Evaluator: one place knows what it is made of."""
    evaluation = create_evaluation(settings)
    metrics = ServiceMetrics(SERVICE)

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await evaluation.start()
        app.state.evaluation = evaluation
        evaluation_metrics = EvaluationMetrics(
            metrics.registry, open_task_types(settings.task_types_dir).names()
        )
        evaluation_metrics.set_sandbox_available(is_available=evaluation.availability.is_available)
        app.state.evaluation_metrics = evaluation_metrics
        _announce(evaluation)
        yield
        await evaluation.close()

    async def is_ready() -> bool:
        return True

    def describe_condition() -> dict[str, Any]:
        availability = evaluation.availability
        return {"sandbox": availability.backend, "sandbox_problem": availability.problem}

    app = create_app(
        SERVICE,
        metrics=metrics,
        lifespan=hold_resources,
        is_ready=is_ready,
        describe_condition=describe_condition,
        max_body_bytes=MAX_BODY_BYTES,
    )
    app.include_router(router)
    return app


def _announce(evaluation: Evaluation) -> None:
    log.info("judge_chosen", judge=evaluation.judge_name, fingerprint=evaluation.fingerprint)
    availability = evaluation.availability
    if availability.is_available:
        log.info("sandbox_started", backend=availability.backend, layers=availability.layers)
    else:
        log.warning("sandbox_unavailable", problem=availability.problem)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, create_evaluator, port="evaluator_port")


if __name__ == "__main__":
    main()
