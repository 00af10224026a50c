"""Replays: the budget, what is repeated, and what is left out."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.chat.messages import ChatInput
from services.common.errors import (
    DatabaseUnavailableError,
    UnknownTaskTypeError,
    UpstreamError,
    UpstreamTimeoutError,
)
from services.common.metering.spending import Spending
from services.common.resilience.deadline import remaining_seconds
from services.common.schemas import (
    ChatCompletion,
    ChatTask,
    EvaluationRequest,
    EvaluationResponse,
    TaskRequest,
    TaskResponse,
)
from services.optimizer.app.services.proof.budget import (
    JUDGE,
    WORKER,
    BudgetExceededError,
    Limits,
)
from services.optimizer.app.services.proof.replay import (
    CONCURRENCY,
    DeadlineExceededError,
    Replayer,
    UnreplayableInputError,
)
from services.optimizer.app.services.proof.replay_results import ReplayInput, ReplayResult

CANDIDATE = UUID("00000000-0000-4000-8000-000000000001")
SPOILED = UpstreamError("down", upstream="worker", upstream_code="model_timeout")

Answer = Callable[[Any], Any]


class FakeClient:
    """Stands for a `WorkerClient` or an `EvaluatorClient`: answers with a function, or raises
    what it gives."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.bodies: list[Any] = []
        self.running = 0
        self.most_running = 0

    async def perform(self, body: TaskRequest) -> Any:
        return await self.evaluate(body)

    async def evaluate(self, body: Any) -> Any:
        self.bodies.append(body)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(0)
        self.running -= 1
        answer = self._answer(body)
        if isinstance(answer, Exception):
            raise answer
        return answer


def generate(body: TaskRequest) -> TaskResponse:
    return TaskResponse(
        request_id=body.request_id,
        output=f"answer to {body.refined_input}",
        prompt_version=0,
        latency_ms=1,
        model="fake",
        input_tokens=7,
        output_tokens=3,
    )


def evaluate(body: EvaluationRequest, detail: dict[str, Any] | None = None) -> EvaluationResponse:
    return EvaluationResponse(
        request_id=body.request_id,
        score=0.9,
        passed=True,
        detail={"evaluator": {"fingerprint": "f"}} if detail is None else detail,
    )


def inputs(count: int) -> list[ReplayInput]:
    return [ReplayInput(f"i{n}", f"user {n}", f"refined {n}", "failing") for n in range(count)]


def replayer(
    worker: FakeClient,
    evaluator: FakeClient,
    max_calls: int = 100,
    deadline_seconds: float = 900,
    **limits: int,
) -> Replayer:
    return Replayer(
        worker=worker,  # type: ignore[arg-type]
        evaluator=evaluator,  # type: ignore[arg-type]
        limits=Limits.suiting(max_calls, **limits),
        deadline_seconds=deadline_seconds,
    )


async def replay(subject: Replayer, count: int) -> dict[str, ReplayResult]:
    return await subject.replay(
        task_type="code_generation", candidate_id=CANDIDATE, inputs=inputs(count)
    )


async def test_inputs_go_through_worker_and_evaluator() -> None:
    worker, evaluator = FakeClient(generate), FakeClient(evaluate)
    results = await replay(replayer(worker, evaluator), 2)
    assert results == {
        "i0": ReplayResult(0.9, True, "f", "answer to refined 0"),
        "i1": ReplayResult(0.9, True, "f", "answer to refined 1"),
    }
    for task, evaluation in zip(worker.bodies, evaluator.bodies, strict=True):
        assert task.candidate_id == CANDIDATE
        assert task.task_type == evaluation.task_type == "code_generation"
        assert evaluation.user_input == task.refined_input.replace("refined", "user")
        assert evaluation.refined_input == task.refined_input
        assert evaluation.worker_output == f"answer to {task.refined_input}"
        assert evaluation.request_id == task.request_id


async def test_the_evaluator_is_told_the_name_of_a_golden_input() -> None:
    evaluator = FakeClient(evaluate)
    subject = replayer(FakeClient(generate), evaluator)
    live, golden = inputs(2)
    await subject.replay(
        task_type="code_generation",
        candidate_id=CANDIDATE,
        inputs=[live, replace(golden, golden_id="cg-053")],
    )
    assert {body.golden_id for body in evaluator.bodies} == {None, "cg-053"}


async def test_nothing_to_replay_is_no_failure() -> None:
    subject = replayer(FakeClient(generate), FakeClient(evaluate))
    assert await replay(subject, 0) == {}
    assert subject.calls == 0


