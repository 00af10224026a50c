import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from starlette.types import Message

from services.common.costs.prices import Prices
from services.common.errors import (
    ClientGoneError,
    DatabaseUnavailableError,
    InvalidRequestError,
    ServiceError,
    UnknownTaskTypeError,
    UpstreamError,
    UpstreamOverloadedError,
    UpstreamTimeoutError,
)
from services.common.metering.spending import SPENT_HEADER
from services.common.resilience.hang_ups import while_connected
from services.common.schemas import (
    AgentRequest,
    EvaluationRequest,
    EvaluationResponse,
    TaskRequest,
    TaskResponse,
)
from services.common.settings.costs import Price
from services.common.task_types.registry import open_task_types
from services.manager.app.log.rows import Execution, Row
from services.manager.app.log.writer import Within
from services.manager.app.services.orchestrator import Orchestrator

ID = UUID("11111111-2222-4333-8444-555555555555")
REQUEST = AgentRequest(user_input=" please sort ", task_type="code_generation")
PRICES = Prices({"openai:m": Price(input=Decimal(1_000), output=Decimal(2_000))})
DETAIL = {"judge": {"name": "rubric"}, "rules": [{"name": "parses", "passed": True}]}


class FakeRefiner:
    """Trims, so that what was typed and what was refined can be told apart."""

    async def refine(self, user_input: str, *, task_type: str) -> str:
        return user_input.strip()

    async def close(self) -> None:
        """It holds nothing."""


class Hanging:
    """Waits for ever where it hangs, and notes where that is cancelled."""

    hangs = False
    was_cancelled = False

    async def wait(self) -> None:
        try:
            while self.hangs:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise


class FakeWorker(Hanging):
    def __init__(self) -> None:
        self.calls: list[TaskRequest] = []
        self.error: ServiceError | None = None
        self.told: dict[str, Any] = {}

    async def perform(self, call: TaskRequest) -> TaskResponse:
        self.calls.append(call)
        await self.wait()
        if self.error is not None:
            raise self.error
        return TaskResponse(
            request_id=ID,
            output="def f(): ...",
            prompt_version=3,
            latency_ms=12,
            model="m",
            **self.told,
        )


class FakeEvaluator(Hanging):
    def __init__(self) -> None:
        self.calls: list[EvaluationRequest] = []
        self.error: ServiceError | None = None
        self.detail: dict[str, Any] = DETAIL

    async def evaluate(self, call: EvaluationRequest) -> EvaluationResponse:
        self.calls.append(call)
        await self.wait()
        if self.error is not None:
            raise self.error
        return EvaluationResponse(request_id=ID, score=0.874, passed=True, detail=self.detail)


class FakeExecutionLog:
    def __init__(self) -> None:
        self.rows: list[Execution] = []
        self.charges: list[dict[str, Any]] = []
        self.error: ServiceError | None = None

    async def write(self, row: Row, within: Within | None = None) -> None:
        if self.error is not None:
            raise self.error
        self.rows.append(row.execution)
        self.charges += row.charges


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def evaluator() -> FakeEvaluator:
    return FakeEvaluator()


@pytest.fixture
def execution_log() -> FakeExecutionLog:
    return FakeExecutionLog()


@pytest.fixture
def orchestrator(
    worker: FakeWorker, evaluator: FakeEvaluator, execution_log: FakeExecutionLog
) -> Orchestrator:
    return Orchestrator(
        refiner=FakeRefiner(),
        worker=worker,  # type: ignore[arg-type]
        evaluator=evaluator,  # type: ignore[arg-type]
        rows=execution_log,  # type: ignore[arg-type]
        task_types=open_task_types(None),
        prices=PRICES,
    )


class HangUp:
    """Lets so many pieces of work be done, and cancels the next where it waits for the first time.

    Where it never waits, it is done before the client is seen to be gone.
    """

    def __init__(self, after: int) -> None:
        self.after = after

    async def __call__(self, work: Coroutine[Any, Any, Any]) -> Any:
        self.after -= 1
        client_is_gone = asyncio.Event()
        if self.after < 0:
            client_is_gone.set()

        async def receive() -> Message:
            await client_is_gone.wait()
            return {"type": "http.disconnect"}

        return await while_connected(receive, work)


def upstream_error(upstream: str, code: str = "judge_unavailable") -> UpstreamError:
    return UpstreamError(f"The {upstream} answered: no", upstream=upstream, upstream_code=code)


