"""What the Optimizer works on: logged results, and stand-ins for its two siblings."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.stub_worker import completion

from selfheal.runtime.postgres.server import EmbeddedPostgres
from services.common.config import Settings
from services.common.http import create_session
from services.common.record.outcomes import HealingOutcome
from services.optimizer.app.services.diagnosis.evaluator_condition import EvaluatorWatch
from services.optimizer.app.services.repair.candidates import Analyst, AskModel, Reflect
from services.optimizer.app.services.telling.notification import Notification
from services.optimizer.app.wiring import Tools, run_cycle

Connection = asyncpg.Connection
Connect = Callable[[], Awaitable[Connection]]
LogResult = Callable[..., Awaitable[None]]
Optimize = Callable[..., Awaitable[dict[str, HealingOutcome]]]

TOKEN = "a-token-for-tests"
HELLO = "Hello World"
CODE = "```python\ndef answer() -> int:\n    return 42\n```"

INSERT_LOG = """
    INSERT INTO execution_logs (
        request_id, task_type, user_input, refined_input, prompt_version, worker_output,
        evaluation_score, evaluation_passed, evaluation_detail, created_at, error_message
    ) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() - $10::interval,
              CASE WHEN $8::boolean IS NULL THEN 'evaluator_failed: No score.' END)
"""
AGE_ACTIVATIONS = "UPDATE selfheal.activations SET activated_at = activated_at - $1::interval"
AGE_PROMPTS = "UPDATE prompts SET created_at = created_at - $1::interval"


@pytest.fixture
def database_url(database_server: EmbeddedPostgres, connection: asyncpg.Connection) -> str:
    """Where the database of `connection` is, for the Optimizer's own user."""
    return database_server.service_urls["optimizer"]


@pytest.fixture
def log_result(connection: Connection) -> LogResult:
    """Logs answers as the Manager does; `distinct` ones are to inputs that differ by a number."""

    async def log(
        user_input: str = "Write a binary search function",
        *,
        times: int = 1,
        version: int | None = 99,
        score: float | None = 0.36,
        passed: bool | None = False,
        task_type: str = "code_generation",
        refined_input: str | None = None,
        output: str | None = HELLO,
        detail: Any = None,
        minutes_ago: float = 0,
        distinct: bool = False,
    ) -> None:
        for number in range(times):
            await connection.execute(
                INSERT_LOG,
                uuid4(),
                task_type,
                f"{user_input} {number}" if distinct else user_input,
                refined_input,
                version,
                output,
                score,
                passed,
                detail,
                timedelta(minutes=minutes_ago),
            )

    return log


@pytest.fixture
def age(connection: Connection) -> Callable[..., Awaitable[None]]:
    """Moves everything that was activated so far into the past."""

    async def move(*, minutes: float) -> None:
        await connection.execute(AGE_ACTIVATIONS, timedelta(minutes=minutes))
        await connection.execute(AGE_PROMPTS, timedelta(minutes=minutes))

    return move


def obey(prompt: str, refined_input: str) -> str:
    """A model that does what its prompt says, as far as these tests go."""
    return HELLO if "hello world" in prompt.lower() else CODE


def score_by_code(output: str) -> float:
    return 0.874 if "```python" in output else 0.36