@given(
    count=st.integers(1, 25),
    max_calls=st.integers(0, 30),
    spoiled=st.sets(st.integers(0, 60), max_size=40),
)
async def test_the_budget_is_never_exceeded(count: int, max_calls: int, spoiled: set[int]) -> None:
    def sometimes(body: TaskRequest) -> TaskResponse | Exception:
        return SPOILED if len(worker.bodies) in spoiled else generate(body)

    worker = FakeClient(sometimes)
    subject = replayer(worker, FakeClient(evaluate), max_calls)
    try:
        results = await replay(subject, count)
    except (UpstreamError, BudgetExceededError):
        results = {}
    assert len(worker.bodies) == subject.calls <= max_calls
    assert subject.calls_left == max_calls - subject.calls
    assert len(results) <= subject.calls
    assert worker.most_running <= CONCURRENCY


async def test_the_budget_is_one_for_all_replays() -> None:
    subject = replayer(FakeClient(generate), FakeClient(evaluate), max_calls=5)
    assert len(await replay(subject, 3)) == 3
    assert len(await replay(subject, 3)) == 2
    with pytest.raises(BudgetExceededError):
        await replay(subject, 3)


@pytest.mark.parametrize("service", ["worker", "evaluator"])
async def test_what_infrastructure_spoils_once_is_repeated(service: str) -> None:
    spoiled = []

    def spoil_first(respond: Answer) -> Answer:
        def answer(body: Any) -> Any:
            if spoiled:
                return respond(body)
            spoiled.append(body)
            return SPOILED

        return answer

    worker = FakeClient(spoil_first(generate) if service == "worker" else generate)
    evaluator = FakeClient(spoil_first(evaluate) if service == "evaluator" else evaluate)
    results = await replay(replayer(worker, evaluator), 3)
    assert set(results) == {"i0", "i1", "i2"}
    assert len(worker.bodies) == 4


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(SPOILED, id="upstream"),
        pytest.param(UnknownTaskTypeError(task_type="x", known=[]), id="unknown-task-type"),
    ],
)
async def test_what_is_spoiled_twice_is_left_out_and_never_a_zero(failure: Exception) -> None:
    def spoil_one(body: TaskRequest) -> TaskResponse | Exception:
        return failure if body.refined_input == "refined 1" else generate(body)

    worker = FakeClient(spoil_one)
    results = await replay(replayer(worker, FakeClient(evaluate)), 3)
    assert set(results) == {"i0", "i2"}
    assert len(worker.bodies) == 4


async def test_a_dead_provider_is_asked_again_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep, pauses = asyncio.sleep, []

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    dead = UpstreamError("dead", upstream="worker", upstream_code="model_unavailable")
    dead.headers["retry-after"] = "3"
    with pytest.raises(UpstreamError, match="dead"):
        await replay(replayer(FakeClient(lambda body: dead), FakeClient(evaluate)), 1)

    assert [seconds for seconds in pauses if seconds] == [3]


async def test_a_worker_whose_database_is_away_is_waited_for_and_charged_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sleep, waited = asyncio.sleep, []

    async def note(seconds: float) -> None:
        waited.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", note)
    away = UpstreamError("away", upstream="worker", upstream_code=DatabaseUnavailableError.code)
    worker = FakeClient(lambda body: away if len(worker.bodies) <= 3 else generate(body))
    subject = replayer(worker, FakeClient(evaluate))
    assert set(await replay(subject, 1)) == {"i0"}
    assert (len(worker.bodies), subject.calls) == (4, 1)

    waited.clear()
    gone = replayer(FakeClient(lambda body: away), FakeClient(evaluate))
    with pytest.raises(UpstreamError, match="away"):
        await replay(gone, 1)
    assert 5 <= sum(waited) <= 10
    assert gone.calls == 0


async def test_where_all_is_spoiled_the_failure_is_raised() -> None:
    worker = FakeClient(lambda body: SPOILED)
    with pytest.raises(UpstreamError, match="down"):
        await replay(replayer(worker, FakeClient(evaluate)), 3)
    assert len(worker.bodies) == 6


