"""Serves a request: refine, ask Worker and Evaluator, write one row of the log, answer."""

from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar
from uuid import UUID

from services.common.chat.usage import read_task
from services.common.costs.bill import Bill
from services.common.costs.prices import Prices
from services.common.errors import (
    ClientGoneError,
    InvalidRequestError,
    UnknownTaskTypeError,
    UpstreamError,
    UpstreamOverloadedError,
)
from services.common.evaluation_detail import (
    ErrorDetail,
    EvaluationDetail,
    WorkerDetail,
    read_detail,
)
from services.common.logging import get_logger
from services.common.metering.spending import metering
from services.common.record.assignment import Assignment, find_assignment, read_assignment
from services.common.schemas import (
    ROLLOUT_HEADER,
    AgentRequest,
    AgentResponse,
    EvaluationRequest,
    TaskRequest,
)
from services.common.siblings import EvaluatorClient, WorkerClient
from services.common.task_types.registry import TaskTypes
from services.common.tracing.evaluation import evaluating, invoking_agent
from services.manager.app.idempotency.calls import Call
from services.manager.app.log.rows import Execution, Row
from services.manager.app.log.writer import RowWriter, Within
from services.manager.app.services.refinement.refiners import Refiner

Result = TypeVar("Result")
CLIENT = "client"
# What the row's detail has of the Worker's answer, as both name it.
TOLD = {"model", "provider", "input_tokens", "output_tokens", "cached_tokens", "fallback"}

log = get_logger()


