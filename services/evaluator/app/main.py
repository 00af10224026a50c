"""The Evaluator: scores answers, rules 40 % and judge 60 %."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI

from services.common.config import EvaluatorSettings
from services.common.evaluation_detail import EvaluationDetail
from services.common.internal_token import create_token_check
from services.common.logging import get_logger
from services.common.metrics import ServiceMetrics
from services.common.resilience.bounded_calls import PROVIDER, BoundedCalls
from services.common.resilience.concurrency_limit import ConcurrencyLimit
from services.common.resilience.deadline import within
from services.common.schemas import EvaluationRequest
from services.common.task_types.registry import open_task_types
from services.common.web import create_app, gather_routes, serve
from services.evaluator.app.api import EVALUATE_PATH, router
from services.evaluator.app.metrics import EvaluationMetrics, EvaluatorMetrics
from services.evaluator.app.sandbox_watch import SandboxWatch
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.oversight.calibration.labelled_set import (
    LABELLED_TASK_TYPE,
    load_canaries,
)
from services.evaluator.app.services.oversight.canary import CanaryWatch
from services.evaluator.app.services.oversight.canary_baselines import CanaryBaselines
from services.evaluator.app.services.oversight.exchange import KnownRecords
from services.evaluator.app.services.oversight.judge_trust import JudgeTrust
from services.evaluator.app.services.scorer import Verdict
from services.evaluator.app.wiring import create_evaluation

SERVICE = "evaluator"
ROUTES = gather_routes(router)
# Of a request without its conversation. A conversation comes with the whole answer, which is no
# larger than a conversation may be.
MAX_BODY_BYTES = 2 << 20

log = get_logger()


def create_evaluator(settings: EvaluatorSettings) -> FastAPI:
    """Wire the Evaluator: one place knows what it is made of.

    Raises:
        ServiceError: If the judge may not serve, or a setting or a task type can't be used.
    """
    metrics = ServiceMetrics(SERVICE)
    judge_calls = BoundedCalls(
        ConcurrencyLimit(settings.llm_concurrency), settings.queue_seconds, metrics.count_refusal
    )
    evaluation = create_evaluation(settings, judge_calls)
    trust = JudgeTrust(evaluation.judge, settings)
    trust.require()
    evaluation_metrics = EvaluationMetrics(
        metrics.registry, open_task_types(settings.task_types_dir).names()
    )
    evaluator_metrics = EvaluatorMetrics(metrics.registry)
    if evaluation.judge.breaker:
        metrics.watch_breaker(evaluation.judge.breaker)

    async def evaluate_in_time(request: EvaluationRequest) -> tuple[Verdict, EvaluationDetail]:
        with within(settings.evaluator_timeout_seconds):
            return await evaluation.evaluate(request)

    canary = CanaryWatch(
        evaluate_in_time,
        load_canaries(),
        CanaryBaselines(settings.selfheal_home),
        fingerprint=lambda: evaluation.fingerprint_of(LABELLED_TASK_TYPE),
        interval_seconds=60 * settings.canary_interval_minutes,
        on_status=lambda status: evaluator_metrics.set_canary(
            agreement=status.agreement, degraded=status.degraded
        ),
    )

    def announce() -> None:
        fingerprint = evaluation.fingerprint_of(LABELLED_TASK_TYPE)
        evaluation_metrics.set_sandbox_available(is_available=evaluation.availability.is_available)
        evaluator_metrics.set_info(fingerprint=fingerprint, judge=evaluation.judge.name)
        _announce(evaluation)

    def reconsider() -> None:
        trust.look_again()
        canary.reconsider()

    sandbox_watch = SandboxWatch(evaluation, on_found=announce)

    @asynccontextmanager
    async def hold_resources(app: FastAPI) -> AsyncIterator[None]:
        await evaluation.start()
        announce()
        app.state.evaluation = evaluation
        app.state.internal_token = settings.internal_token
        app.state.evaluation_metrics = evaluation_metrics
        app.state.known_records = KnownRecords(settings.selfheal_home)
        app.state.reconsider = reconsider
        canary.start()
        sandbox_watch.start()
        yield
        await sandbox_watch.close()
        await canary.close()
        await evaluation.close()

    async def find_obstacle() -> str:
        return trust.problem or evaluation.obstacle

    def describe_condition() -> dict[str, Any]:
        availability = evaluation.availability
        return {
            "fingerprint": evaluation.fingerprint_of(LABELLED_TASK_TYPE),
            "sandbox": {
                "backend": availability.backend,
                "problem": availability.problem,
                "layers": list(availability.layers),
            },
            "judge": evaluation.judge.name,
            "calibration": trust.calibration.as_condition() if trust.calibration else None,
            **canary.status.as_condition(),
            "canary_history": list(canary.history),
        }

    app = create_app(
        SERVICE,
        metrics=metrics,
        authorise=create_token_check(settings, settings.internal_token),
        lifespan=hold_resources,
        find_obstacle=find_obstacle,
        bound_seconds=settings.evaluator_timeout_seconds,
        describe_condition=describe_condition,
        bounds={EVALUATE_PATH: {"sandbox": evaluation.admits, PROVIDER: judge_calls.admits}},
        max_body_bytes=MAX_BODY_BYTES + 2 * settings.chat_max_body_bytes,
    )
    app.router.routes.extend(ROUTES)
    return app


def _announce(evaluation: Evaluation) -> None:
    log.info(
        "judge_chosen",
        judge=evaluation.judge.name,
        fingerprint=evaluation.fingerprint_of(LABELLED_TASK_TYPE),
    )
    availability = evaluation.availability
    if availability.is_available:
        log.info("sandbox_started", backend=availability.backend, layers=availability.layers)
    else:
        log.warning("sandbox_unavailable", problem=availability.problem)


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    serve(SERVICE, EvaluatorSettings, create_evaluator)


if __name__ == "__main__":
    main()