async def test_a_mistake_of_ours_is_not_hidden() -> None:
    worker = FakeClient(lambda body: ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await replay(replayer(worker, FakeClient(evaluate)), 1)


@pytest.mark.parametrize(
    "code", ["model_content_filtered", "model_answer_cut", "model_empty_answer"]
)
async def test_what_a_provider_made_of_an_answer_is_not_asked_for_again(code: str) -> None:
    withheld = UpstreamError("no", upstream="worker", upstream_code=code)
    worker = FakeClient(lambda body: withheld)
    with pytest.raises(UpstreamError, match="no"):
        await replay(replayer(worker, FakeClient(evaluate)), 3)
    assert len(worker.bodies) == 3


async def test_what_can_not_be_judged_is_not_asked_for_again() -> None:
    refusal = UpstreamError("no", upstream="evaluator", upstream_code="not_judgeable")

    def refuse_one(body: EvaluationRequest) -> EvaluationResponse | Exception:
        return refusal if body.refined_input == "refined 1" else evaluate(body)

    worker, evaluator = FakeClient(generate), FakeClient(refuse_one)
    results = await replay(replayer(worker, evaluator), 3)
    assert set(results) == {"i0", "i2"}
    assert len(worker.bodies) == len(evaluator.bodies) == 3


async def test_the_failed_rules_are_read_from_the_evaluation() -> None:
    detail = {"rules": [{"name": "a", "outcome": "failed"}, {"name": "b", "outcome": "passed"}]}
    evaluator = FakeClient(lambda body: evaluate(body, detail))
    results = await replay(replayer(FakeClient(generate), evaluator), 1)
    assert results["i0"].failed_rules == ("a",)


async def test_tokens_are_added_up() -> None:
    subject = replayer(FakeClient(generate), FakeClient(evaluate))
    await replay(subject, 3)
    assert subject.budget.spent[WORKER] == Spending(3, 21, 9)


def judged(calls: int, tokens: int = 0) -> Answer:
    """An Evaluator whose judge took so many calls, and so many tokens in."""
    judge = {"calls": calls, "input_tokens": tokens, "output_tokens": 0}
    detail = {"evaluator": {"fingerprint": "f"}, "judge": judge}
    return lambda body: evaluate(body, detail)


@given(
    count=st.integers(1, 20), most=st.integers(4, 40), calls=st.lists(st.integers(0, 4), min_size=1)
)
async def test_the_judges_budget_is_never_exceeded_and_is_used_up(
    count: int, most: int, calls: list[int]
) -> None:
    def answer(body: Any) -> Any:
        return judged(calls[len(evaluator.bodies) % len(calls)])(body)

    evaluator = FakeClient(answer)
    subject = replayer(FakeClient(generate), evaluator, judge_calls=most)
    with suppress(BudgetExceededError):
        await replay(subject, count)
    spent = subject.budget.spent[JUDGE].calls
    assert spent <= most
    if len(evaluator.bodies) < count:
        assert spent > most - 4
        assert (subject.budget.used_up, subject.calls_left) == ("judge calls", 0)


@pytest.mark.parametrize(
    ("code", "spent"), [("judge_invalid", 1 + 4 + 1), ("timeout", 1 + 4 + 1), ("not_judgeable", 1)]
)
async def test_what_a_judge_spent_on_no_score_counts_as_all_that_it_may(
    code: str, spent: int
) -> None:
    """But where it wasn't asked; an answer that can't be judged isn't asked for again."""
    failure = UpstreamError("no", upstream="evaluator", upstream_code=code)
    evaluator = FakeClient(lambda body: failure if len(evaluator.bodies) == 2 else judged(1)(body))
    subject = replayer(FakeClient(generate), evaluator)
    await replay(subject, 1)
    with suppress(UpstreamError):
        await subject.replay(task_type="t", candidate_id=CANDIDATE, inputs=inputs(2)[1:])
    assert subject.budget.spent[JUDGE].calls == spent


async def test_where_tokens_run_out_no_replay_begins() -> None:
    subject = replayer(FakeClient(generate), FakeClient(judged(1, 90)), tokens=100)
    await replay(subject, 1)
    with pytest.raises(BudgetExceededError, match="tokens"):
        await subject.replay(task_type="t", candidate_id=CANDIDATE, inputs=inputs(2)[1:])
    assert (subject.budget.used_up, subject.calls_left) == ("tokens", 0)


async def test_a_hanging_worker_ends_with_the_deadline() -> None:
    class HangingClient(FakeClient):
        async def perform(self, *args: Any, **kwargs: Any) -> Any:
            await asyncio.Event().wait()

    subject = replayer(HangingClient(generate), FakeClient(evaluate), deadline_seconds=0.3)
    with pytest.raises(DeadlineExceededError):
        await replay(subject, 2)
    assert subject.calls == 2
    assert (subject.calls_left, subject.seconds_left) == (0, 0)


async def test_a_service_that_has_too_little_of_the_heals_time_left_ends_it_as_planned() -> None:
    class LateClient(FakeClient):
        async def perform(self, *args: Any, **kwargs: Any) -> Any:
            assert 0 < (remaining_seconds() or 0) <= 900
            raise UpstreamTimeoutError(upstream="worker", seconds=1, code="deadline_passed")

    subject = replayer(LateClient(generate), FakeClient(evaluate))
    with pytest.raises(DeadlineExceededError):
        await replay(subject, 1)
    assert subject.calls == 1


async def test_nothing_is_begun_once_the_time_is_up() -> None:
    subject = replayer(FakeClient(generate), FakeClient(evaluate), deadline_seconds=0)
    with pytest.raises(BudgetExceededError):
        await replay(subject, 2)
    assert subject.calls == 0


async def test_a_service_that_fails_is_told_before_an_answer_that_is_cut() -> None:
    def answer(body: TaskRequest) -> Any:
        cut = UpstreamError("cut", upstream="worker", upstream_code="model_answer_cut")
        return cut if body.refined_input == "refined 0" else SPOILED

    with pytest.raises(UpstreamError, match="down"):
        await replay(replayer(FakeClient(answer), FakeClient(evaluate)), 3)


async def test_where_no_input_is_taken_that_is_the_failure() -> None:
    subject = replayer(FakeClient(generate), FakeClient(evaluate))
    with pytest.raises(UnreplayableInputError):
        await subject.replay(
            task_type="code_generation",
            candidate_id=uuid4(),
            inputs=[ReplayInput("bad", " ", "x", "failing")],
        )


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(ReplayInput("bad", " ", "x", "failing"), id="blank-input"),
        pytest.param(ReplayInput("bad", "x" * 20_001, "x", "failing"), id="long-input"),
        pytest.param(ReplayInput("bad", "x", "x" * 70_000, "failing"), id="long-refined-input"),
    ],
)
async def test_a_logged_input_that_no_service_takes_is_left_out(item: ReplayInput) -> None:
    subject = replayer(FakeClient(generate), FakeClient(evaluate))
    results = await subject.replay(
        task_type="code_generation", candidate_id=uuid4(), inputs=[item, *inputs(1)]
    )
    assert set(results) == {"i0"}