async def test_a_request_goes_to_the_worker_then_to_the_evaluator_then_into_the_log(
    orchestrator: Orchestrator,
    worker: FakeWorker,
    evaluator: FakeEvaluator,
    execution_log: FakeExecutionLog,
) -> None:
    response = await orchestrator.serve(ID, REQUEST)

    assert response.model_dump(exclude_none=True) == {
        "request_id": ID,
        "refined_input": "please sort",
        "worker_output": "def f(): ...",
        "evaluation_score": 0.874,
        "evaluation_passed": True,
        "prompt_version": 3,
        "model": "m",
        "judge": "rubric",
    }
    about = {"request_id": ID, "task_type": "code_generation", "refined_input": "please sort"}
    judged = about | {"user_input": " please sort ", "worker_output": "def f(): ..."}
    assert worker.calls == [TaskRequest.model_validate(about)]
    assert evaluator.calls == [EvaluationRequest.model_validate(judged)]
    assert execution_log.rows == [
        Execution(
            request_id=ID,
            task_type="code_generation",
            user_input=" please sort ",
            refined_input="please sort",
            prompt_version=3,
            worker_output="def f(): ...",
            worker_latency_ms=12,
            evaluation_score=0.874,
            evaluation_passed=True,
            evaluation_detail={"worker": {"model": "m"}, **DETAIL},
        )
    ]


@pytest.mark.parametrize(
    ("detail", "judge"),
    [
        ({"judge": {"name": "rubric"}}, "rubric"),
        ({"judge": {}}, "unknown"),
        ({}, "unknown"),
        ({"judge": "rubric"}, "unknown"),
        ({"judge": None}, "unknown"),
    ],
    ids=["named", "nameless", "none", "a text", "null"],
)
async def test_the_answer_names_the_judge_where_the_detail_does(
    orchestrator: Orchestrator, evaluator: FakeEvaluator, detail: dict[str, Any], judge: str
) -> None:
    evaluator.detail = detail

    assert (await orchestrator.serve(ID, REQUEST)).judge == judge


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(upstream_error("worker", "model_timeout"), id="it fails"),
        pytest.param(UpstreamTimeoutError(upstream="worker", seconds=90), id="it is late"),
    ],
)
async def test_a_failure_of_the_worker_is_logged_without_output_and_score(
    orchestrator: Orchestrator,
    worker: FakeWorker,
    evaluator: FakeEvaluator,
    execution_log: FakeExecutionLog,
    error: UpstreamError,
) -> None:
    worker.error = error
    with pytest.raises(UpstreamError) as failure:
        await orchestrator.serve(ID, REQUEST)

    assert failure.value is error
    assert evaluator.calls == []
    assert execution_log.rows == [
        Execution(
            request_id=ID,
            task_type="code_generation",
            user_input=" please sort ",
            refined_input="please sort",
            evaluation_detail={"error": {"service": "worker", "code": error.upstream_code}},
            error_message=f"worker_failed: {error.message}",
        )
    ]


async def hang_up_in(
    orchestrator: Orchestrator, service: FakeWorker | FakeEvaluator, *, after: int
) -> None:
    service.hangs = True
    with pytest.raises(ClientGoneError):
        await orchestrator.serve(ID, REQUEST, until_hang_up=HangUp(after))
    assert service.was_cancelled


async def test_who_hangs_up_before_the_answer_ends_the_workers_call_and_leaves_one_row(
    orchestrator: Orchestrator,
    worker: FakeWorker,
    evaluator: FakeEvaluator,
    execution_log: FakeExecutionLog,
) -> None:
    await hang_up_in(orchestrator, worker, after=1)

    assert evaluator.calls == []
    [row] = execution_log.rows
    assert (row.worker_output, row.evaluation_passed, row.error_message) == (None, None, None)
    assert row.evaluation_detail == {"error": {"service": "client", "code": "client_closed"}}


async def test_who_hangs_up_before_the_score_ends_the_evaluation_and_the_answer_is_kept(
    orchestrator: Orchestrator, evaluator: FakeEvaluator, execution_log: FakeExecutionLog
) -> None:
    await hang_up_in(orchestrator, evaluator, after=1)

    [row] = execution_log.rows
    assert (row.worker_output, row.evaluation_passed, row.error_message) == (
        "def f(): ...",
        None,
        None,
    )
    assert row.evaluation_detail == {
        "worker": {"model": "m"},
        "error": {"service": "client", "code": "client_closed"},
    }


async def test_who_hangs_up_when_all_is_done_has_one_row_as_everybody_has(
    orchestrator: Orchestrator, execution_log: FakeExecutionLog
) -> None:
    gone = HangUp(after=2)
    response = await orchestrator.serve(ID, REQUEST, until_hang_up=gone)

    [row] = execution_log.rows
    assert row.evaluation_score == response.evaluation_score == 0.874


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(upstream_error("evaluator"), id="it fails"),
        pytest.param(UpstreamTimeoutError(upstream="evaluator", seconds=60), id="it is late"),
    ],
)
async def test_an_answer_that_could_not_be_scored_is_logged_unscored(
    orchestrator: Orchestrator,
    evaluator: FakeEvaluator,
    execution_log: FakeExecutionLog,
    error: UpstreamError,
) -> None:
    evaluator.error, told = error, error.message
    with pytest.raises(UpstreamError) as failure:
        await orchestrator.serve(ID, REQUEST)

    assert failure.value is error
    assert failure.value.message.startswith(f"{told.rstrip('.')}. The answer exists, unscored")
    assert f"selfheal explain {ID}" in failure.value.message
    [row] = execution_log.rows
    assert (row.worker_output, row.prompt_version, row.worker_latency_ms) == ("def f(): ...", 3, 12)
    assert (row.evaluation_score, row.evaluation_passed) == (None, None)
    assert row.evaluation_detail == {
        "worker": {"model": "m"},
        "error": {"service": "evaluator", "code": error.upstream_code},
    }
    assert row.error_message == f"evaluator_failed: {told}"


