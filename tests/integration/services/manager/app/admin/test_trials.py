"""Texts are tried through Worker and Evaluator: side by side, again, bounded, and unlogged."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.stub_worker import completion

from services.common.models import Prompt
from services.manager.app.services import trials as trials_module

Connection = asyncpg.Connection
Console = Any  # of the conftest, which can't be imported
StartConsole = Callable[..., Awaitable[Console]]
LoadActive = Callable[[], Awaitable[Prompt]]

TOKEN = "a-token-for-tests"
TRIAL = "/prompts/code_generation/trial"
CODE = "```python\ndef answer(): return 42\n```"
INSERT_LOG = """
    INSERT INTO execution_logs (request_id, task_type, user_input, refined_input, prompt_version)
    VALUES ($1, 'code_generation', 'sort it', 'Sort it, refined', 1) RETURNING id
"""
INSERT_CONVERSATION = """
    INSERT INTO selfheal.conversations
        (execution_id, request_id, messages, tools, parameters, variables, model_asked)
    VALUES ($1, $2, $3, $4, $5, $6, 'code_generation')
"""


class Siblings:
    """A Worker that obeys its prompt, and an Evaluator that wants code."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self.tasks: list[dict[str, Any]] = []
        self.chats: list[dict[str, Any]] = []
        self.evaluations: list[dict[str, Any]] = []
        self.at_once = self.most_at_once = 0
        self.hangs = False

    async def prompt_of(self, body: dict[str, Any]) -> str:
        async with self._lock:
            text: str = await self._connection.fetchval(
                "SELECT content FROM selfheal.candidates WHERE id = $1", UUID(body["candidate_id"])
            )
        return text

    async def perform(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.tasks.append(body | {"token": request.headers.get("X-Internal-Token")})
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        if self.hangs:
            await asyncio.Event().wait()
        prompt = await self.prompt_of(body)
        self.at_once -= 1
        if "fail" in prompt:
            error = {"code": "model_failed", "message": "It broke.", "request_id": "x"}
            return web.json_response(error, status=502)
        output = "Hello" if "hello" in prompt else CODE
        return web.json_response(
            {"request_id": body["request_id"], "output": output, "prompt_version": 1,
             "latency_ms": 7, "model": "fake"}
        )  # fmt: skip

    async def chat(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.chats.append(body | {"prompt": await self.prompt_of(body)})
        return web.json_response(completion(CODE))

    async def evaluate(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.evaluations.append(body)
        passed = "```" in body["worker_output"]
        return web.json_response(
            {"request_id": body["request_id"], "score": 0.9 if passed else 0.3, "passed": passed,
             "detail": {"judge": {"name": "rubric"}}}
        )  # fmt: skip


@pytest.fixture
async def siblings(
    connect: Callable[[], Awaitable[Connection]],
) -> Siblings:
    return Siblings(await connect())


@pytest.fixture
async def console(siblings: Siblings, start_console: StartConsole) -> AsyncIterator[Console]:
    """Whoever sits at the machine, with both siblings running."""
    worker, evaluator = web.Application(), web.Application()
    worker.router.add_post("/api/v1/task", siblings.perform)
    worker.router.add_post("/api/v1/chat", siblings.chat)
    evaluator.router.add_post("/api/v1/evaluate", siblings.evaluate)
    async with AsyncExitStack() as stack:
        urls = [
            str((await stack.enter_async_context(TestServer(app))).make_url("/"))
            for app in (worker, evaluator)
        ]
        yield await start_console(worker_url=urls[0], evaluator_url=urls[1], internal_token=TOKEN)


async def test_a_draft_is_run_beside_what_serves_and_nothing_is_logged(
    console: Console, siblings: Siblings, connection: Connection, load_active: LoadActive
) -> None:
    before = await load_active()
    body = {"content": "say hello", "inputs": ["sort  a list", "reverse a list"]}
    answer = await console.call("POST", TRIAL, body)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert result["calls"] == 4
    for pair, text in zip(result["pairs"], body["inputs"], strict=True):
        assert pair["input"] == text
        assert (pair["draft"]["output"], pair["draft"]["passed"]) == ("Hello", False)
        assert (pair["serving"]["score"], pair["serving"]["latency_ms"]) == (0.9, 7)
        assert pair["serving"]["detail"] == {"judge": {"name": "rubric"}}
    assert {(task["purpose"], task["token"]) for task in siblings.tasks} == {("trial", TOKEN)}
    # The model is asked what it would be asked live.
    assert siblings.tasks[0]["refined_input"] != body["inputs"][0]
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 0
    strategies = await connection.fetch("SELECT strategy FROM selfheal.candidates ORDER BY 1")
    assert [row["strategy"] for row in strategies] == ["draft", "serving"]
    assert await load_active() == before


async def test_answers_come_a_few_at_a_time_and_one_that_fails_is_told_in_its_place(
    console: Console, siblings: Siblings
) -> None:
    body = {"content": "fail", "inputs": [f"sort list {number}" for number in range(8)]}
    pairs = (await console.call("POST", TRIAL, body)).json()["pairs"]
    assert len(pairs) == 8
    assert all("It broke." in pair["draft"]["error"] for pair in pairs)
    assert all(pair["serving"]["passed"] for pair in pairs)
    assert siblings.most_at_once <= trials_module.CONCURRENCY


async def test_a_trial_ends_with_its_deadline(console: Console, siblings: Siblings) -> None:
    siblings.hangs = True
    console.client._transport.app.state.trials.deadline_seconds = 0.05
    answer = await console.call("POST", TRIAL, {"content": "x", "inputs": ["sort"]})
    assert answer.status_code == 200
    assert "took longer" in answer.json()["pairs"][0]["draft"]["error"]


@pytest.mark.parametrize(
    "body",
    [
        {"content": "a\x00b", "inputs": ["sort"]},
        {"content": "x" * 20_000, "inputs": ["sort"]},
        {"content": "seen\u202ereversed", "inputs": ["sort"]},
        {"content": "x", "inputs": []},
        {"content": "x", "inputs": ["sort"] * 9},
        {"content": "x", "inputs": ["\u200b"]},
    ],
)
async def test_what_must_not_be_run_is_refused_before_a_call(
    console: Console, siblings: Siblings, body: dict[str, Any]
) -> None:
    answer = await console.call("POST", TRIAL, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert siblings.tasks == []


async def test_a_task_type_that_nothing_serves_has_no_trial(console: Console) -> None:
    answer = await console.call(
        "POST", "/prompts/nothing/trial", {"content": "x", "inputs": ["sort"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_task_type")


async def test_a_logged_request_runs_again_under_another_text(
    console: Console, siblings: Siblings, connection: Connection, deploy: Any
) -> None:
    request_id = uuid4()
    await connection.fetchval(INSERT_LOG, request_id)
    prompt_id = await deploy("say hello", version=5)
    path = f"/requests/{request_id}/replay"
    answer = await console.call("POST", path, {"prompt_id": prompt_id})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["output"], answer.json()["score"]) == ("Hello", 0.3)
    assert siblings.tasks[0]["refined_input"] == "Sort it, refined"
    assert siblings.evaluations[0]["user_input"] == "sort it"
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 1
    unknown = await console.call("POST", path, {"prompt_id": prompt_id + 1})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_prompt")
    nowhere = await console.call("POST", f"/requests/{uuid4()}/replay", {"prompt_id": prompt_id})
    assert nowhere.status_code == 404


async def test_a_conversation_runs_again_with_its_tools_parameters_and_variables(
    console: Console, siblings: Siblings, connection: Connection, load_active: LoadActive
) -> None:
    request_id = uuid4()
    execution_id = await connection.fetchval(INSERT_LOG, request_id)
    messages = [{"role": "user", "content": "Sort it"}]
    tools = [{"type": "function", "function": {"name": "sort"}}]
    values = (messages, tools, {"temperature": 0.2, "stream": True}, {"name": "Ada"})
    await connection.execute(INSERT_CONVERSATION, execution_id, request_id, *values)
    prompt = await load_active()
    path = f"/requests/{request_id}/replay"
    answer = await console.call("POST", path, {"prompt_id": prompt.id})
    assert answer.status_code == 200, answer.text
    [asked] = siblings.chats
    assert asked["request"] == {
        "model": "code_generation", "messages": messages, "temperature": 0.2, "tools": tools,
    }  # fmt: skip
    assert (asked["variables"], asked["purpose"]) == ({"name": "Ada"}, "trial")
    assert asked["prompt"] == prompt.content
    assert siblings.evaluations[0]["conversation"]["messages"] == messages
    await connection.execute(
        "UPDATE selfheal.conversations SET parameters = $1", json.loads('{"selfheal": "cut"}')
    )
    cut = await console.call("POST", path, {"prompt_id": prompt.id})
    assert cut.status_code == 422
    assert "too large to be kept whole" in cut.json()["message"]


async def test_a_request_whose_texts_were_removed_is_never_run_as_an_empty_one(
    console: Console, siblings: Siblings, connection: Connection, load_active: LoadActive
) -> None:
    request_id = uuid4()
    await connection.fetchval(INSERT_LOG, request_id)
    await connection.execute(
        "UPDATE execution_logs SET user_input = '', refined_input = NULL, worker_output = NULL, "
        "evaluation_detail = $1",
        {"removed": {"by": "BODY_RETENTION_DAYS", "at": "2026-11-01T00:00:00+00:00"}},
    )
    prompt = await load_active()
    answer = await console.call("POST", f"/requests/{request_id}/replay", {"prompt_id": prompt.id})
    assert (answer.status_code, answer.json()["code"]) == (410, "texts_removed")
    assert "removed by BODY_RETENTION_DAYS" in answer.json()["message"]
    assert not siblings.tasks


async def test_an_answer_is_judged_and_not_kept(console: Console, connection: Connection) -> None:
    body = {"task_type": "code_generation", "user_input": "sort a list", "worker_output": CODE}
    answer = await console.call("POST", "/evaluations", body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["score"], answer.json()["passed"]) == (0.9, True)
    assert await connection.fetchval("SELECT count(*) FROM execution_logs") == 0