@dataclass
class Siblings:
    """A Worker and an Evaluator that answer with plain functions, and count who asks for what.

    Attributes:
        respond: Prompt and refined input to answer, or the HTTP status of a failure.
        grade: Answer to score, or the HTTP status of a failure.
        failure_code: The code that failures give.
        is_degraded: What the Evaluator says of itself.
        judge_calls: Calls that its judge takes for an answer.
        texts: What was generated with, and on which input, in order.
        before_task: Runs before each answer of the Worker, with the number of the call.
    """

    database: Connection
    respond: Callable[[str, str], str | int] = obey
    grade: Callable[[str], float | int] = score_by_code
    before_task: Callable[[int], Awaitable[None]] | None = None
    failure_code: str = "model_failed"
    is_degraded: bool = False
    judge_calls: int = 0
    worker_url: str = ""
    evaluator_url: str = ""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    tokens: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def perform_task(self, request: web.Request) -> web.Response:
        body = await request.json()
        output = await self._answer(request, body, body["refined_input"])
        if isinstance(output, int):
            return _failure(output, self.failure_code)
        return web.json_response(
            {
                "request_id": body["request_id"],
                "output": output,
                "prompt_version": 0,
                "latency_ms": 1,
                "model": "fake",
            }
        )

    async def complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        output = await self._answer(request, body, body["request"]["messages"][-1]["content"])
        if isinstance(output, int):
            return _failure(output, self.failure_code)
        return web.json_response(completion(output))

    async def _answer(self, request: web.Request, body: dict[str, Any], asked: str) -> str | int:
        self.tasks.append(body)
        number = len(self.tasks)
        async with self.lock:
            self.tokens["worker", request.headers.get("X-Internal-Token")] += 1
            if self.before_task is not None:
                await self.before_task(number)
            prompt = await self.database.fetchval(
                "SELECT content FROM selfheal.candidates WHERE id = $1", body["candidate_id"]
            )
        self.texts.append((prompt, asked))
        return self.respond(prompt, asked)

    async def evaluate(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.evaluations.append(body)
        self.tokens["evaluator", request.headers.get("X-Internal-Token")] += 1
        score = self.grade(body["worker_output"])
        if score > 1:
            return _failure(int(score), self.failure_code)
        return web.json_response(
            {
                "request_id": body["request_id"],
                "score": score,
                "passed": score >= 0.7,
                "detail": {
                    "evaluator": {"fingerprint": "fake"},
                    "judge": {"calls": self.judge_calls},
                },
            }
        )

    async def tell_readiness(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ready", "degraded": self.is_degraded})


def _failure(status: int, code: str) -> web.Response:
    error = {"code": code, "message": "The model failed.", "request_id": "x"}
    return web.json_response(error, status=status)


@pytest.fixture
async def siblings(connect: Connect) -> AsyncIterator[Siblings]:
    """Worker and Evaluator on free ports of this machine."""
    siblings = Siblings(await connect())
    worker, evaluator = web.Application(), web.Application()
    worker.router.add_post("/api/v1/task", siblings.perform_task)
    worker.router.add_post("/api/v1/chat", siblings.complete)
    evaluator.router.add_post("/api/v1/evaluate", siblings.evaluate)
    evaluator.router.add_get("/health/ready", siblings.tell_readiness)
    async with TestServer(worker) as worker_server, TestServer(evaluator) as evaluator_server:
        siblings.worker_url = str(worker_server.make_url("/"))
        siblings.evaluator_url = str(evaluator_server.make_url("/"))
        yield siblings


class Messages:
    """A notifier that only keeps what people would be told."""

    def __init__(self) -> None:
        self.told: list[Notification] = []
        self.problem = ""

    async def notify(self, notification: Notification, connection: Connection) -> None:
        self.told.append(notification)

    async def deliver(self, notification: Notification) -> str:
        self.told.append(notification)
        return self.problem


@pytest.fixture
def messages() -> Messages:
    """What people were told."""
    return Messages()


@pytest.fixture
def optimizer_settings(
    make_settings: Callable[..., Settings], siblings: Siblings
) -> Callable[..., Settings]:
    """Builds settings that name the siblings."""

    def make(**values: Any) -> Settings:
        return make_settings(
            **{
                "worker_url": siblings.worker_url,
                "evaluator_url": siblings.evaluator_url,
                "internal_token": TOKEN,
                "optimizer_max_calls": 100,
                "optimizer_triggered_by": "test",
                **values,
            }
        )

    return make


@pytest.fixture
async def optimize(
    optimizer_settings: Callable[..., Settings], messages: Messages
) -> AsyncIterator[Optimize]:
    """Runs the Optimizer once, as its own wiring does it, and gives the outcomes."""
    async with create_session() as session:

        async def run(
            *,
            reflect: Reflect | None = None,
            ask_model: AskModel | None = None,
            is_continuous: bool = False,
            **values: Any,
        ) -> dict[str, HealingOutcome]:
            settings = optimizer_settings(**values)
            evaluator = EvaluatorWatch(session, settings.evaluator_url)
            analyst = Analyst(reflect, ask_model)
            tools = Tools(session, analyst, messages, evaluator)  # type: ignore[arg-type]
            return await run_cycle(settings, tools, is_continuous=is_continuous)

        yield run