async def test_an_unknown_task_type_is_told_and_not_logged(
    orchestrator: Orchestrator, worker: FakeWorker, execution_log: FakeExecutionLog
) -> None:
    worker.error = UnknownTaskTypeError(task_type="poetry", known=[])
    with pytest.raises(UnknownTaskTypeError):
        await orchestrator.serve(ID, REQUEST)

    assert execution_log.rows == []


async def test_an_input_of_which_nothing_is_left_reaches_nobody(
    orchestrator: Orchestrator, worker: FakeWorker, execution_log: FakeExecutionLog
) -> None:
    request = AgentRequest.model_construct(user_input=" ", task_type="code_generation")
    with pytest.raises(InvalidRequestError):
        await orchestrator.serve(ID, request)

    assert (worker.calls, execution_log.rows) == ([], [])


@pytest.mark.parametrize(
    "evaluator_error", [None, upstream_error("evaluator")], ids=["scored", "unscored"]
)
async def test_what_can_not_be_logged_is_not_acknowledged(
    orchestrator: Orchestrator,
    evaluator: FakeEvaluator,
    execution_log: FakeExecutionLog,
    evaluator_error: ServiceError | None,
) -> None:
    evaluator.error = evaluator_error
    execution_log.error = DatabaseUnavailableError("down")

    with pytest.raises(DatabaseUnavailableError):
        await orchestrator.serve(ID, REQUEST)


async def test_what_the_worker_has_no_room_for_leaves_no_row(
    orchestrator: Orchestrator, worker: FakeWorker, execution_log: FakeExecutionLog
) -> None:
    worker.error = UpstreamOverloadedError(upstream="worker")
    with pytest.raises(UpstreamOverloadedError) as refusal:
        await orchestrator.serve(ID, REQUEST)
    assert (refusal.value.status_code, refusal.value.code) == (503, "overloaded")
    assert refusal.value.headers["retry-after"]
    assert execution_log.rows == []


async def test_an_answer_that_the_evaluator_has_no_room_for_is_kept(
    orchestrator: Orchestrator, evaluator: FakeEvaluator, execution_log: FakeExecutionLog
) -> None:
    evaluator.error = UpstreamOverloadedError(upstream="evaluator")
    with pytest.raises(UpstreamOverloadedError) as refusal:
        await orchestrator.serve(ID, REQUEST)
    assert "The answer exists" in refusal.value.message
    [row] = execution_log.rows
    assert (row.worker_output, row.evaluation_score) == ("def f(): ...", None)


CHARGES = ("purpose", "model", "calls", "unpriced_calls", "cost_usd")


async def test_a_request_is_charged_for_its_answer_and_its_judge(
    orchestrator: Orchestrator,
    worker: FakeWorker,
    evaluator: FakeEvaluator,
    execution_log: FakeExecutionLog,
) -> None:
    worker.told = {"provider": "openai", "input_tokens": 4, "output_tokens": 1, "cached_tokens": 2}
    evaluator.detail = {"judge": {"name": "openai:new", "calls": 2, "input_tokens": 9}}
    await orchestrator.serve(ID, REQUEST)
    assert [[one[name] for name in CHARGES] for one in execution_log.charges] == [
        ["serving", "openai:m", 1, 0, "0.006"],
        ["judging", "openai:new", 2, 2, "0"],
    ]
    [row] = execution_log.rows
    assert row.evaluation_detail is not None
    assert row.evaluation_detail["worker"] == {
        "model": "m",
        "provider": "openai",
        "input_tokens": 4,
        "output_tokens": 1,
        "cached_tokens": 2,
        "cost_usd": 0.006,
    }
    assert "cost_usd" not in row.evaluation_detail["judge"]


FAILURES = [
    (
        upstream_error("worker", "model_answer_cut"),
        '{"model": "openai:m", "calls": 1, "input_tokens": 2}',
        [["serving", "openai:m", 1, 0, "0.002"]],
    ),
    (upstream_error("worker", "model_rate_limited"), '{"model": "openai:m", "calls": 1}', []),
    (
        UpstreamTimeoutError(upstream="worker", seconds=90),
        "",
        [["serving", "unknown", 1, 1, "0"]],
    ),
]


@pytest.mark.parametrize("failure", FAILURES, ids=["paid for", "refused", "late"])
async def test_a_failure_is_charged_as_far_as_it_cost(
    orchestrator: Orchestrator,
    worker: FakeWorker,
    execution_log: FakeExecutionLog,
    failure: tuple[UpstreamError, str, list[list[Any]]],
) -> None:
    error, told, expected = failure
    error.told = {SPENT_HEADER: told} if told else {}
    worker.error = error
    with pytest.raises(UpstreamError):
        await orchestrator.serve(ID, REQUEST)
    assert [[one[name] for name in CHARGES] for one in execution_log.charges] == expected
