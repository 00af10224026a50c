"""The Evaluator: scores answers, rules 40 % and judge 60 %."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.common.config import LOCAL_PROVIDER, SIMULATED_PROVIDER, Settings
from services.common.logging import get_logger
from services.common.metrics import EvaluationMetrics, ServiceMetrics
from services.common.task_types import list_task_types
from services.common.web import create_app, serve
from services.evaluator.app.api import router
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.judge import RUBRIC_JUDGE, Judge, RubricJudge

SERVICE = "evaluator"
MAX_BODY_BYTES = 2 << 20
# Providers whose model is no capable judge; the rubric judges for them.
PROVIDERS_WITHOUT_JUDGE = (SIMULATED_PROVIDER, LOCAL_PROVIDER)

log = get_logger()


def create_judge(settings: Settings) -> Judge:
    """The judge that JUDGE_MODEL names; by default the hosted model, else the rubric."""
    spec = settings.judge_model
    if not spec and settings.llm_provider not in PROVIDERS_WITHOUT_JUDGE:
        spec = f"{settings.llm_provider}:{settings.llm_model}"
    if spec in ("", RUBRIC_JUDGE):
        return RubricJudge()
    # LangChain costs half a second of start-up, which the rubric needn't pay.
    from services.common.llm.factory import create_model_from_spec  # noqa: PLC0415
    from services.evaluator.app.services.llm_judge import LlmJudge  # noqa: PLC0415

    return LlmJudge(create_model_from_spec(settings, spec), spec=spec)


def create_evaluator(settings: Settings) -> FastAPI:
    """Wire the Evaluator: one place knows what it is made of."""
    judge = create_judge(settings)
    metrics = ServiceMetrics(SERVICE)
    evaluation = Evaluation(judge)

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        app.state.evaluation = evaluation
        app.state.evaluation_metrics = EvaluationMetrics(metrics.registry, list_task_types())
        log.info("judge_chosen", judge=judge.name, fingerprint=evaluation.fingerprint)
        yield
        await judge.close()

    async def is_ready() -> bool:
        return True

    app = create_app(
        SERVICE,
        metrics=metrics,
        lifespan=hold_resources,
        is_ready=is_ready,
        max_body_bytes=MAX_BODY_BYTES,
    )
    app.include_router(router)
    return app


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, create_evaluator, port="evaluator_port")


if __name__ == "__main__":
    main()
