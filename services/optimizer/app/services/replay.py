"""Replays inputs through Worker and Evaluator over HTTP, so that they leave no trace in the log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from services.common.errors import ServiceError, UnknownTaskTypeError, UpstreamError
from services.common.http import ServiceClient
from services.common.logging import get_logger
from services.common.schemas import (
    EvaluationRequest,
    EvaluationResponse,
    TaskRequest,
    TaskResponse,
)

CONCURRENCY = 4
ATTEMPTS = 2

log = get_logger()


@dataclass(frozen=True, slots=True)
class ReplayInput:
    """An input to replay; `source` says where it comes from: `failing` or `golden`."""

    id: str
    user_input: str
    refined_input: str
    source: str


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """A replay's outcome: score in [0, 1], whether it passed, and who scored it."""

    score: float
    passed: bool
    fingerprint: str


class BudgetExceededError(ServiceError):
    """The heal has used up its Worker calls."""

    code = "budget_exceeded"


class UnreplayableInputError(ServiceError):
    """The services don't take the input, or the answer that it gets."""

    code = "input_unreplayable"


class Replayer:
    """Runs a prompt text on inputs, within a budget of Worker calls.

    Args:
        worker: Client of the Worker.
        evaluator: Client of the Evaluator.
        internal_token: Lets the Worker generate with a candidate.
        max_calls: Most Worker calls of the heal.
    """

    def __init__(
        self,
        *,
        worker: ServiceClient,
        evaluator: ServiceClient,
        internal_token: str,
        max_calls: int,
    ) -> None:
        self._worker = worker
        self._evaluator = evaluator
        self._headers = {"X-Internal-Token": internal_token}
        self._max_calls = max_calls
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self.calls = 0

    @property
    def calls_left(self) -> int:
        """Worker calls that the budget still allows."""
        return self._max_calls - self.calls

    async def replay(
        self, *, task_type: str, candidate_id: UUID, inputs: Sequence[ReplayInput]
    ) -> dict[str, ReplayResult]:
        """Replay all inputs; one that infrastructure spoiled twice, or that the services don't
        take, is left out, never a zero.

        Returns:
            Results by input id, for the inputs that could be scored.

        Raises:
            ServiceError: The failure of the first input, if none could be scored.
        """
        outcomes = await asyncio.gather(
            *(self._replay_one(task_type, candidate_id, item) for item in inputs)
        )
        results = {
            item.id: outcome
            for item, outcome in zip(inputs, outcomes, strict=True)
            if isinstance(outcome, ReplayResult)
        }
        if inputs and not results:
            raise next(outcome for outcome in outcomes if isinstance(outcome, ServiceError))
        return results

    async def _replay_one(
        self, task_type: str, candidate_id: UUID, item: ReplayInput
    ) -> ReplayResult | ServiceError:
        failure: ServiceError = BudgetExceededError("The budget of Worker calls is used up.")
        for _ in range(ATTEMPTS):
            async with self._slots:
                if self.calls_left <= 0:
                    return failure
                self.calls += 1
                try:
                    return await self._generate_and_score(task_type, candidate_id, item)
                except (UpstreamError, UnknownTaskTypeError) as error:
                    failure = error
                    log.warning("replay_spoiled", input_id=item.id, code=error.code)
                except ValidationError as error:
                    fields = [str(problem["loc"][0]) for problem in error.errors()]
                    log.warning("replay_impossible", input_id=item.id, fields=fields)
                    return UnreplayableInputError("The input or its answer is out of bounds.")
        return failure

    async def _generate_and_score(
        self, task_type: str, candidate_id: UUID, item: ReplayInput
    ) -> ReplayResult:
        request_id = uuid4()
        headers = {**self._headers, "X-Request-ID": str(request_id)}
        task = await self._worker.post(
            "/api/v1/task",
            TaskRequest(
                request_id=request_id,
                task_type=task_type,
                refined_input=item.refined_input,
                candidate_id=candidate_id,
            ),
            TaskResponse,
            headers=headers,
        )
        evaluation = await self._evaluator.post(
            "/api/v1/evaluate",
            EvaluationRequest(
                request_id=request_id,
                task_type=task_type,
                user_input=item.user_input,
                refined_input=item.refined_input,
                worker_output=task.output,
            ),
            EvaluationResponse,
            headers={"X-Request-ID": str(request_id)},
        )
        return ReplayResult(
            score=evaluation.score,
            passed=evaluation.passed,
            fingerprint=_fingerprint_in(evaluation.detail),
        )


def _fingerprint_in(detail: dict[str, Any]) -> str:
    """Who gave the score; empty for an Evaluator that doesn't say."""
    evaluator = detail.get("evaluator")
    return str(evaluator.get("fingerprint", "")) if isinstance(evaluator, dict) else ""