class Bound(Protocol):
    """Does work for as long as somebody waits for it; raises ClientGoneError where nobody does."""

    def __call__(self, work: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, Result]:
        """Do it."""


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Do work whoever waits for it."""
    return await work


class Orchestrator:
    """Serves requests.

    Args:
        rows: Keeps the record; no request is acknowledged without it.
        refiner_model: What rewords requests, as `provider:model`; empty where rules alone do.
    """

    def __init__(
        self,
        *,
        refiner: Refiner,
        worker: WorkerClient,
        evaluator: EvaluatorClient,
        rows: RowWriter,
        task_types: TaskTypes,
        prices: Prices,
        refiner_model: str = "",
    ) -> None:
        self._refiner = refiner
        self._prices = prices
        self._refiner_model = refiner_model
        self._worker = worker
        self._evaluator = evaluator
        self._rows = rows
        self._task_types = task_types

    async def serve(
        self,
        request_id: UUID,
        request: AgentRequest,
        call: Call | None = None,
        until_hang_up: Bound = to_the_end,
    ) -> AgentResponse:
        """Serve one request; the answer of one that may be tried again is kept with its row.

        Args:
            call: The call of a key, which may be tried again.
            until_hang_up: Bounds what is done for the client; the row is written all the same.

        Raises:
            ClientGoneError: If the client hung up.
            InvalidRequestError: If nothing in the input can be seen, or the prompt has variables.
            UnknownTaskTypeError: If no prompt serves the task type; nothing is logged then.
            UpstreamError: If Worker or Evaluator failed; the log has a row that says so, unless
                the Worker has too much to do.
            DatabaseUnavailableError: If the row can't be written.
            CallInProgressError: If another process took the call's place.
        """
        definition = self._task_types.find(request.task_type)
        if definition and definition.variables:
            raise InvalidRequestError(
                f"The prompt of {request.task_type} takes variables "
                f"({', '.join(definition.variables)}), which only /v1/chat/completions can give."
            )
        bill = Bill(self._prices, request.task_type)
        with metering() as refining:
            refined_input = await until_hang_up(
                self._refiner.refine(request.user_input, task_type=request.task_type)
            )
        bill.add("serving", self._refiner_model, refining)
        if not refined_input:
            raise InvalidRequestError("user_input holds no character that can be seen.")
        execution = Execution(
            request_id=request_id,
            task_type=request.task_type,
            user_input=request.user_input,
            refined_input=refined_input,
        )
        try:
            response = await until_hang_up(self._answer_and_score(execution, bill))
        except UnknownTaskTypeError:
            raise
        except ClientGoneError as error:
            # It counts for nothing, as at the door: there is no error message.
            self._note(execution, ErrorDetail(service=CLIENT, code=error.code))
            bill.add_failure("serving", error, is_asked=execution.worker_output is None)
            await self._rows.write(Row(execution, charges=bill.as_json()))
            raise
        except UpstreamError as error:
            if isinstance(error, UpstreamOverloadedError) and execution.worker_output is None:
                raise  # Nothing was done of it.
            if assignment := read_assignment(error.told):
                execution.evaluation_detail = _describe_worker(assignment)
            error.headers |= _name_arm(execution)
            execution.error_message = f"{error.code}: {error.message}"
            self._note(execution, ErrorDetail(service=error.upstream, code=error.upstream_code))
            is_answered = execution.worker_output is not None
            bill.add_failure(
                "judging" if is_answered else "serving", error, is_asked=not is_answered
            )
            await self._rows.write(Row(execution, charges=bill.as_json()))
            if execution.worker_output is not None:
                error.message = (
                    f"{error.message.rstrip('.')}. The answer exists, unscored, in the log's row "
                    f"of this request. See it with: selfheal explain {request_id}"
                )
            raise
        await self._rows.write(Row(execution, charges=bill.as_json()), _keeping(call, response))
        log.info(
            "request_served",
            task_type=request.task_type,
            prompt_version=response.prompt_version,
            score=response.evaluation_score,
            passed=response.evaluation_passed,
        )
        return response

    def _note(self, execution: Execution, reason: ErrorDetail) -> None:
        """Say in the row why there is no score, beside what is known already."""
        known = execution.evaluation_detail or {}
        execution.evaluation_detail = known | EvaluationDetail(error=reason).as_json()

    async def _answer_and_score(self, execution: Execution, bill: Bill) -> AgentResponse:
        """Fill in the execution step by step, so that a failure keeps what came before."""
        with invoking_agent(execution.task_type) as agent:
            task = await self._worker.perform(
                TaskRequest(
                    request_id=execution.request_id,
                    task_type=execution.task_type,
                    refined_input=execution.refined_input,
                )
            )
            agent.tell_prompt(task.prompt_version)
        execution.prompt_version = task.prompt_version
        execution.worker_output = task.output
        execution.worker_latency_ms = task.latency_ms
        assignment = find_assignment(task)
        cost = bill.add("serving", f"{task.provider}:{task.model}", read_task(task))
        told = task.model_dump(include=TOLD, exclude_defaults=True)
        known = {} if cost is None else {"cost_usd": cost}
        execution.evaluation_detail = _describe_worker(assignment, **told, **known)
        with evaluating(execution.task_type, agent.trace_parent) as tell:
            evaluation = await self._evaluator.evaluate(
                EvaluationRequest(
                    request_id=execution.request_id,
                    task_type=execution.task_type,
                    user_input=execution.user_input,
                    refined_input=execution.refined_input,
                    worker_output=task.output,
                )
            )
            tell(evaluation)
        execution.evaluation_score = evaluation.score
        execution.evaluation_passed = evaluation.passed
        execution.evaluation_detail |= bill.add_judging("judging", evaluation.detail)
        return AgentResponse(
            request_id=execution.request_id,
            refined_input=execution.refined_input,
            worker_output=task.output,
            evaluation_score=evaluation.score,
            evaluation_passed=evaluation.passed,
            prompt_version=task.prompt_version,
            model=task.model,
            judge=read_detail(evaluation.detail).judge.name,
            prompt_age_seconds=task.prompt_age_seconds,
            fallback=task.fallback,
            rollout=_name_arm(execution).get(ROLLOUT_HEADER),
        )


def _name_arm(execution: Execution) -> dict[str, str]:
    """Return what a client is told of the arm, where a rollout was open and it is known."""
    worker = read_detail(execution.evaluation_detail or {}).worker
    return {ROLLOUT_HEADER: f"{worker.rollout}/{worker.arm}"} if worker.rollout else {}


def _describe_worker(assignment: Assignment | None, **told: Any) -> dict[str, Any]:
    """Write what is known of the Worker's answer, as the row's detail has it."""
    told |= assignment.as_detail() if assignment else {}
    return EvaluationDetail(worker=WorkerDetail(**told)).as_json()


def _keeping(call: Call | None, response: AgentResponse) -> Within | None:
    if call is None:
        return None
    headers = {"content-type": "application/json", **response.headers}
    return call.keeping(headers, response.model_dump_json(exclude_none=True).encode())