@pytest.mark.parametrize("output", ["a\x00b", "x" * 200_001], ids=["nul", "too-long"])
async def test_an_answer_that_the_evaluator_would_refuse_is_left_out(output: str) -> None:
    def spoil_one(body: TaskRequest) -> TaskResponse:
        answer = generate(body)
        bad = body.refined_input == "refined 1"
        return answer.model_copy(update={"output": output}) if bad else answer

    results = await replay(replayer(FakeClient(spoil_one), FakeClient(evaluate)), 2)
    assert set(results) == {"i0"}


@pytest.mark.parametrize(
    "detail",
    [
        pytest.param({}, id="none"),
        pytest.param({"evaluator": "v1"}, id="a-string"),
        pytest.param({"evaluator": None}, id="null"),
        pytest.param({"evaluator": {}}, id="no-fingerprint"),
    ],
)
async def test_an_evaluator_without_a_fingerprint_is_taken_as_it_is(detail: dict[str, Any]) -> None:
    evaluator = FakeClient(lambda body: evaluate(body, detail))
    results = await replay(replayer(FakeClient(generate), evaluator), 1)
    assert results["i0"].fingerprint == ""


ASKED = ChatInput(
    messages=[{"role": "user", "content": "Book it."}],
    tools=[{"type": "function", "function": {"name": "book"}}],
    parameters={"temperature": 0.2, "stream": True},
    variables={"customer": "Ada"},
)
CALLS = [{"type": "function", "id": "c", "function": {"name": "book", "arguments": "{}"}}]


class ChattingWorker(FakeClient):
    async def complete(self, body: ChatTask) -> Any:
        return await self.evaluate(body)


def converse(_: ChatTask) -> ChatCompletion:
    choice = {"message": {"content": None, "tool_calls": CALLS}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 5, "completion_tokens": None}
    return ChatCompletion(choices=[choice], usage=usage)


async def test_a_conversation_is_replayed_with_all_that_it_had() -> None:
    worker, evaluator = ChattingWorker(converse), FakeClient(evaluate)
    subject = replayer(worker, evaluator)
    item = ReplayInput("c", "Book it.", "Book it.", "failing", conversation=ASKED)
    results = await subject.replay(task_type="tools", candidate_id=CANDIDATE, inputs=[item])
    assert results["c"].output == json.dumps(CALLS)
    [task], [question] = worker.bodies, evaluator.bodies
    assert (task.candidate_id, task.variables) == (CANDIDATE, {"customer": "Ada"})
    assert task.request == {
        "model": "tools",
        "messages": ASKED.messages,
        "tools": ASKED.tools,
        "temperature": 0.2,
    }
    assert question.conversation.messages == ASKED.messages
    assert question.conversation.answer["tool_calls"] == CALLS
    assert question.conversation.finish_reason == "tool_calls"
    assert subject.budget.spent[WORKER] == Spending(1, 5, 0)
