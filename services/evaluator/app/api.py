"""The Evaluator's HTTP API."""

from typing import Annotated

from fastapi import APIRouter, Header, Request

from services.common.api_description import (
    FAILURES_WITH_A_BODY,
    describe_failures,
)
from services.common.errors import ForbiddenError, UnscoredError
from services.common.internal_token import matches_token, require_internal_token
from services.common.logging import get_logger
from services.common.oversight.records import EvaluatorRecords
from services.common.resilience.hang_ups import while_connected
from services.common.schemas import (
    EvaluationRequest,
    EvaluationResponse,
)
from services.evaluator.app.metrics import EvaluationMetrics
from services.evaluator.app.services.evaluation import Evaluation
from services.evaluator.app.services.oversight.exchange import KnownRecords

log = get_logger()
EVALUATE_PATH = "/api/v1/evaluate"

router = APIRouter()


@router.post("/api/v1/records", include_in_schema=False)
async def exchange_records(
    body: EvaluatorRecords,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> EvaluatorRecords:
    """Take what other Evaluators know of judges and canaries, and give what is known here."""
    if not matches_token(x_internal_token, request.app.state.internal_token):
        raise ForbiddenError("Records of judges are for the Manager alone: send INTERNAL_TOKEN.")
    known: KnownRecords = request.app.state.known_records
    known.take(body.records)
    request.app.state.reconsider()
    return EvaluatorRecords(records=known.load())


@router.post(
    EVALUATE_PATH,
    responses=describe_failures(
        FAILURES_WITH_A_BODY,
        {
            503: "The answer can't be scored, or there is too much to do",
            504: "There was too little time to score it",
        },
    ),
)
async def evaluate_output(
    body: EvaluationRequest,
    request: Request,
    x_internal_token: Annotated[str | None, Header()] = None,
) -> EvaluationResponse:
    """Score an answer; one that can't be scored is a 503, never a zero."""
    if body.golden_id is not None:
        own = request.app.state.internal_token
        require_internal_token(x_internal_token, own, field="golden_id")
    evaluation: Evaluation = request.app.state.evaluation
    metrics: EvaluationMetrics = request.app.state.evaluation_metrics
    try:
        verdict, detail = await while_connected(request.receive, evaluation.evaluate(body))
    except UnscoredError:
        metrics.count_unscored(body.task_type)
        raise
    metrics.observe_score(body.task_type, verdict.score)
    metrics.count_execution(detail.execution.status)
    metrics.count_evidence(detail.evidence)
    log.info(
        "output_evaluated",
        task_type=body.task_type,
        score=verdict.score,
        passed=verdict.passed,
        judge=detail.judge.name,
        execution=detail.execution.status,
        evidence=detail.evidence,
        fingerprint=detail.evaluator.fingerprint,
    )
    return EvaluationResponse(
        request_id=body.request_id,
        score=verdict.score,
        passed=verdict.passed,
        detail=detail.as_json(),
    )
